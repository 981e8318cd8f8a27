//! Where a way leads.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// The other end: a port, or a socket in the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Tcp(String),
    Unix(PathBuf),
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address.to_string())
    }
}

/// Bytes both ways, whatever carries them.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Target {
    /// The server of a URL such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// When it names no host and port.
    pub fn of_url(url: &str) -> Result<Self> {
        let url: reqwest::Url = url.parse().context("reading a URL")?;
        let host = url.host_str().context("a URL without a host")?;
        let port = url.port_or_known_default();
        Ok(Self::Tcp(format!("{host}:{}", port.context("no port")?)))
    }

    pub(super) fn of_database(settings: &Config) -> Result<Self> {
        let port = settings.get_ports().first().copied().unwrap_or(5432);
        Ok(match settings.get_hosts().first().context("no host")? {
            Host::Unix(folder) => Self::Unix(folder.join(format!(".s.PGSQL.{port}"))),
            Host::Tcp(host) => Self::Tcp(format!("{host}:{port}")),
        })
    }

    pub(super) async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}

/// The same database and role at another address.
pub(super) fn database_url(settings: &Config, address: SocketAddr) -> Result<String> {
    let user = settings.get_user().context("the URL names no role")?;
    let name = settings.get_dbname().context("the URL names no database")?;
    let password = settings.get_password().unwrap_or_default();
    let password = std::str::from_utf8(password).context("the password is no text")?;
    let options = settings.get_options().unwrap_or_default();
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let mut url = format!(
        "host={} port={} user='{}' dbname='{}' sslmode=disable",
        address.ip(),
        address.port(),
        quoted(user),
        quoted(name)
    );
    for (key, value) in [("password", password), ("options", options)] {
        if !value.is_empty() {
            url.push_str(&format!(" {key}='{}'", quoted(value)));
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_keeps_all_but_its_address() {
        let settings: Config = "postgres://u:it's@%2Fx%2Fy/d?options=-cx%3D1"
            .parse()
            .unwrap();
        assert_eq!(
            Target::of_database(&settings).unwrap(),
            Target::Unix("/x/y/.s.PGSQL.5432".into())
        );
        let url = database_url(&settings, ([127, 0, 0, 1], 7).into()).unwrap();
        let moved: Config = url.parse().unwrap();
        assert_eq!(moved.get_hosts(), [Host::Tcp("127.0.0.1".to_owned())]);
        assert_eq!(moved.get_ports(), [7]);
        assert_eq!(moved.get_user(), settings.get_user());
        assert_eq!(moved.get_password(), settings.get_password());
        assert_eq!(moved.get_dbname(), settings.get_dbname());
        assert_eq!(moved.get_options(), settings.get_options());
    }

    #[test]
    fn a_server_is_found_in_its_url() {
        let target = Target::of_url("http://127.0.0.1:8080/a?b").unwrap();
        assert_eq!(target, Target::Tcp("127.0.0.1:8080".to_owned()));
        assert!(Target::of_url("127.0.0.1:8080").is_err());
    }
}
