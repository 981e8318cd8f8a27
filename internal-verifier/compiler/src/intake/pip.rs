//! Fetches wheels with pip, which knows the index, the proxy and the credentials of this machine; we
//! don't have to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::python::Python;
use crate::release::PinnedPackage;

const LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
pub(crate) enum PipError {
    #[error("`{0}` is not in the repository, and nothing may be fetched")]
    Offline(String),
    #[error("`{0}` can't be used")]
    File(PathBuf, #[source] io::Error),
    #[error("`{path}` is not what was pinned: its SHA-256 is {has}; remove it to have it fetched")]
    NotPinned { path: PathBuf, has: String },
    #[error("pip can't be started")]
    Start(#[source] io::Error),
    #[error("pip is missing for `{0}`: please install what Debian calls python3-pip")]
    Missing(PathBuf),
    #[error("pip failed: {0}")]
    Failed(String),
    #[error("pip was not done within {LIMIT:?}")]
    TimedOut,
}

/// Whether a wheel is in the repository; never true of another file than the pinned one.
pub(crate) fn is_there(wheel: &Path, package: &PinnedPackage) -> Result<bool, PipError> {
    let contents = match fs::read(wheel) {
        Ok(contents) => contents,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(PipError::File(wheel.to_owned(), error)),
    };
    let has = hex::encode(Sha256::digest(&contents));
    if has == package.sha256 {
        return Ok(true);
    }
    let path = wheel.to_owned();
    Err(PipError::NotPinned { path, has })
}

/// Fetches one wheel into the repository. pip is given the hash, and what it brings is looked at again.
pub(crate) async fn download(
    python: &Python,
    package: &PinnedPackage,
    repository: &Path,
) -> Result<(), PipError> {
    let unusable = |source| PipError::File(repository.to_owned(), source);
    fs::create_dir_all(repository).map_err(unusable)?;
    let folder = tempfile::tempdir_in(repository).map_err(unusable)?;
    let requirements = folder.path().join("requirements.txt");
    let PinnedPackage {
        name,
        version,
        file,
        sha256,
    } = package;
    fs::write(
        &requirements,
        format!("{name}=={version} --hash=sha256:{sha256}\n"),
    )
    .map_err(unusable)?;
    let arguments = [
        "--require-hashes",
        "--no-deps",
        "--ignore-requires-python",
        "-r",
    ];
    run(&python.executable, folder.path(), |command| {
        command.args(arguments).arg(&requirements);
    })
    .await?;
    let fetched = folder.path().join(file);
    if !is_there(&fetched, package)? {
        return Err(PipError::Failed(format!(
            "it fetched something else than {file}"
        )));
    }
    fs::rename(&fetched, repository.join(file)).map_err(unusable)
}

/// `pip download` of wheels into a folder.
pub(crate) async fn run(
    python: &Path,
    folder: &Path,
    arguments: impl FnOnce(&mut Command),
) -> Result<(), PipError> {
    let mut command = Command::new(python);
    command
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--only-binary", ":all:", "--dest"])
        .arg(folder)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    arguments(&mut command);
    let output = tokio::time::timeout(LIMIT, command.output())
        .await
        .map_err(|_elapsed| PipError::TimedOut)?
        .map_err(PipError::Start)?;
    judge(python, &output)
}

fn judge(python: &Path, output: &Output) -> Result<(), PipError> {
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    if words.contains("No module named pip") {
        return Err(PipError::Missing(python.to_owned()));
    }
    let errors: Vec<_> = words
        .lines()
        .filter(|line| line.starts_with("ERROR"))
        .collect();
    Err(PipError::Failed(errors.join(" ")))
}
