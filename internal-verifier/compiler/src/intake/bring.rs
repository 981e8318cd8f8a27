//! Copies a release that another machine made from the store into the cache.
//!
//! A mounted bucket may hang. What reads it is a thread that nobody has to wait for, and that only
//! writes under a name of its own; what it brought gets its name here, when it is whole.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use super::progress::Progress;
use super::repository::Repository;
use super::{Intake, IntakeError, Making, leftovers, native, vyper, write_whole};
use crate::artefacts;
use crate::engine::Engine;
use crate::error_chain;
use crate::release::Platform;
use crate::store::{Contents, Entry, Store, StoreError, Wanted, archive};

/// For 80 MB. A bucket that gives less than a megabyte a second is not one to wait for.
const LIMIT: Duration = Duration::from_secs(100);

/// Whether the store had it. One that can't be used is an error only where nothing may be made instead.
pub(super) async fn from_store(
    intake: &Intake,
    wanted: &Wanted,
    progress: &Progress,
) -> Result<bool, IntakeError> {
    let Some(store) = &intake.store else {
        return Ok(false);
    };
    progress.step("copying it from the store");
    let error = match bring(intake, store, wanted).await {
        Ok(was_there) => return Ok(was_there),
        Err(error) => error,
    };
    if intake.making == Making::Nothing {
        return Err(error);
    }
    progress.refuse(&error_chain(&error));
    Ok(false)
}

async fn bring(intake: &Intake, store: &Store, wanted: &Wanted) -> Result<bool, IntakeError> {
    let copy = leftovers::copy_path(&super::lock_path(intake, wanted));
    let reading = {
        let (store, wanted, copy) = (store.clone(), wanted.clone(), copy.clone());
        move || read(&store, &wanted, &copy)
    };
    let Some(entry) = within_limit(LIMIT, reading).await?? else {
        return Ok(false);
    };
    let placed = place(intake, wanted, entry, &copy);
    // Renamed or read; in any case of no use any more.
    super::remove(&copy);
    placed.map(|()| true)
}

fn read(store: &Store, wanted: &Wanted, copy: &Path) -> Result<Option<Entry>, StoreError> {
    let entry = store.find(wanted)?;
    if let Some(entry) = &entry {
        store.copy(wanted, entry, copy)?;
    }
    Ok(entry)
}

async fn within_limit<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IntakeError> {
    let (sender, done) = tokio::sync::oneshot::channel();
    // Not one of the runtime's threads, for which it waits at its end.
    std::thread::spawn(move || {
        // Nobody listens after the limit.
        drop(sender.send(work()));
    });
    let done = tokio::time::timeout(limit, done).await;
    match done {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) | Err(_) => Err(IntakeError::StoreTimedOut(limit)),
    }
}

/// What was copied is what the entry names; whether the engine takes it is looked at when it is opened.
fn place(intake: &Intake, wanted: &Wanted, entry: Entry, copy: &Path) -> Result<(), IntakeError> {
    let release = &wanted.release;
    match (entry.contents, &wanted.python) {
        (Contents::Wasm { record }, _) => {
            let paths = artefacts::Paths::new(&intake.cache, release);
            let json = serde_json::to_vec_pretty(&record)
                .map_err(|error| IntakeError::Write(paths.record.clone(), error.into()))?;
            fs::rename(copy, &paths.code)
                .map_err(|error| IntakeError::Write(paths.code.clone(), error))?;
            write_whole(&paths.record, &json)
        }
        (Contents::Vyper { mut record }, Some(python)) => {
            let paths = crate::vyper::Paths::new(&intake.cache, release, python);
            let made = tempfile::Builder::new()
                .prefix(&leftovers::folder_prefix(&paths.lock))
                .tempdir_in(&paths.root)
                .map_err(|error| IntakeError::Folder(paths.root.clone(), error))?;
            let archive =
                File::open(copy).map_err(|error| IntakeError::Write(copy.to_owned(), error))?;
            let packages = crate::vyper::packages_in(made.path());
            archive::unpack(archive, &packages)?;
            let has = crate::vyper::sha256_of_folder(&packages)
                .map_err(|error| IntakeError::Folder(packages, error))?;
            if has != record.files_sha256 {
                let recorded = record.files_sha256;
                return Err(StoreError::Source { has, recorded }.into());
            }
            // Made by the same Python, which may have another place there.
            record.executable.clone_from(&python.executable);
            vyper::put(made, &record, &paths.folder)
        }
        (Contents::Node | Contents::Native | Contents::Vyper { .. }, _) => {
            let platform = Platform::of(wanted.engine);
            let platform = platform.ok_or_else(|| super::nothing(release, wanted.engine))?;
            let repository = Repository::new(&intake.repository, platform);
            let unusable = |error| IntakeError::Folder(intake.repository.clone(), error);
            let file = fs::read(copy).map_err(unusable)?;
            repository.store(release, &file).map_err(unusable)?;
            if wanted.engine == Engine::Native {
                native::make_executable(&repository.path(release))?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_that_hangs_is_not_waited_for() {
        let (release, hangs) = std::sync::mpsc::channel::<()>();
        let reading = move || hangs.recv();
        let error = within_limit(Duration::from_millis(20), reading).await;
        assert!(matches!(error, Err(IntakeError::StoreTimedOut(_))));
        drop(release);
        assert_eq!(within_limit(LIMIT, || 5).await.unwrap(), 5);
    }
}
