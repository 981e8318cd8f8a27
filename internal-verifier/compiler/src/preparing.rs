//! Gets a release ready for this process: opens what the intake made, or has the intake copy it from the
//! store or make it.
//!
//! The intake takes 20 s of both cores and a gigabyte, or reads from a bucket that may hang, so it is a
//! program of its own.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::artefacts;
use crate::config::Config;
use crate::engine::Engine;
use crate::files_of_release::FilesOfRelease;
use crate::intake::{End, Report};
use crate::native;
use crate::node::{self, NodeError};
use crate::outcome::CompileError;
use crate::prepared::Prepared;
use crate::python;
use crate::release::Release;
use crate::vyper::{self, VyperError};

/// Fetching 9 MB and compiling for 20 s, or waiting for another process that does.
const INTAKE_LIMIT: Duration = Duration::from_secs(600);

/// Copying from the store, or waiting for another process that does.
const COPY_LIMIT: Duration = Duration::from_secs(200);

/// How much of the intake's last words is kept.
const WORDS_BYTES: usize = 2000;

/// Why a release is not ready; everybody who waited for it gets a copy.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// It may not be made here, and the store does not have it, or can't be used: words of the intake.
    NotReady(String),
    Intake(String),
    TimedOut(Duration),
    Refused(String),
}

impl Failure {
    pub(crate) fn into_error(self, release: &Release) -> CompileError {
        let named = || release.to_string();
        match self {
            Self::NotReady(why) => CompileError::NotReady {
                release: release.clone(),
                why,
            },
            Self::Intake(why) => CompileError::Prepare {
                release: named(),
                why,
            },
            Self::TimedOut(limit) => CompileError::PrepareTimedOut {
                release: named(),
                limit,
            },
            Self::Refused(why) => CompileError::Refused {
                release: named(),
                why,
            },
        }
    }
}

/// Where a release was, when it was asked for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// On this machine, prepared.
    Cache,
    /// Prepared, in the store that many machines share.
    Store,
    /// Not prepared: the intake made it.
    Fetched,
}

impl Supply {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Store => "store",
            Self::Fetched => "fetched",
        }
    }

    fn of(report: &Report) -> Self {
        match report.end {
            End::FromStore => Self::Store,
            End::Already => Self::Cache,
            End::Made | End::NotReady | End::Failed => Self::Fetched,
        }
    }
}

/// What is ready, where it was, and its files.
pub(crate) async fn prepare(
    config: &Config,
    release: &Release,
    engine: Engine,
) -> Result<(Prepared, Supply, FilesOfRelease), Failure> {
    if let Some((prepared, files)) = open(config, release, engine).await? {
        return Ok((prepared, Supply::Cache, files));
    }
    tracing::info!(compiler.version = %release, %engine, "preparing compiler {release}");
    let began = Instant::now();
    let taken = take_in(config, release, engine).await;
    tell(release, engine, &taken, began.elapsed());
    let supply = Supply::of(&taken?);
    let opened = open(config, release, engine).await?;
    let (prepared, files) = opened
        .ok_or_else(|| Failure::Intake("the intake ended well, but made nothing".to_owned()))?;
    Ok((prepared, supply, files))
}

/// What is ready, and its files. Hashing takes 50 ms, so not on the runtime's own threads.
async fn open(
    config: &Config,
    release: &Release,
    engine: Engine,
) -> Result<Option<(Prepared, FilesOfRelease)>, Failure> {
    let (config, wanted) = (config.clone(), release.clone());
    let opening = move || match engine {
        Engine::Wasm => {
            let code = artefacts::open(&config.cache, &wanted);
            let code = code.map_err(|error| damaged(&error))?;
            let files = artefacts::Paths::new(&config.cache, &wanted).files();
            Ok(code.map(|code| (Prepared::MachineCode(code), files)))
        }
        Engine::Node => {
            let program = node::open(&config.node, &config.repository, &wanted);
            let program = program.map_err(|error| of_node(&error))?;
            let files = vec![node::path(&config.repository, &wanted)];
            Ok(program.map(|program| (Prepared::Program(program), files)))
        }
        Engine::Vyper => {
            let python = python::find(&config.python).map_err(|error| missing(&error))?;
            let program = vyper::open(&config.cache, &python, &wanted);
            let program = program.map_err(|error| of_vyper(&error))?;
            let files = vec![vyper::Paths::new(&config.cache, &wanted, &python).folder];
            Ok(program.map(|program| (Prepared::Program(program), files)))
        }
        Engine::Native => {
            let program = native::open(&config.repository, &config.empty_folder(), &wanted);
            let program = program.map_err(|error| Failure::Refused(crate::error_chain(&error)))?;
            let files = vec![native::path(&config.repository, &wanted)];
            Ok(program.map(|program| (program, files)))
        }
    };
    let opening = move || {
        let opened: Option<(Prepared, Vec<PathBuf>)> = opening()?;
        Ok(opened.map(|(prepared, files)| (prepared, FilesOfRelease::measure(files))))
    };
    match tokio::task::spawn_blocking(opening).await {
        Ok(opened) => opened,
        Err(error) => Err(Failure::Intake(error.to_string())),
    }
}

/// What the intake made is there, and is not what it made.
fn damaged(error: &dyn Error) -> Failure {
    let words = crate::error_chain(error);
    Failure::Refused(format!(
        "{words}; `compilers` with this version makes it anew"
    ))
}

fn missing(error: &dyn Error) -> Failure {
    Failure::Intake(crate::error_chain(error))
}

fn of_node(error: &NodeError) -> Failure {
    match error {
        NodeError::NotPinned { .. } => Failure::Refused(crate::error_chain(error)),
        _ => missing(error),
    }
}

fn of_vyper(error: &VyperError) -> Failure {
    match error {
        VyperError::Python(_) | VyperError::NoWheel(_) => missing(error),
        _ => damaged(error),
    }
}

/// Where it came from, and what could not be used on the way.
fn tell(release: &Release, engine: Engine, taken: &Result<Report, Failure>, took: Duration) {
    let seconds = took.as_secs_f64();
    let from = match taken {
        Ok(report) => {
            for found in &report.found {
                tracing::warn!(
                    event = "prepared_compiler_refused", compiler.version = %release, %engine,
                    "compiler {release}: {found}"
                );
            }
            Supply::of(report).name()
        }
        Err(failure) => {
            tracing::warn!(
                event = "compiler_not_ready", compiler.version = %release, %engine, seconds,
                ?failure, "compiler {release} is not ready"
            );
            return;
        }
    };
    tracing::info!(
        event = "compiler_made_ready", compiler.version = %release, %engine, from, seconds,
        "compiler {release} is ready"
    );
}

async fn take_in(config: &Config, release: &Release, engine: Engine) -> Result<Report, Failure> {
    let program: &Path = &config.intake_program;
    let mut command = intake_command(config, release, engine);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let cant = |error: std::io::Error| Failure::Intake(format!("`{}`: {error}", program.display()));
    let mut child = command.spawn().map_err(cant)?;
    let (mut words, mut report) = (Vec::new(), Vec::new());
    let streams = (child.stderr.take(), child.stdout.take());
    let work = async {
        if let (Some(mut stderr), Some(mut stdout)) = streams {
            let (said, reported) = tokio::join!(
                stderr.read_to_end(&mut words),
                stdout.read_to_end(&mut report)
            );
            said.and(reported)?;
        }
        child.wait().await
    };
    let limit = if config.fetch {
        INTAKE_LIMIT
    } else {
        COPY_LIMIT
    };
    let status = match timeout(limit, work).await {
        Ok(status) => status.map_err(cant)?,
        Err(_) if config.fetch => return Err(Failure::TimedOut(limit)),
        Err(_) => return Err(Failure::NotReady(format!("no copy within {limit:?}"))),
    };
    let last_words = || last_words(&words, &status.to_string());
    match serde_json::from_slice(&report) {
        Ok(Report {
            end: End::NotReady, ..
        }) => Err(Failure::NotReady(last_words())),
        Ok(report) if status.success() => Ok(report),
        _ => Err(Failure::Intake(last_words())),
    }
}

/// Whatever the environment says: this process decides.
fn intake_command(config: &Config, release: &Release, engine: Engine) -> Command {
    let mut command = Command::new(&config.intake_program);
    command
        .args(["--versions", &release.to_string()])
        .args(["--engine", engine.name()])
        .arg("--repository")
        .arg(&config.repository)
        .arg("--cache")
        .arg(&config.cache)
        .arg("--node")
        .arg(&config.node)
        .arg("--python")
        .arg(&config.python)
        .args((!config.fetch).then_some("--only-ready"))
        .arg("--report")
        .env_remove("COMPILER_STORE")
        .env_remove("COMPILER_NATIVE_LIST");
    if let Some(store) = &config.store {
        command.arg("--store").arg(store);
    }
    if let Some(list) = &config.native_list {
        command.arg("--native-list").arg(list);
    }
    command
}

/// What the intake said last, which is why it failed.
fn last_words(words: &[u8], status: &str) -> String {
    let words = words
        .get(words.len().saturating_sub(WORDS_BYTES)..)
        .unwrap_or_default();
    let words = String::from_utf8_lossy(words);
    match words.trim() {
        "" => status.to_owned(),
        words => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_long_words_is_kept() {
        assert_eq!(last_words(b" why \n", "exit status: 1"), "why");
        assert_eq!(last_words(b"", "exit status: 1"), "exit status: 1");
        let long = last_words(&[b"x".repeat(9000), b"why".to_vec()].concat(), "");
        assert!(long.ends_with("why") && long.len() <= WORDS_BYTES);
    }
}
