//! Prometheus beside the services, with what Compose gives it, if the program is on this machine.
//!
//! It looks at the targets' files again by itself, so an instance that is started again on another port is
//! found.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::children::{self, Group};
use crate::config::outside;

const CONFIGURATION: &str = include_str!("../monitoring/prometheus/prometheus.yml");
const ALERTS: &str = include_str!("../monitoring/prometheus/alerts.yml");
const READY_WITHIN: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// By job, as the scrape configuration names them: `public-api`, `internal-verifier`.
pub type Targets = BTreeMap<&'static str, Vec<SocketAddr>>;

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    folder: PathBuf,
    told: Targets,
    process: Group,
}

impl Prometheus {
    /// Starts it on this port of 127.0.0.1, with all it writes in the folder, and waits until it is ready.
    ///
    /// # Errors
    /// When it is not on this machine, or does not start.
    pub async fn start(folder: &Path, port: u16, targets: &Targets) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // It would only be told by its log.
        drop(
            TcpListener::bind(address)
                .with_context(|| format!("serving Prometheus on {address}"))?,
        );
        let making = || format!("writing into {}", folder.display());
        fs::create_dir_all(folder.join("targets")).with_context(making)?;
        fs::write(folder.join("prometheus.yml"), CONFIGURATION).with_context(making)?;
        fs::write(folder.join("alerts.yml"), ALERTS).with_context(making)?;
        tell(folder, targets)?;
        let process = spawn(folder, address)?;
        let mut prometheus = Self {
            address,
            folder: folder.to_owned(),
            told: targets.clone(),
            process,
        };
        prometheus.until_ready().await?;
        Ok(prometheus)
    }

    /// Where a browser finds it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Some instances may be somewhere else now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn follow(&mut self, targets: &Targets) -> Result<()> {
        if self.told != *targets {
            tell(&self.folder, targets)?;
            self.told.clone_from(targets);
        }
        Ok(())
    }

    async fn until_ready(&mut self) -> Result<()> {
        let url = format!("{}/-/ready", self.url());
        let http = reqwest::Client::builder().no_proxy().build()?;
        let started = Instant::now();
        loop {
            let answer = http.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            let ended = self.process.has_ended()?;
            if ended.is_some() || started.elapsed() > READY_WITHIN {
                bail!(
                    "Prometheus is not ready: {ended:?}; see {}",
                    log(&self.folder).display()
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

fn log(folder: &Path) -> PathBuf {
    folder.join("prometheus.log")
}

fn spawn(folder: &Path, address: SocketAddr) -> Result<Group> {
    let log = fs::File::create(log(folder)).context("making Prometheus's log")?;
    let mut command = Command::new("prometheus");
    command
        .env_clear()
        .envs(outside())
        .arg(format!(
            "--config.file={}",
            folder.join("prometheus.yml").display()
        ))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    match children::spawn(command) {
        Ok(child) => Ok(Group::led_by(child)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("Prometheus is not on this machine; Debian has it: apt-get install prometheus")
        }
        Err(error) => Err(error).context("starting Prometheus"),
    }
}

fn tell(folder: &Path, targets: &Targets) -> Result<()> {
    for (job, addresses) in targets {
        let document = json!([{ "targets": addresses }]).to_string();
        let file = folder.join("targets").join(format!("{job}.json"));
        // Moved into place: a half of it is never read.
        let written = file.with_extension("new");
        fs::write(&written, document)
            .and_then(|()| fs::rename(&written, &file))
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}
