//! Where a `soljson.js` comes from: the repository, else the Solidity project's host, else npm.
//!
//! Whatever comes is compared with the pinned SHA-256; a source that gives something else is passed
//! over, and named if no other helps. From 0.8.12 on the project's host and npm publish different
//! files for one release; both are pinned where both are known.

use sha2::{Digest, Sha256};

use super::download::{self, DownloadError};
use super::npm::{self, NpmError};
use super::progress::Progress;
use super::repository::Repository;
use super::{Intake, Making};
use crate::error_chain;
use crate::release::{Platform, Release};

#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) soljson: Vec<u8>,
    /// In words, for the record.
    pub(crate) source: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("the repository can't be used")]
    Repository(#[source] std::io::Error),
    #[error("`{path}` is not what was pinned: its SHA-256 is {has}; remove it to have it fetched")]
    NotPinned { path: String, has: String },
    #[error("it is not in the repository, and nothing may be fetched")]
    Offline,
    #[error("{0}")]
    Nowhere(String),
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Download(#[from] DownloadError),
    #[error(transparent)]
    Npm(#[from] NpmError),
    #[error("the file is not what was pinned: its SHA-256 is {0}")]
    NotPinned(String),
    #[error("there is no package of it")]
    NoPackage,
    #[error("its folder is not known")]
    NoFolder,
}

pub(crate) async fn fetch(
    intake: &Intake,
    repository: &Repository,
    release: &Release,
    progress: &Progress,
) -> Result<Fetched, SourceError> {
    if let Some(soljson) = repository.find(release).map_err(SourceError::Repository)? {
        if let Err(has) = check(release, repository.platform(), &soljson) {
            let path = repository.path(release).display().to_string();
            return Err(SourceError::NotPinned { path, has });
        }
        return Ok(Fetched {
            soljson,
            source: "repository".to_owned(),
        });
    }
    if intake.making != Making::Fetching {
        return Err(SourceError::Offline);
    }
    let fetched = fetch_anywhere(intake, repository, release, progress).await?;
    repository
        .store(release, &fetched.soljson)
        .map_err(SourceError::Repository)?;
    Ok(fetched)
}

async fn fetch_anywhere(
    intake: &Intake,
    repository: &Repository,
    release: &Release,
    progress: &Progress,
) -> Result<Fetched, SourceError> {
    let platform = repository.platform();
    let official = match fetch_official(intake, release, platform, progress).await {
        Ok((soljson, source)) => return Ok(Fetched { soljson, source }),
        Err(error) => error_chain(&error),
    };
    match fetch_npm(release, platform, progress).await {
        Ok((soljson, source)) => Ok(Fetched { soljson, source }),
        Err(error) => {
            let npm = error_chain(&error);
            let host = &intake.official_host;
            Err(SourceError::Nowhere(format!(
                "from {host}: {official}; from npm: {npm}"
            )))
        }
    }
}

async fn fetch_official(
    intake: &Intake,
    release: &Release,
    platform: Platform,
    progress: &Progress,
) -> Result<(Vec<u8>, String), FetchError> {
    let folder = official_folder(&intake.official_host, platform).ok_or(FetchError::NoFolder)?;
    let url = format!("{folder}/{}", platform.file_name(release));
    let file = download::get(&url, progress).await?;
    check(release, platform, &file).map_err(FetchError::NotPinned)?;
    Ok((file, url))
}

/// The setting names the folder of WebAssembly builds; the others stand beside it.
fn official_folder(host: &str, platform: Platform) -> Option<String> {
    let folder = host.trim_end_matches('/');
    if platform == Platform::EmscriptenWasm32 {
        return Some(folder.to_owned());
    }
    let root = folder.strip_suffix(Platform::EmscriptenWasm32.name())?;
    Some(format!("{root}{}", platform.name()))
}

async fn fetch_npm(
    release: &Release,
    platform: Platform,
    progress: &Progress,
) -> Result<(Vec<u8>, String), FetchError> {
    let pin = release.pin(platform.engine());
    let package = pin.and_then(|pin| Some((pin.npm.as_deref()?, pin.npm_file())));
    let (version, name) = package.ok_or(FetchError::NoPackage)?;
    progress.step("fetching it from npm");
    let (_, file) = npm::file_of(version, &[name]).await?;
    check(release, platform, &file).map_err(FetchError::NotPinned)?;
    Ok((file, format!("npm solc@{version}")))
}

/// Gives the SHA-256 of what is not pinned.
fn check(release: &Release, platform: Platform, file: &[u8]) -> Result<(), String> {
    let has = hex::encode(Sha256::digest(file));
    let pin = release.pin(platform.engine());
    if pin.is_some_and(|pin| pin.accepts(&has)) {
        Ok(())
    } else {
        Err(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_the_project_stand_side_by_side() {
        let asmjs = |host| official_folder(host, Platform::EmscriptenAsmjs);
        assert_eq!(
            asmjs(crate::config::OFFICIAL_HOST).as_deref(),
            Some("https://binaries.soliditylang.org/emscripten-asmjs")
        );
        assert_eq!(asmjs("http://127.0.0.1/builds/"), None);
        let wasm = official_folder("http://127.0.0.1/builds/", Platform::EmscriptenWasm32);
        assert_eq!(wasm.as_deref(), Some("http://127.0.0.1/builds"));
    }
}
