//! Takes in a release: fetches it, checks it, makes of it what its engine runs, asks it who it is.
//!
//! What comes from outside has a pinned SHA-256: a `soljson.js`, or Vyper's wheels. What goes out is
//! machine code or a folder of packages, with a record. All of it appears under its name only when it is
//! whole, and one lock per release keeps two processes from doing the same work: the second one waits,
//! and finds it done.

mod asmjs;
pub mod check;
mod download;
pub mod extract;
mod lock;
mod native;
mod npm;
pub mod pin;
pub mod pin_vyper;
mod pip;
pub mod progress;
mod repository;
mod sources;
mod trial;
mod vyper;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::artefacts::{self, Paths, Record};
use crate::config::{NODE, OFFICIAL_HOST, PYTHON};
use crate::engine::Engine;
use crate::error_chain;
use crate::node::NodeError;
use crate::python::{self, PythonError};
use crate::release::{Platform, Release};
use crate::vyper::VyperError;
use crate::wasm::glue::Glue;
use crate::wasm::{engine, merge};
use extract::ExtractError;
use lock::Lock;
use progress::Progress;
use repository::Repository;

/// Where compilers come from and go to.
#[derive(Debug, Clone)]
pub struct Intake {
    pub repository: PathBuf,
    pub cache: PathBuf,
    /// The folder of WebAssembly builds at the Solidity project's host.
    pub official_host: String,
    /// Otherwise only what is in the repository is used.
    pub fetch: bool,
    /// The program to use, by name or path.
    pub node: PathBuf,
    /// The program to use, by name or path.
    pub python: PathBuf,
}

impl Intake {
    /// The usual places.
    #[must_use]
    pub fn new(repository: PathBuf, cache: PathBuf) -> Self {
        Self {
            repository,
            cache,
            official_host: OFFICIAL_HOST.to_owned(),
            fetch: true,
            node: NODE.into(),
            python: PYTHON.into(),
        }
    }

    /// Whether a release was taken in for an engine. Looks for its record; does not check the code.
    #[must_use]
    pub fn is_ready(&self, release: &Release, engine: Engine) -> bool {
        match engine {
            Engine::Wasm => Paths::new(&self.cache, release).record.is_file(),
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
}

/// What [`take_in`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was there, and whole.
    Already,
    Now,
}

/// Makes a release ready to be used by an engine.
///
/// # Errors
///
/// When it can't be fetched, is not what was pinned, or does not work.
pub async fn take_in(
    intake: &Intake,
    release: &Release,
    engine: Engine,
    progress: &Progress,
) -> Result<Done, IntakeError> {
    match engine {
        _ if !release.engines().contains(&engine) => Err(nothing(release, engine)),
        Engine::Wasm => take_in_wasm(intake, release, progress).await,
        Engine::Node => asmjs::take_in(intake, release, progress).await,
        Engine::Vyper => vyper::take_in(intake, release, progress).await,
        Engine::Native => native::take_in_native(intake, release, progress).await,
    }
}

fn nothing(release: &Release, engine: Engine) -> IntakeError {
    let release = release.to_string();
    IntakeError::NothingForEngine { release, engine }
}

async fn take_in_wasm(
    intake: &Intake,
    release: &Release,
    progress: &Progress,
) -> Result<Done, IntakeError> {
    let paths = Paths::new(&intake.cache, release);
    fs::create_dir_all(&paths.directory)
        .map_err(|source| IntakeError::Folder(paths.directory.clone(), source))?;
    progress.step("waiting for another process that is at it");
    let cant_lock = |source| IntakeError::Write(paths.lock.clone(), source);
    let lock = Lock::acquire(&paths.lock).map_err(cant_lock)?;
    match artefacts::open(&intake.cache, release) {
        Ok(Some(_)) => return Ok(Done::Already),
        Ok(None) => progress.begin("making it ready, half a minute"),
        Err(error) => progress.note(&format!("making it anew: {}", error_chain(&error))),
    }
    let repository = Repository::new(&intake.repository, Platform::EmscriptenWasm32);
    let fetched = sources::fetch(intake, &repository, release, progress).await;
    let fetched = fetched.map_err(|error| IntakeError::Source {
        release: release.to_string(),
        why: error_chain(&error),
    })?;
    let mut record = Record::of(release);
    record.soljson_sha256 = hex::encode(Sha256::digest(&fetched.soljson));
    record.source = fetched.source;
    prepare(&fetched.soljson, release, &paths, record, progress)?;
    drop(lock);
    Ok(Done::Now)
}

fn prepare(
    soljson: &[u8],
    release: &Release,
    paths: &Paths,
    mut record: Record,
    progress: &Progress,
) -> Result<(), IntakeError> {
    progress.step("taking it apart");
    let (merged, glue) = understand(soljson)?;

    progress.step("compiling ahead of time");
    let began = Instant::now();
    let code = compile(&merged, engine::for_compiling())?;
    record.compile_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    record.code_sha256 = hex::encode(Sha256::digest(&code));
    record.code_bytes = u64::try_from(code.len()).unwrap_or(u64::MAX);

    progress.step("asking it who it is");
    let temporary = paths
        .code
        .with_extension(format!("cwasm.{}", std::process::id()));
    write(&temporary, &code)?;
    let says = trial::try_out(&temporary).and_then(|says| expect(says, release));
    record.says = says.inspect_err(|_| remove(&temporary))?;
    fs::rename(&temporary, &paths.code)
        .map_err(|source| IntakeError::Write(paths.code.clone(), source))?;
    let json = |error: serde_json::Error| IntakeError::Write(paths.record.clone(), error.into());
    write_whole(&paths.map, &serde_json::to_vec_pretty(&glue).map_err(json)?)?;
    // Last: whoever finds the record finds the rest.
    write_whole(
        &paths.record,
        &serde_json::to_vec_pretty(&record).map_err(json)?,
    )
}

/// The module to compile, and what its JavaScript says.
fn understand(soljson: &[u8]) -> Result<(Vec<u8>, Glue), IntakeError> {
    let extracted = extract::extract(soljson)?;
    let glue = Glue::read(&extracted.javascript)
        .map_err(|error| IntakeError::Glue(error_chain(&error)))?;
    let merged = merge::merge(&extracted.module, &glue)
        .map_err(|error| IntakeError::Module(error_chain(&error)))?;
    Ok((merged, glue))
}

fn compile(
    merged: &[u8],
    engine: wasmtime::Result<wasmtime::Engine>,
) -> Result<Vec<u8>, IntakeError> {
    let code = engine.and_then(|engine| engine.precompile_module(merged));
    code.map_err(|error| IntakeError::Compile(format!("{error:#}")))
}

fn expect(says: String, release: &Release) -> Result<String, IntakeError> {
    let pin = release.pin(Engine::Wasm);
    if pin.is_some_and(|pin| pin.is_said_as(&says)) {
        Ok(says)
    } else {
        let wanted = release.long_version().to_owned();
        Err(IntakeError::WrongVersion { says, wanted })
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
