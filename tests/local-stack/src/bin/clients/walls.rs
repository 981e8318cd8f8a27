//! A proxy that lets nobody through and remembers who asked.
//!
//! What a client fetches from the network would make these runs depend on the day, so a client that
//! tries to fails its scenario, on a machine with a network too.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

const ASKED_WITHIN: Duration = Duration::from_secs(5);

type Asked = Arc<Mutex<Vec<String>>>;

/// Stands between the clients and the network.
#[derive(Debug)]
pub(crate) struct Walls {
    address: SocketAddr,
    asked: Asked,
}

impl Walls {
    /// # Errors
    /// When no port is free.
    pub(crate) fn raise() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("a port for the proxy")?;
        let address = listener.local_addr()?;
        let asked = Asked::default();
        let theirs = Arc::clone(&asked);
        thread::spawn(move || {
            // The stream is let go at the end of its turn, so its line is there by then.
            for stream in listener.incoming().flatten() {
                let line = first_line(&stream);
                theirs
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        Ok(Self { address, asked })
    }

    /// The environment that sends a client's calls here, but those to this machine.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let proxy = format!("http://{}", self.address);
        let here = "127.0.0.1,localhost".to_owned();
        vec![
            ("HTTP_PROXY", proxy.clone()),
            ("HTTPS_PROXY", proxy.clone()),
            ("http_proxy", proxy.clone()),
            ("https_proxy", proxy),
            ("NO_PROXY", here.clone()),
            ("no_proxy", here),
        ]
    }

    /// # Errors
    /// When somebody asked since the last look.
    pub(crate) fn nobody_asked(&self) -> Result<()> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        if !asked.is_empty() {
            bail!("it tried to reach the network: {}", asked.join("; "));
        }
        Ok(())
    }
}

/// Who says nothing has asked all the same.
fn first_line(stream: &TcpStream) -> String {
    let mut line = String::new();
    let _ = stream.set_read_timeout(Some(ASKED_WITHIN));
    let _ = BufReader::new(stream).read_line(&mut line);
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn who_asks_for_the_network_is_found_out_once() {
        let walls = Walls::raise().unwrap();
        walls.nobody_asked().unwrap();
        let mut asking = TcpStream::connect(walls.address).unwrap();
        asking
            .write_all(b"CONNECT example.com:443 HTTP/1.1\r\n")
            .unwrap();
        // It is let go without an answer when it has been written down.
        assert_eq!(asking.read(&mut [0]).unwrap_or_default(), 0);
        let error = walls.nobody_asked().unwrap_err().to_string();
        assert!(error.contains("CONNECT example.com:443"), "{error}");
        walls.nobody_asked().unwrap();
    }
}
