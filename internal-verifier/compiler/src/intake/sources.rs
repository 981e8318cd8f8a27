//! Where a `soljson.js` comes from: the repository, else the Solidity project's host, else npm.
//!
//! Whatever comes is compared with the pinned SHA-256; a source that gives something else is passed
//! over, and named if no other helps. From 0.8.12 on the project's host and npm publish different
//! files for one release; both are pinned where both are known.

use sha2::{Digest, Sha256};

use super::Intake;
use super::download::{self, DownloadError};
use super::npm::{self, NpmError};
use super::progress::Progress;
use super::repository::Repository;
use crate::engine::Engine;
use crate::error_chain;
use crate::release::Release;

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
}

pub(crate) async fn fetch(
    intake: &Intake,
    repository: &Repository,
    release: &Release,
    progress: &Progress,
) -> Result<Fetched, SourceError> {
    if let Some(soljson) = repository.find(release).map_err(SourceError::Repository)? {
        if let Err(has) = check(release, &soljson) {
            let path = repository.path(release).display().to_string();
            return Err(SourceError::NotPinned { path, has });
        }
        return Ok(Fetched {
            soljson,
            source: "repository".to_owned(),
        });
    }
    if !intake.fetch {
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
    let url = format!(
        "{}/{}",
        intake.official_host.trim_end_matches('/'),
        repository.platform().file_name(release)
    );
    let official = match fetch_official(&url, release, progress).await {
        Ok(soljson) => {
            return Ok(Fetched {
                soljson,
                source: url,
            });
        }
        Err(error) => error_chain(&error),
    };
    match fetch_npm(release, progress).await {
        Ok((soljson, package)) => Ok(Fetched {
            soljson,
            source: package,
        }),
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
    url: &str,
    release: &Release,
    progress: &Progress,
) -> Result<Vec<u8>, FetchError> {
    let soljson = download::get(url, progress).await?;
    check(release, &soljson).map_err(FetchError::NotPinned)?;
    Ok(soljson)
}

async fn fetch_npm(
    release: &Release,
    progress: &Progress,
) -> Result<(Vec<u8>, String), FetchError> {
    let pin = release.pin(Engine::Wasm);
    let version = pin.and_then(|pin| pin.npm.as_deref());
    let version = version.ok_or(FetchError::NoPackage)?;
    progress.step("fetching it from npm");
    let soljson = npm::soljson_of(version).await?;
    check(release, &soljson).map_err(FetchError::NotPinned)?;
    Ok((soljson, format!("npm solc@{version}")))
}

/// Gives the SHA-256 of what is not pinned.
fn check(release: &Release, soljson: &[u8]) -> Result<(), String> {
    let has = hex::encode(Sha256::digest(soljson));
    let pin = release.pin(Engine::Wasm);
    if pin.is_some_and(|pin| pin.accepts(&has)) {
        Ok(())
    } else {
        Err(has)
    }
}
