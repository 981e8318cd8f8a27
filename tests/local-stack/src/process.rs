//! A service as a child process: started, listened to, stopped as the platform stops it.
//!
//! The service has no environment but what it is given, as in its image. Its log lines are kept, so
//! that a test waits for what the service says it did instead of for time to pass.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::sync::watch;

use crate::children;
use crate::usage::Usage;

const KEPT_LINES: usize = 10_000;
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
    lines: Arc<Lines>,
    address: Option<SocketAddr>,
}

/// The child and all of its process group, which ends with it, as a container ends with its first
/// process.
#[derive(Debug)]
struct Group {
    leader: Child,
    /// From then on its number may be another's.
    is_over: bool,
}

impl Group {
    fn has_ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        let status = self.leader.try_wait()?;
        if status.is_some() {
            self.end();
        }
        Ok(status)
    }

    fn end(&mut self) {
        if !self.is_over {
            self.is_over = true;
            // A group that is empty already is what we want, and a child of ours can always be
            // waited for.
            let _ = children::signal_group(self.leader.id(), libc::SIGKILL);
            let _ = self.leader.wait();
        }
    }
}

#[derive(Debug)]
struct Lines {
    kept: Mutex<VecDeque<Value>>,
    /// How many there have been; `closed` when there will be no more.
    seen: watch::Sender<u64>,
}

impl Process {
    /// Starts the program and waits until it says `"event":"listening"` and where.
    ///
    /// # Errors
    /// When it cannot be started, ends, or says nothing in time. The message holds its last lines.
    pub async fn start(spec: ProcessSpec) -> Result<Self> {
        let mut process = Self::spawn(spec)?;
        let listening = process
            .wait_for(LISTENING_WITHIN, |line| line["event"] == "listening")
            .await?;
        let address = listening["address"].as_str().unwrap_or_default();
        process.address =
            Some(address.parse().with_context(|| {
                format!("{} says it listens on {address:?}", process.spec.name)
            })?);
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
        let lines = Arc::new(Lines {
            kept: Mutex::default(),
            seen: watch::Sender::new(0),
        });
        if let Some(stdout) = child.stdout.take() {
            let lines = Arc::downgrade(&lines);
            std::thread::spawn(move || {
                keep_lines(stdout, log, |line| {
                    if let Some(lines) = lines.upgrade() {
                        lines.push(line);
                    }
                });
            });
        }
        Ok(Self {
            pid: child.id(),
            child: Mutex::new(Group {
                leader: child,
                is_over: false,
            }),
            spec,
            lines,
            address: None,
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
    ///
    /// # Errors
    /// Never for a process that [`Process::start`] gave.
    pub fn address(&self) -> Result<SocketAddr> {
        self.address.context("it does not listen yet")
    }

    /// The lines it has written, as far as they are kept. A line that is no JSON is a string.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        self.lines.kept().iter().cloned().collect()
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
        let mut seen = self.lines.seen.subscribe();
        let deadline = tokio::time::sleep(limit);
        tokio::pin!(deadline);
        loop {
            seen.mark_unchanged();
            let has_ended = self.has_ended()?;
            let found = self.lines.kept().iter().find(|line| holds(line)).cloned();
            if let Some(line) = found {
                return Ok(line);
            }
            if let Some(status) = has_ended {
                bail!(
                    "{} ended with {status}: {}",
                    self.spec.name,
                    self.last_lines()
                );
            }
            tokio::select! {
                _ = seen.changed() => {}
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
                () = &mut deadline => bail!(
                    "{} did not say so within {limit:?}: {}", self.spec.name, self.last_lines()
                ),
            }
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
        if self.signal(libc::SIGTERM).is_ok() {
            while started.elapsed() < STOPPED_WITHIN {
                if let Some(status) = self.has_ended()? {
                    let after = started.elapsed();
                    return Ok(Ended::Itself { status, after });
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        self.kill();
        Ok(Ended::Killed)
    }

    fn child(&self) -> MutexGuard<'_, Group> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Lines {
    fn kept(&self) -> MutexGuard<'_, VecDeque<Value>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: Value) {
        let mut kept = self.kept();
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
        drop(kept);
        self.seen.send_modify(|seen| *seen = seen.saturating_add(1));
    }
}

fn keep_lines(stdout: ChildStdout, mut log: File, keep: impl Fn(Value)) {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    // A pipe that breaks has no more to say, as one that ends.
    while stdout
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        // A full disk must not stop the service, which would wait for us to read.
        let _ = log.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        keep(serde_json::from_str(text).unwrap_or_else(|_not_json| text.into()));
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program in a few words of shell, with a folder for its log.
    async fn start(script: &str) -> Result<(Process, tempfile::TempDir)> {
        let folder = tempfile::tempdir()?;
        let process = Process::start(ProcessSpec {
            name: "script".to_owned(),
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            environment: vec![("GREETING".to_owned(), "hello".to_owned())],
            log: folder.path().join("script.log"),
        })
        .await?;
        Ok((process, folder))
    }

    const LISTENING: &str = r#"echo '{"event":"listening","address":"127.0.0.1:4321"}'; "#;

    fn exists(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        // A zombie has ended; whoever adopted it may be slow to wait for it.
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[tokio::test]
    async fn a_service_says_where_it_listens_and_has_only_its_own_environment() {
        let script = r#"echo "{\"greeting\":\"$GREETING\",\"home\":\"$HOME\"}"; echo plain >&2; "#;
        let (process, _folder) = start(&format!("{script}{LISTENING} exec sleep 60"))
            .await
            .unwrap();
        assert_eq!(process.address().unwrap().to_string(), "127.0.0.1:4321");
        assert_eq!(
            process.lines()[0],
            serde_json::json!({"greeting": "hello", "home": ""})
        );
        let log = std::fs::read_to_string(process.log()).unwrap();
        assert!(log.contains("plain") && log.contains("listening"), "{log}");
        assert!(process.usage().unwrap().resident_bytes > 0);
    }

    #[tokio::test]
    async fn a_service_that_ends_at_once_is_an_error_with_its_last_words() {
        let error = start("echo 'no such setting' >&2; exit 3")
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("exit status: 3"), "{text}");
        assert!(text.contains("no such setting"), "{text}");
        let error = start(r#"echo '{"event":"listening","address":"x"}'; sleep 60"#).await;
        assert!(error.unwrap_err().to_string().contains("listens on \"x\""));
    }

    #[tokio::test]
    async fn stopping_is_gentle_first() {
        let gentle = format!("trap 'exit 0' TERM; {LISTENING} while :; do sleep 0.01; done");
        let (process, _folder) = start(&gentle).await.unwrap();
        let ended = process.stop().await.unwrap();
        let Ended::Itself { status, after } = ended else {
            panic!("{ended:?}");
        };
        assert!(
            status.success() && after < Duration::from_secs(5),
            "{ended:?}"
        );
        assert!(process.signal(libc::SIGTERM).is_err());
    }

    #[tokio::test]
    async fn nothing_of_the_group_is_left_behind() {
        let script = format!("sleep 61 & echo \"\\\"$!\\\"\"; {LISTENING} trap '' TERM; wait");
        let (process, _folder) = start(&script).await.unwrap();
        let [own, grandchild] = [
            process.pid().to_string(),
            process.lines()[0].as_str().unwrap().to_owned(),
        ];
        assert!(exists(&own) && exists(&grandchild));
        drop(process);
        assert!(!exists(&own));
        let deadline = Instant::now() + Duration::from_secs(5);
        while exists(&grandchild) {
            assert!(Instant::now() < deadline, "the grandchild lives on");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    #[tokio::test]
    async fn a_frozen_service_says_nothing_until_it_goes_on() {
        let script =
            format!("{LISTENING} while :; do echo '{{\"event\":\"tick\"}}'; sleep 0.01; done");
        let (process, _folder) = start(&script).await.unwrap();
        let tick = |line: &Value| line["event"] == "tick";
        process
            .wait_for(Duration::from_secs(5), tick)
            .await
            .unwrap();
        process.freeze().unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
        while !state().contains(") T ") {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let before = process.lines().len();
        process.thaw().unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while process.lines().len() <= before {
            assert!(Instant::now() < deadline, "it does not go on");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
