//! Whether a release can be taken in, found out in a second instead of twenty: everything but the
//! compilation and what the compiler says itself.

use super::repository::Repository;
use super::{IntakeError, extract, wasm::understand};
use crate::release::{Platform, Release};

/// What is found out about a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub module_bytes: usize,
    pub merged_bytes: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("the repository can't be read")]
    Repository(#[source] std::io::Error),
    #[error("it would be refused")]
    Refused(#[from] IntakeError),
    #[error("the merged module is not valid: {0}")]
    Invalid(String),
}

/// `None` for a release that is not in the repository.
///
/// # Errors
///
/// When the intake would refuse it.
pub fn check(
    repository: &std::path::Path,
    release: &Release,
) -> Result<Option<Checked>, CheckError> {
    let soljson = Repository::new(repository, Platform::EmscriptenWasm32)
        .find(release)
        .map_err(CheckError::Repository)?;
    let Some(soljson) = soljson else {
        return Ok(None);
    };
    let module_bytes = extract::extract(&soljson)
        .map_err(IntakeError::from)?
        .module
        .len();
    let (merged, _) = understand(&soljson)?;
    let features = wasmparser::WasmFeatures::WASM3;
    wasmparser::Validator::new_with_features(features)
        .validate_all(&merged)
        .map_err(|error| CheckError::Invalid(error.to_string()))?;
    Ok(Some(Checked {
        module_bytes,
        merged_bytes: merged.len(),
    }))
}
