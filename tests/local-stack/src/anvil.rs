//! A development chain: anvil's native binary, as npm brings it.
//!
//! It is run directly, without the Node program around it, so that signals arrive. One process is
//! one chain.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::children;

const READY_WITHIN: Duration = Duration::from_secs(20);

/// A running chain; it ends when dropped.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    address: SocketAddr,
    http: reqwest::Client,
}

impl Anvil {
    /// A chain on a free port, ready for calls. `arguments` are anvil's own, such as `--hardfork`.
    ///
    /// # Errors
    /// When anvil is not installed, refuses the arguments, or is not ready in time.
    pub async fn start(chain_id: u64, arguments: &[&str]) -> Result<Self> {
        let program = binary()?;
        let mut command = Command::new(&program);
        command
            .args(["--host", "127.0.0.1", "--port", "0", "--chain-id"])
            .arg(chain_id.to_string())
            .args(arguments)
            // Without a home it neither reads a configuration nor keeps a cache.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child =
            children::spawn(command).with_context(|| format!("starting {}", program.display()))?;
        let mut anvil = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            http: reqwest::Client::builder().no_proxy().build()?,
        };
        anvil.address = anvil.wait_for_address().await?;
        let answered = anvil.call("eth_chainId", json!([])).await?;
        if answered != format!("{chain_id:#x}") {
            bail!("anvil says its chain is {answered}, not {chain_id}");
        }
        Ok(anvil)
    }

    /// It prints its port when it has one; what it printed instead is the reason it has none.
    async fn wait_for_address(&mut self) -> Result<SocketAddr> {
        let stdout = self.child.stdout.take().context("anvil has no output")?;
        let stderr = self.child.stderr.take().context("anvil has no output")?;
        let (sender, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] = [Box::new(stdout), Box::new(stderr)];
        for output in outputs {
            let sender = sender.clone();
            // Reads on after that, or anvil would block; an answer that nobody wants is dropped.
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        drop(sender);
        let waiting = tokio::task::spawn_blocking(move || {
            let mut last = VecDeque::new();
            loop {
                match lines.recv_timeout(READY_WITHIN) {
                    Ok(line) => match line.strip_prefix("Listening on ") {
                        Some(address) => return address.parse().context("anvil's address"),
                        None => last.push_back(line),
                    },
                    Err(RecvTimeoutError::Timeout) => bail!("anvil was not ready in time"),
                    Err(RecvTimeoutError::Disconnected) => {
                        let said = Vec::from(last).join("\n");
                        bail!("anvil ended: {said}")
                    }
                }
            }
        });
        waiting.await?
    }

    /// The chain's JSON-RPC endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// One JSON-RPC call.
    ///
    /// # Errors
    /// When it is not answered, or answered with an error.
    pub async fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters});
        let response = self.http.post(self.url()).json(&body).send().await;
        let answer: Value = response.with_context(|| method.to_owned())?.json().await?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer["result"].clone())
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // It keeps nothing that a gentle end would save. A child of ours can always be waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn binary() -> Result<PathBuf> {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("there is no anvil for {other}"),
    };
    let path = npm_folder().join(format!(
        "node_modules/@foundry-rs/anvil-linux-{machine}/bin/anvil"
    ));
    if !path.is_file() {
        bail!("{} is missing: run scripts/setup", path.display());
    }
    Ok(path)
}

/// Where npm's packages are: anvil, and the contracts of `OpenZeppelin`.
#[must_use]
pub fn npm_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("npm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_chains_run_side_by_side_and_end_when_dropped() {
        let (one, two) = tokio::try_join!(
            Anvil::start(31337, &[]),
            Anvil::start(5, &["--hardfork", "cancun"])
        )
        .unwrap();
        assert_eq!(one.call("eth_chainId", json!([])).await.unwrap(), "0x7a69");
        let code = json!(["0x00000000000000000000000000000000000000aa", "0x6001"]);
        two.call("anvil_setCode", code).await.unwrap();
        let ask = json!(["0x00000000000000000000000000000000000000aa", "latest"]);
        assert_eq!(
            two.call("eth_getCode", ask.clone()).await.unwrap(),
            "0x6001"
        );
        assert_eq!(one.call("eth_getCode", ask).await.unwrap(), "0x");
        let error = one.call("no_suchMethod", json!([])).await.unwrap_err();
        assert!(error.to_string().contains("no_suchMethod"), "{error}");
        let pid = one.pid();
        drop(one);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[tokio::test]
    async fn a_chain_that_cannot_start_says_why() {
        let error = Anvil::start(31337, &["--no-such-option"])
            .await
            .unwrap_err();
        assert!(error.to_string().contains("--no-such-option"), "{error}");
    }
}
