//! Takes in a release of solc that is asm.js: fetches its file, and asks it who it is.
//!
//! There is nothing to make of it; it is ready when its file is in the repository.

use std::path::Path;

use super::lock::Lock;
use super::progress::Progress;
use super::repository::Repository;
use super::{Done, Intake, IntakeError, sources};
use crate::engine::Engine;
use crate::error_chain;
use crate::node::{self, NodeError};
use crate::release::{Platform, Release};

pub(super) async fn take_in(
    intake: &Intake,
    release: &Release,
    progress: &Progress,
) -> Result<Done, IntakeError> {
    let repository = Repository::new(&intake.repository, Platform::EmscriptenAsmjs);
    let path = repository.path(release);
    let folder = path.parent().unwrap_or(&intake.repository);
    std::fs::create_dir_all(folder)
        .map_err(|source| IntakeError::Folder(folder.to_owned(), source))?;
    progress.step("waiting for another process that is at it");
    let lock_path = path.with_extension("js.lock");
    let cant_lock = |source| IntakeError::Write(lock_path.clone(), source);
    let lock = Lock::acquire(&lock_path).map_err(cant_lock)?;
    match node::open(&intake.node, &intake.repository, release) {
        Ok(Some(_)) => return Ok(Done::Already),
        // What lies in the repository is named below, with what to do.
        Ok(None) | Err(NodeError::NotPinned { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    // Said before anything is fetched for it.
    node::executable(&intake.node)?;
    let fetched = sources::fetch(intake, &repository, release, progress).await;
    fetched.map_err(|error| IntakeError::Source {
        release: release.to_string(),
        why: error_chain(&error),
    })?;
    progress.step("asking it who it is");
    let asked = expect(&intake.node, &path, release);
    if asked.is_err() {
        super::remove(&path);
    }
    drop(lock);
    asked.map(|()| Done::Now)
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
