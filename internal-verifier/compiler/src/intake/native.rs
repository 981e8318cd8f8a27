//! Takes in an executable for the native engine: fetched, checked, made executable.
//!
//! It isn't started here: its SHA-256 says what it is, and outside its walls nothing of it runs.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::progress::Progress;
use super::repository::Repository;
use super::{Done, Intake, IntakeError, Making, download};
use crate::engine::Engine;
use crate::error_chain;
use crate::native;
use crate::release::{Platform, Release};

/// Whoever may read it may start it.
const MODE: u32 = 0o755;

/// What is there must be what was pinned. A plain copy of the Solidity project's folder lacks one bit.
pub(super) fn find_whole(intake: &Intake, release: &Release) -> Result<Option<Done>, IntakeError> {
    let path = native::path(&intake.repository, release);
    let executable = match fs::read(&path) {
        Ok(executable) => executable,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(no_source(release, format!("`{}`: {error}", path.display()))),
    };
    if let Err(has) = check(release, &executable) {
        let path = path.display();
        let why = format!(
            "`{path}` is not what was pinned: its SHA-256 is {has}; remove it to have it fetched"
        );
        return Err(no_source(release, why));
    }
    if !native::is_executable(&path) {
        make_executable(&path)?;
    }
    Ok(Some(Done::Already))
}

pub(super) async fn make(
    intake: &Intake,
    release: &Release,
    progress: &Progress,
) -> Result<(), IntakeError> {
    if intake.making != Making::Fetching {
        let why = "it is not in the repository, and nothing may be fetched";
        return Err(no_source(release, why.to_owned()));
    }
    let fetched = fetch(intake, release, progress).await;
    fetched.map_err(|why| no_source(release, why))?;
    make_executable(&native::path(&intake.repository, release))
}

fn no_source(release: &Release, why: String) -> IntakeError {
    let release = release.to_string();
    IntakeError::Source { release, why }
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

pub(super) fn make_executable(path: &Path) -> Result<(), IntakeError> {
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
