//! A program that is run to its end: how it ended and what it said.
//!
//! What it writes goes into files and not through pipes, so that a grandchild that lives on with
//! the output in its hands keeps nobody waiting.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::children::{self, Group};

const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A program that ended by itself.
#[derive(Debug, Clone)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the command until it ends; it and all of its process group are killed after `limit`, and
/// when this process ends.
///
/// # Errors
/// When it can't be started or takes too long.
pub async fn run(mut command: Command, limit: Duration) -> Result<Ran> {
    let program = command.get_program().to_string_lossy().into_owned();
    let [mut stdout, mut stderr] = [tempfile::tempfile()?, tempfile::tempfile()?];
    command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?);
    let started = Instant::now();
    let child = children::spawn(command).with_context(|| format!("starting {program}"))?;
    let mut group = Group::led_by(child);
    let ended = loop {
        if let Some(status) = group.has_ended()? {
            break Some(status);
        }
        if started.elapsed() > limit {
            group.end();
            break None;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    let (stdout, stderr) = (text(&mut stdout)?, text(&mut stderr)?);
    let Some(status) = ended else {
        bail!("{program} has not ended after {limit:?}:\n{stdout}{stderr}");
    };
    Ok(Ran {
        status,
        stdout,
        stderr,
    })
}

fn text(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Ran {
    /// # Errors
    /// When its status is not 0.
    pub fn succeeded(&self) -> Result<&Self> {
        if !self.status.success() {
            bail!("{self}");
        }
        Ok(self)
    }

    /// # Errors
    /// When its status is 0, or a signal ended it.
    pub fn refused(&self) -> Result<&Self> {
        if self.status.code().is_none_or(|code| code == 0) {
            bail!("it should have ended with an error. {self}");
        }
        Ok(self)
    }

    /// # Errors
    /// When it wrote the text to neither of its outputs.
    pub fn says(&self, text: &str) -> Result<&Self> {
        if !self.stdout.contains(text) && !self.stderr.contains(text) {
            bail!("it does not say `{text}`. {self}");
        }
        Ok(self)
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stdout, stderr) = (self.stdout.trim_end(), self.stderr.trim_end());
        write!(f, "It ended with {}:\n{stdout}\n{stderr}", self.status)
    }
}
