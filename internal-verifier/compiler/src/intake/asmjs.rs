//! Takes in a release of solc that is asm.js: fetches its file, and asks it who it is.
//!
//! There is nothing to make of it; it is ready when its file is in the repository.

use std::path::Path;

use super::progress::Progress;
use super::repository::Repository;
use super::{Intake, IntakeError, sources};
use crate::engine::Engine;
use crate::error_chain;
use crate::node;
use crate::release::{Platform, Release};

pub(super) async fn make(
    intake: &Intake,
    release: &Release,
    progress: &Progress,
) -> Result<(), IntakeError> {
    // Said before anything is fetched for it.
    node::executable(&intake.node)?;
    let repository = Repository::new(&intake.repository, Platform::EmscriptenAsmjs);
    let fetched = sources::fetch(intake, &repository, release, progress).await;
    fetched.map_err(|error| IntakeError::Source {
        release: release.to_string(),
        why: error_chain(&error),
    })?;
    progress.step("asking it who it is");
    let path = repository.path(release);
    let asked = expect(&intake.node, &path, release);
    if asked.is_err() {
        super::remove(&path);
    }
    asked
}

fn expect(node: &Path, soljson: &Path, release: &Release) -> Result<(), IntakeError> {
    let says = node::ask(node, soljson)?;
    let pin = release.pin(Engine::Node);
    if pin.is_some_and(|pin| pin.is_said_as(&says)) {
        return Ok(());
    }
    let wanted = release.long_version().to_owned();
    Err(IntakeError::WrongVersion { says, wanted })
}
