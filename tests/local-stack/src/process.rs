//! A service as a child process: started, listened to, stopped as the platform stops it.
//!
//! The service has no environment but what it is given, as in its image. Its log lines are kept, so
//! that a test waits for what the service says it did instead of for time to pass.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::children::{self, Group};
use crate::log_lines::LogLines;
use crate::usage::Usage;

const LISTENING_WITHIN: Duration = Duration::from_secs(20);
/// Cloud Run kills ten seconds after SIGTERM.
const STOPPED_WITHIN: Duration = Duration::from_secs(9);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What to start.
#[derive(Debug, Clone)]
pub struct ProcessSpec {
    /// For messages, such as `internal-verifier 0`.
    pub name: String,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Where its output goes, behind what is there already.
    pub log: PathBuf,
}

/// How a stopped process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, this long after SIGTERM.
    Itself { status: ExitStatus, after: Duration },
    /// It had to be killed.
    Killed,
}

/// A running service; its process group is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    spec: ProcessSpec,
    child: Mutex<Group>,
    pid: u32,
    lines: LogLines,
    /// Port 0 until it has said where; nobody is given a process before.
    address: SocketAddr,
    ready_after: Duration,
}

impl Process {
    /// Starts the program and waits until it says `"event":"listening"` and where.
    ///
    /// # Errors
    /// When it cannot be started, ends, or says nothing in time. The message holds its last lines.
    pub async fn start(spec: ProcessSpec) -> Result<Self> {
        let started = Instant::now();
        let mut process = Self::spawn(spec)?;
        let listening = process
            .wait_for(LISTENING_WITHIN, |line| line["event"] == "listening")
            .await?;
        process.ready_after = started.elapsed();
        let said = listening["address"].as_str().unwrap_or_default();
        let address = said.parse();
        process.address =
            address.with_context(|| format!("{} says it listens on {said:?}", process.name()))?;
        Ok(process)
    }

    fn spawn(spec: ProcessSpec) -> Result<Self> {
        let what = || format!("starting {} ({})", spec.name, spec.program.display());
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&spec.log)
            .with_context(|| format!("opening {}", spec.log.display()))?;
        let mut command = Command::new(&spec.program);
        command
            .args(&spec.arguments)
            .env_clear()
            .envs(spec.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().with_context(what)?);
        let mut child = children::spawn(command).with_context(what)?;
        let stdout = child.stdout.take().with_context(what)?;
        Ok(Self {
            pid: child.id(),
            child: Mutex::new(Group::led_by(child)),
            lines: LogLines::follow(stdout, log),
            spec,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            ready_after: Duration::ZERO,
        })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    #[must_use]
    pub fn log(&self) -> &Path {
        &self.spec.log
    }

    /// What was started; starting it again makes another like it.
    #[must_use]
    pub fn spec(&self) -> &ProcessSpec {
        &self.spec
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From its start until it said that it listens.
    #[must_use]
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The lines it has written, as far as they are kept. A line that is no JSON is a string.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        self.lines.all()
    }

    /// The lines that say that a person should look.
    #[must_use]
    pub fn errors(&self) -> Vec<Value> {
        let lines = self.lines();
        lines
            .into_iter()
            .filter(|line| line["severity"] == "ERROR")
            .collect()
    }

    /// The first line, from the process's start on, for which this holds.
    ///
    /// # Errors
    /// When there is none in time, or the process ends without one.
    pub async fn wait_for(&self, limit: Duration, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut more = self.lines.more();
        let found = async {
            loop {
                more.mark_unchanged();
                if let Some(line) = self.lines.find(&holds) {
                    return Ok(line);
                }
                if more.changed().await.is_err() {
                    let status = self.ended().await?;
                    bail!("{} ended with {status}: {}", self.name(), self.last_lines());
                }
            }
        };
        let found = tokio::time::timeout(limit, found).await;
        found.unwrap_or_else(|_elapsed| {
            let (name, said) = (self.name(), self.last_lines());
            bail!("{name} did not say so within {limit:?}: {said}")
        })
    }

    async fn ended(&self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.has_ended()? {
                return Ok(status);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn last_lines(&self) -> String {
        let log = std::fs::read_to_string(&self.spec.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let from = lines.len().saturating_sub(5);
        lines.get(from..).unwrap_or_default().join("\n")
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn has_ended(&self) -> Result<Option<ExitStatus>> {
        let status = self.child().has_ended();
        status.with_context(|| format!("asking after {}", self.spec.name))
    }

    /// Memory and processor time so far.
    ///
    /// # Errors
    /// When it has ended.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid).with_context(|| format!("what {} has used", self.spec.name))
    }

    /// Kills it and its process group, as a crash of the machine would.
    pub fn kill(&self) {
        self.child().end();
    }

    /// Stops the processor for it, as Cloud Run does without a request. [`Process::thaw`] goes on.
    ///
    /// # Errors
    /// When it has ended.
    pub fn freeze(&self) -> Result<()> {
        self.signal(libc::SIGSTOP)
    }

    /// Ends what [`Process::freeze`] began.
    ///
    /// # Errors
    /// When it has ended.
    pub fn thaw(&self) -> Result<()> {
        self.signal(libc::SIGCONT)
    }

    /// Stops the processor for it and all that it started. One that has ended needs none.
    pub(crate) fn freeze_all(&self) {
        self.signal_all(libc::SIGSTOP);
    }

    /// Ends what [`Process::freeze_all`] began.
    pub(crate) fn thaw_all(&self) {
        self.signal_all(libc::SIGCONT);
    }

    fn signal_all(&self, signal: i32) {
        // The parent first: one that is stopped starts no others.
        if self.signal(signal).is_ok() {
            for pid in children::descendants(self.pid) {
                // It may have ended meanwhile.
                let _ = children::signal(pid, signal);
            }
        }
    }

    /// Sends a signal to the process alone, as the platform does.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: i32) -> Result<()> {
        let mut child = self.child();
        if let Some(status) = child.has_ended()? {
            bail!("{} has ended with {status}", self.spec.name);
        }
        children::signal(self.pid, signal)
            .with_context(|| format!("sending signal {signal} to {}", self.spec.name))
    }

    /// SIGTERM, nine seconds, SIGKILL: what Cloud Run does, with a second to spare.
    ///
    /// # Errors
    /// When the system does not tell whether it has ended.
    pub async fn stop(&self) -> Result<Ended> {
        let started = Instant::now();
        if self.signal(libc::SIGTERM).is_ok()
            && let Ok(status) = tokio::time::timeout(STOPPED_WITHIN, self.ended()).await
        {
            let after = started.elapsed();
            return Ok(Ended::Itself {
                status: status?,
                after,
            });
        }
        self.kill();
        Ok(Ended::Killed)
    }

    fn child(&self) -> MutexGuard<'_, Group> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
