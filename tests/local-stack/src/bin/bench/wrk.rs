//! `wrk`: a load over HTTP, and what it saw.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local_stack::run::run;

/// A load: a URL, asked over so many connections for so long.
pub(crate) struct Wrk<'a> {
    url: &'a str,
    script: Option<&'a Path>,
    connections: u32,
    seconds: u32,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) requests: f64,
    pub(crate) a_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl<'a> Wrk<'a> {
    pub(crate) fn new(
        url: &'a str,
        script: Option<&'a Path>,
        connections: u32,
        seconds: u32,
    ) -> Self {
        Self {
            url,
            script,
            connections,
            seconds,
        }
    }

    /// # Errors
    /// When `wrk` is missing, or some answer was none or no success.
    pub(crate) async fn run(&self) -> Result<Seen> {
        let mut command = Command::new("wrk");
        command
            .args(["--latency", "--threads", "1"])
            .args(["--connections", &self.connections.to_string()])
            .args(["--duration", &format!("{}s", self.seconds)])
            .args(["--timeout", "30s"]);
        if let Some(script) = self.script {
            command.arg("--script").arg(script);
        }
        command.arg(self.url);
        let limit = Duration::from_secs(u64::from(self.seconds).saturating_add(60));
        let ran = run(command, limit)
            .await
            .context("`scripts/setup bench` installs wrk")?;
        let said = &ran.succeeded()?.stdout;
        if said.contains("Non-2xx") || said.contains("Socket errors") {
            bail!("not everything was answered:\n{said}");
        }
        Seen::parse(said).with_context(|| format!("wrk said something else:\n{said}"))
    }
}

impl Seen {
    fn parse(said: &str) -> Option<Self> {
        let after = |name: &str| {
            let mut lines = said.lines().map(str::trim);
            lines.find_map(|line| line.strip_prefix(name).map(str::trim))
        };
        let requests = said
            .lines()
            .find_map(|line| line.trim().split_once(" requests in "))?
            .0;
        Some(Self {
            requests: requests.parse().ok()?,
            a_second: after("Requests/sec:")?.parse().ok()?,
            p50_ms: milliseconds(after("50%")?)?,
            p99_ms: milliseconds(after("99%")?)?,
        })
    }
}

/// As in `950.00us`, `1.25ms`, `2.00s`.
fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)];
    let (number, factor) = units
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    let number: f64 = number.parse().ok()?;
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let said = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 32 connections\n  \
                    Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     3.60ms    1.2ms\n  \
                    Latency Distribution\n     50%    3.51ms\n     75%    4.00ms\n     99%    1.25s \n  \
                    8123 requests in 1.00s, 3.2MB read\nRequests/sec:   8119.77\nTransfer/sec:      3.2MB\n";
        let seen = Seen {
            requests: 8123.0,
            a_second: 8119.77,
            p50_ms: 3.51,
            p99_ms: 1250.0,
        };
        assert_eq!(Seen::parse(said), Some(seen));
        assert_eq!(Seen::parse(""), None);
        assert_eq!(milliseconds("500.00us"), Some(0.5));
    }
}
