//! Takes in an executable for the native engine: fetched, checked, made executable.
//!
//! It isn't started here: its SHA-256 says what it is, and outside its walls nothing of it runs.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::lock::Lock;
use super::progress::Progress;
use super::repository::Repository;
use super::{Done, Intake, IntakeError, download};
use crate::engine::Engine;
use crate::error_chain;
use crate::native;
use crate::release::{Platform, Release};

/// Whoever may read it may start it.
const MODE: u32 = 0o755;

/// Makes the executable of a release ready to be used.
///
/// # Errors
///
/// When it can't be fetched, or is not what was pinned.
pub(super) async fn take_in_native(
    intake: &Intake,
    release: &Release,
    progress: &Progress,
) -> Result<Done, IntakeError> {
    let path = native::path(&intake.repository, release);
    let _lock = lock(intake, release, progress)?;
    let no_source = |why: String| IntakeError::Source {
        release: release.to_string(),
        why,
    };
    let has = match fs::read(&path) {
        Ok(executable) => Some(executable),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(no_source(format!("`{}`: {error}", path.display()))),
    };
    let done = match has {
        Some(executable) => {
            if let Err(has) = check(release, &executable) {
                let path = path.display();
                return Err(no_source(format!(
                    "`{path}` is not what was pinned: its SHA-256 is {has}; remove it to have it fetched"
                )));
            }
            if native::is_executable(&path) {
                return Ok(Done::Already);
            }
            Done::Now
        }
        None if !intake.fetch => {
            let why = "it is not in the repository, and nothing may be fetched";
            return Err(no_source(why.to_owned()));
        }
        None => {
            fetch(intake, release, progress).await.map_err(no_source)?;
            Done::Now
        }
    };
    make_executable(&path)?;
    Ok(done)
}

fn lock(intake: &Intake, release: &Release, progress: &Progress) -> Result<Lock, IntakeError> {
    let folder = intake.cache.join("native");
    fs::create_dir_all(&folder).map_err(|source| IntakeError::Folder(folder.clone(), source))?;
    progress.step("waiting for another process that is at it");
    let path = folder.join(format!("{}.lock", release.long_version()));
    Lock::acquire(&path).map_err(|source| IntakeError::Write(path, source))
}

async fn fetch(intake: &Intake, release: &Release, progress: &Progress) -> Result<(), String> {
    let url = url(&intake.official_host, release)?;
    let executable = download::get(url.as_str(), progress).await;
    let executable = executable.map_err(|error| format!("from {url}: {}", error_chain(&error)))?;
    check(release, &executable).map_err(|has| {
        format!("from {url}: the file is not what was pinned: its SHA-256 is {has}")
    })?;
    Repository::new(&intake.repository, Platform::LinuxAmd64)
        .store(release, &executable)
        .map_err(|error| format!("the repository can't be used: {error}"))
}

/// Beside the folder of WebAssembly builds, as the Solidity project has it.
fn url(wasm_folder: &str, release: &Release) -> Result<reqwest::Url, String> {
    let no_url = |error| format!("`{wasm_folder}` is no folder of builds: {error}");
    let folder = format!("{}/", wasm_folder.trim_end_matches('/'));
    let folder = reqwest::Url::parse(&folder).map_err(|error| no_url(error.to_string()))?;
    let platform = Platform::LinuxAmd64;
    let file = format!("../{}/{}", platform.name(), platform.file_name(release));
    folder
        .join(&file)
        .map_err(|error| no_url(error.to_string()))
}

/// Gives the SHA-256 of what is not pinned.
fn check(release: &Release, executable: &[u8]) -> Result<(), String> {
    let has = hex::encode(Sha256::digest(executable));
    let pin = release.pin(Engine::Native);
    if pin.is_some_and(|pin| pin.accepts(&has)) {
        Ok(())
    } else {
        Err(has)
    }
}

fn make_executable(path: &Path) -> Result<(), IntakeError> {
    let cant = |source| IntakeError::Write(PathBuf::from(path), source);
    fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(cant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use verification::compiler::Compiler;

    #[test]
    fn executables_lie_beside_the_web_assembly_builds() {
        let version = "0.8.28+commit.7893614a".parse().unwrap();
        let release = Release::find(Compiler::Solc, &version).unwrap();
        let at = |folder: &str| url(folder, &release).unwrap().to_string();
        let file = "linux-amd64/solc-linux-amd64-v0.8.28+commit.7893614a";
        for folder in ["https://a.example/builds/", "https://a.example/builds"] {
            assert_eq!(at(folder), format!("https://a.example/{file}"));
        }
        let deeper = at("https://a.example/mirror/emscripten-wasm32/");
        assert_eq!(deeper, format!("https://a.example/mirror/{file}"));
        assert!(url("builds", &release).is_err());
    }
}
