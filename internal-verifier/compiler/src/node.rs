//! solc's releases before 0.6.2: asm.js, which wasmtime can't run, under Node.
//!
//! Each compilation is a process of Node with a small program of ours, which speaks standard JSON with
//! every generation of those compilers. Preparing such a release is no more than having its file.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::libraries;
use crate::prepared::{MemoryRule, Program};
use crate::release::{Platform, Release};

const RUNNER: &str = include_str!("node/runner.js");

/// What speaks with old releases, and translates for them.
pub(crate) fn maker() -> String {
    hex::encode(Sha256::digest(RUNNER))
}

/// Node ends at once when its library for TLS has a configuration that it may not read; this is an empty
/// one.
const NOTHING: &str = "/dev/null";

#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error(
        "Node is needed for compilers before 0.6.2, and `{0}` is not a program: please install what \
         Debian calls nodejs, or set COMPILER_NODE"
    )]
    Missing(PathBuf),
    #[error("`{0}` can't be started")]
    Start(PathBuf, #[source] io::Error),
    #[error("`{0}` failed: {1}")]
    Failed(PathBuf, String),
    #[error("`{0}` can't be read")]
    Read(PathBuf, #[source] io::Error),
    #[error("`{path}` is not what was pinned: its SHA-256 is {has}; remove it to have it fetched")]
    NotPinned { path: PathBuf, has: String },
}

/// Where its file is, or would be.
pub(crate) fn path(repository: &Path, release: &Release) -> PathBuf {
    let platform = Platform::EmscriptenAsmjs;
    repository
        .join(platform.name())
        .join(platform.file_name(release))
}

/// What to start for a release; `None` if its file is not in the repository.
pub(crate) fn open(
    node: &Path,
    repository: &Path,
    release: &Release,
) -> Result<Option<Program>, NodeError> {
    let soljson = path(repository, release);
    let contents = match std::fs::read(&soljson) {
        Ok(contents) => contents,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(NodeError::Read(soljson, error)),
    };
    let has = hex::encode(Sha256::digest(&contents));
    let pin = release.pin(Engine::Node);
    if !pin.is_some_and(|pin| pin.accepts(&has)) {
        return Err(NodeError::NotPinned { path: soljson, has });
    }
    let soljson =
        std::fs::canonicalize(&soljson).map_err(|error| NodeError::Read(soljson, error))?;
    let path = executable(node)?;
    Ok(Some(program(path, soljson)))
}

fn program(path: PathBuf, soljson: PathBuf) -> Program {
    let no_configuration = format!("--openssl-config={NOTHING}");
    let mut arguments: Vec<OsString> = vec!["--no-warnings".into(), no_configuration.into()];
    arguments.extend(["-e".into(), RUNNER.into(), soljson.clone().into()]);
    let mut readable = libraries::places();
    readable.extend([NOTHING.into(), soljson]);
    Program {
        path,
        arguments,
        readable,
        memory: MemoryRule::Data,
    }
}

/// The very program: what is on the PATH may be a link, or a script that chooses one.
pub(crate) fn executable(node: &Path) -> Result<PathBuf, NodeError> {
    let path = run(node, &["-p", "process.execPath"], None)?;
    let path = PathBuf::from(path.trim());
    std::fs::canonicalize(&path).map_err(|error| NodeError::Read(path, error))
}

/// What the compiler says it is.
pub(crate) fn ask(node: &Path, soljson: &Path) -> Result<String, NodeError> {
    run(node, &["--no-warnings", "-e", RUNNER], Some(soljson))
}

fn run(node: &Path, arguments: &[&str], soljson: Option<&Path>) -> Result<String, NodeError> {
    let mut command = Command::new(node);
    command.args(arguments).stdin(Stdio::null());
    if let Some(soljson) = soljson {
        command.arg(soljson).arg("version");
    }
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NodeError::Missing(node.to_owned()),
        _ => NodeError::Start(node.to_owned(), error),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = format!("{} {}", output.status, words.trim());
    Err(NodeError::Failed(node.to_owned(), words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use verification::compiler::Compiler;

    fn release() -> Release {
        let version = "0.5.16+commit.9c3226ce".parse().unwrap();
        Release::find(Compiler::Solc, &version).unwrap()
    }

    fn repository(contents: Option<&str>) -> tempfile::TempDir {
        let repository = tempfile::tempdir().unwrap();
        let platform = Platform::EmscriptenAsmjs;
        let folder = repository.path().join(platform.name());
        std::fs::create_dir(&folder).unwrap();
        if let Some(contents) = contents {
            std::fs::write(folder.join(platform.file_name(&release())), contents).unwrap();
        }
        repository
    }

    #[test]
    fn a_file_that_is_not_what_was_pinned_is_refused() {
        let repository = repository(Some("var Module = {};"));
        let error = open(Path::new("node"), repository.path(), &release()).unwrap_err();
        assert!(error.to_string().contains("not what was pinned"), "{error}");
    }

    #[test]
    fn what_is_not_there_is_absent() {
        let repository = repository(None);
        let opened = open(Path::new("node"), repository.path(), &release()).unwrap();
        assert_eq!(opened, None);
    }

    #[test]
    fn a_missing_node_is_named() {
        let error = executable(Path::new("/nowhere/node")).unwrap_err();
        let words = error.to_string();
        assert!(
            words.contains("/nowhere/node") && words.contains("nodejs"),
            "{words}"
        );
    }
}
