//! Takes in a release: fetches it, checks it, makes of it what its engine runs, asks it who it is. Or
//! copies what another machine made of it from a store.
//!
//! What comes from outside has a pinned SHA-256: a `soljson.js`, or Vyper's wheels. What goes out is
//! machine code or a folder of packages, with a record. All of it appears under its name only when it is
//! whole, and one lock per release keeps two processes from doing the same work: the second one waits,
//! and finds it done.

mod asmjs;
mod bring;
pub mod check;
mod download;
pub mod extract;
mod leftovers;
mod lock;
mod native;
mod npm;
pub mod pin;
pub mod pin_vyper;
mod pip;
pub mod progress;
mod publish;
mod repository;
mod sources;
mod trial;
mod vyper;
mod wasm;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artefacts;
use crate::config::{NODE, OFFICIAL_HOST, PYTHON, empty_folder};
use crate::engine::Engine;
use crate::error_chain;
use crate::node::NodeError;
use crate::python::{self, PythonError};
use crate::release::{Platform, Release};
use crate::store::archive::ArchiveError;
use crate::store::{Store, StoreError, Wanted};
use crate::vyper::VyperError;
use extract::ExtractError;
use lock::Lock;
use progress::Progress;
use repository::Repository;

pub use publish::{Published, is_published, publish};

/// Where compilers come from and go to.
#[derive(Debug, Clone)]
pub struct Intake {
    pub repository: PathBuf,
    pub cache: PathBuf,
    /// The folder of WebAssembly builds at the Solidity project's host.
    pub official_host: String,
    pub making: Making,
    /// Looked at before anything is made.
    pub store: Option<Store>,
    /// The program to use, by name or path.
    pub node: PathBuf,
    /// The program to use, by name or path.
    pub python: PathBuf,
}

/// What is done for a release that is ready nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// It is made, of files that are fetched if need be.
    Fetching,
    /// It is made, but only of what is in the repository.
    Offline,
    /// It is an error: making takes 20 s of both cores and a gigabyte, and is somebody else's work.
    Nothing,
}

impl Intake {
    /// The usual places.
    #[must_use]
    pub fn new(repository: PathBuf, cache: PathBuf) -> Self {
        Self {
            repository,
            cache,
            official_host: OFFICIAL_HOST.to_owned(),
            making: Making::Fetching,
            store: None,
            node: NODE.into(),
            python: PYTHON.into(),
        }
    }

    /// Whether a release was taken in for an engine. Looks for its record; does not check the code.
    #[must_use]
    pub fn is_ready(&self, release: &Release, engine: Engine) -> bool {
        match engine {
            Engine::Wasm => artefacts::Paths::new(&self.cache, release).record.is_file(),
            Engine::Node => {
                let repository = Repository::new(&self.repository, Platform::EmscriptenAsmjs);
                repository.path(release).is_file()
            }
            Engine::Native => {
                crate::native::is_executable(&crate::native::path(&self.repository, release))
            }
            Engine::Vyper => python::find(&self.python).is_ok_and(|python| {
                let paths = crate::vyper::Paths::new(&self.cache, release, &python);
                crate::vyper::record_in(&paths.folder).is_file()
            }),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    #[error("the folder `{0}` can't be used")]
    Folder(PathBuf, #[source] io::Error),
    #[error("`{0}` can't be written")]
    Write(PathBuf, #[source] io::Error),
    #[error("compiler {release} can't be had: {why}")]
    Source { release: String, why: String },
    #[error("the soljson.js can't be taken apart")]
    Extract(#[from] ExtractError),
    #[error("the soljson.js is not understood: {0}")]
    Glue(String),
    #[error("the compiler's module is refused: {0}")]
    Module(String),
    #[error("the compiler's module can't be compiled: {0}")]
    Compile(String),
    #[error("the compiler does not work: {0}")]
    Broken(String),
    #[error("the compiler says it is {says}, but {wanted} was expected")]
    WrongVersion { says: String, wanted: String },
    #[error("there is nothing to take in of {release} for the engine `{engine}`")]
    NothingForEngine { release: String, engine: Engine },
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Python(#[from] PythonError),
    #[error("what was made of it can't be used")]
    Vyper(#[from] VyperError),
    #[error("the store can't be used")]
    Store(#[from] StoreError),
    #[error("what was made can't be used")]
    Artefact(#[from] artefacts::ArtefactError),
    #[error("what is in the store can't be used")]
    Archive(#[from] ArchiveError),
    #[error("the store did not answer within {0:?}")]
    StoreTimedOut(std::time::Duration),
    #[error("compiler {release} is not ready, here or in a store, and nothing may be made")]
    NotReady { release: String },
}

impl IntakeError {
    /// What a store lacks or has in a state that can't be used, its keepers mend. A full disk is not theirs.
    fn is_of_the_store(&self) -> bool {
        match self {
            Self::NotReady { .. } | Self::StoreTimedOut(_) => true,
            Self::Store(error) => !matches!(error, StoreError::Write(..)),
            Self::Archive(error) => !matches!(error, ArchiveError::Write(..)),
            _ => false,
        }
    }
}

/// What [`take_in`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was there, and whole.
    Already,
    FromStore,
    Now,
}

/// What became of one release: a line of JSON that `compilers --report` writes to stdout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub end: End,
    /// What was found on the way and could not be used.
    pub found: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Already,
    FromStore,
    Made,
    /// Nobody made it yet, or it can't be had from the store, and it may not be made here.
    NotReady,
    Failed,
}

impl Report {
    #[must_use]
    pub fn of(end: &Result<Done, IntakeError>, progress: &Progress) -> Self {
        let end = match end {
            Ok(Done::Already) => End::Already,
            Ok(Done::FromStore) => End::FromStore,
            Ok(Done::Now) => End::Made,
            Err(error) if error.is_of_the_store() => End::NotReady,
            Err(_) => End::Failed,
        };
        let found = progress.found();
        Self { end, found }
    }
}

/// Makes a release ready to be used by an engine.
///
/// # Errors
///
/// When it can't be had, is not what was pinned, or does not work.
pub async fn take_in(
    intake: &Intake,
    release: &Release,
    engine: Engine,
    progress: &Progress,
) -> Result<Done, IntakeError> {
    let wanted = wanted(intake, release, engine)?;
    let empty_folder = empty_folder(&intake.cache);
    fs::create_dir_all(&empty_folder)
        .map_err(|source| IntakeError::Folder(empty_folder, source))?;
    progress.step("waiting for another process that is at it");
    let lock_path = lock_path(intake, &wanted);
    let _lock = lock(intake, &lock_path)?;
    leftovers::remove(&lock_path);
    if let Some(done) = find_whole(intake, &wanted, progress)? {
        return Ok(done);
    }
    if bring::from_store(intake, &wanted, progress).await? {
        return Ok(Done::FromStore);
    }
    if intake.making == Making::Nothing {
        let release = release.to_string();
        return Err(IntakeError::NotReady { release });
    }
    match engine {
        Engine::Wasm => wasm::make(intake, release, progress).await?,
        Engine::Node => asmjs::make(intake, release, progress).await?,
        Engine::Vyper => vyper::make(intake, &wanted, progress).await?,
        Engine::Native => native::make(intake, release, progress).await?,
    }
    Ok(Done::Now)
}

fn nothing(release: &Release, engine: Engine) -> IntakeError {
    let release = release.to_string();
    IntakeError::NothingForEngine { release, engine }
}

/// Says what is missing before anything is waited for or fetched.
fn wanted(intake: &Intake, release: &Release, engine: Engine) -> Result<Wanted, IntakeError> {
    if !release.engines().contains(&engine) {
        return Err(nothing(release, engine));
    }
    let python = match engine {
        Engine::Vyper => {
            let python = python::find(&intake.python)?;
            crate::vyper::wheels::choose(release, &python).map_err(VyperError::from)?;
            Some(python)
        }
        Engine::Wasm | Engine::Node | Engine::Native => None,
    };
    let release = release.clone();
    Ok(Wanted {
        release,
        engine,
        python,
    })
}

/// Waits for another process that takes in the same.
fn lock(intake: &Intake, path: &Path) -> Result<Lock, IntakeError> {
    let folder = path.parent().unwrap_or(&intake.cache);
    fs::create_dir_all(folder).map_err(|source| IntakeError::Folder(folder.to_owned(), source))?;
    Lock::acquire(path).map_err(|source| IntakeError::Write(path.to_owned(), source))
}

/// Where the release itself will lie.
fn lock_path(intake: &Intake, wanted: &Wanted) -> PathBuf {
    let release = &wanted.release;
    match (wanted.engine, &wanted.python) {
        (Engine::Wasm, _) => artefacts::Paths::new(&intake.cache, release).lock,
        (Engine::Vyper, Some(python)) => {
            crate::vyper::Paths::new(&intake.cache, release, python).lock
        }
        (Engine::Node, _) => Repository::new(&intake.repository, Platform::EmscriptenAsmjs)
            .path(release)
            .with_extension("js.lock"),
        (Engine::Native | Engine::Vyper, _) => intake
            .cache
            .join(wanted.engine.name())
            .join(format!("{}.lock", release.long_version())),
    }
}

/// What is there and damaged is made anew, but for files that an operator may have put there.
fn find_whole(
    intake: &Intake,
    wanted: &Wanted,
    progress: &Progress,
) -> Result<Option<Done>, IntakeError> {
    let Wanted {
        release,
        engine,
        python,
    } = wanted;
    let already = |is_whole: bool| is_whole.then_some(Done::Already);
    let made_anew = |error: &dyn std::error::Error| {
        progress.refuse(&format!("making it anew: {}", error_chain(error)));
    };
    match (engine, python) {
        (Engine::Wasm, _) => {
            let code = artefacts::open(&intake.cache, release);
            Ok(already(
                code.inspect_err(|error| made_anew(error))
                    .is_ok_and(|code| code.is_some()),
            ))
        }
        (Engine::Vyper, Some(python)) => {
            let program = crate::vyper::open(&intake.cache, python, release);
            let program = program.inspect_err(|error| made_anew(error));
            Ok(already(program.is_ok_and(|program| program.is_some())))
        }
        (Engine::Vyper, None) => Ok(None),
        (Engine::Node, _) => {
            let program = crate::node::open(&intake.node, &intake.repository, release)?;
            Ok(already(program.is_some()))
        }
        (Engine::Native, _) => native::find_whole(intake, release),
    }
}

/// The file is seen whole or not at all.
fn write_whole(path: &Path, contents: &[u8]) -> Result<(), IntakeError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(name);
    write(&temporary, contents)?;
    fs::rename(&temporary, path).map_err(|source| IntakeError::Write(path.to_owned(), source))
}

fn write(path: &Path, contents: &[u8]) -> Result<(), IntakeError> {
    fs::write(path, contents).map_err(|source| IntakeError::Write(path.to_owned(), source))
}

fn remove(path: &Path) {
    // The next attempt overwrites or ignores it.
    drop(fs::remove_file(path));
}
