//! Puts releases into the store, so that no request on any machine has to wait until one is made.

use std::fs::{self, File};
use std::io::Seek;
use std::path::Path;

use super::progress::Progress;
use super::repository::Repository;
use super::{Intake, IntakeError, find_whole, take_in, wanted};
use crate::artefacts;
use crate::engine::Engine;
use crate::error_chain;
use crate::release::{Platform, Release};
use crate::store::{Contents, Store, Wanted, archive};
use crate::vyper;

/// What [`publish`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The store had it.
    Already,
    Now,
}

/// Whether the store has a release for machines like this one.
///
/// # Errors
///
/// When what the store has can't be used, or can't be told.
pub fn is_published(
    intake: &Intake,
    store: &Store,
    release: &Release,
    engine: Engine,
) -> Result<bool, IntakeError> {
    Ok(store.has(&wanted(intake, release, engine)?)?)
}

/// Puts a release into the store, unless it is there.
///
/// What is ready in the cache is not made again. What has to be made for the store leaves nothing behind in
/// the cache: on some machines disk is memory, and all releases together are gigabytes.
///
/// # Errors
///
/// When it can't be made, or the store can't be written to.
pub async fn publish(
    intake: &Intake,
    store: &Store,
    release: &Release,
    engine: Engine,
    progress: &Progress,
) -> Result<Published, IntakeError> {
    let wanted = wanted(intake, release, engine)?;
    progress.step("looking into the store");
    match store.has(&wanted) {
        Ok(true) => return Ok(Published::Already),
        Ok(false) => {}
        Err(error) => progress.refuse(&format!("publishing it anew: {}", error_chain(&error))),
    }
    if find_whole(intake, &wanted, progress)?.is_some() {
        put(intake, store, &wanted, progress)?;
        return Ok(Published::Now);
    }
    let unusable = |source| IntakeError::Folder(intake.cache.clone(), source);
    fs::create_dir_all(&intake.cache).map_err(unusable)?;
    let place = tempfile::Builder::new()
        .prefix("publishing-")
        .tempdir_in(&intake.cache);
    let place = place.map_err(unusable)?;
    let workshop = workshop(intake, &wanted, place.path());
    take_in(&workshop, release, engine, progress).await?;
    put(&workshop, store, &wanted, progress)?;
    Ok(Published::Now)
}

/// A cache that goes away again. Wheels are small, and many releases share them.
fn workshop(intake: &Intake, wanted: &Wanted, place: &Path) -> Intake {
    let is_here = Platform::of(wanted.engine).is_none_or(|platform| {
        let repository = Repository::new(&intake.repository, platform);
        repository.path(&wanted.release).is_file()
    });
    Intake {
        cache: place.to_owned(),
        repository: if is_here {
            intake.repository.clone()
        } else {
            place.join("compilers")
        },
        store: None,
        ..intake.clone()
    }
}

/// Of what is ready in the cache.
fn put(
    intake: &Intake,
    store: &Store,
    wanted: &Wanted,
    progress: &Progress,
) -> Result<(), IntakeError> {
    progress.step("copying it to the store");
    let Wanted {
        release, engine, ..
    } = wanted;
    let unusable = |source| IntakeError::Folder(intake.cache.clone(), source);
    match (engine, &wanted.python) {
        (Engine::Wasm, _) => {
            let made =
                artefacts::read_record(&artefacts::Paths::new(&intake.cache, release).record);
            let code = artefacts::open(&intake.cache, release);
            let (Some(record), Some(mut code)) = (made?, code?) else {
                return Err(gone(wanted));
            };
            code.rewind().map_err(unusable)?;
            store.put(wanted, Contents::Wasm { record }, code)?;
        }
        (Engine::Vyper, Some(python)) => {
            let paths = vyper::Paths::new(&intake.cache, release, python);
            let Some(record) = vyper::read_record(&paths.folder)? else {
                return Err(gone(wanted));
            };
            let mut packed = tempfile::tempfile_in(&intake.cache).map_err(unusable)?;
            let packages = vyper::packages_in(&paths.folder);
            archive::pack(&packages, &mut packed).map_err(unusable)?;
            packed.rewind().map_err(unusable)?;
            store.put(wanted, Contents::Vyper { record }, packed)?;
        }
        (Engine::Node | Engine::Native | Engine::Vyper, _) => {
            let platform = Platform::of(*engine).ok_or_else(|| gone(wanted))?;
            let path = Repository::new(&intake.repository, platform).path(release);
            let file = File::open(&path).map_err(|error| IntakeError::Folder(path, error))?;
            let contents = match engine {
                Engine::Native => Contents::Native,
                _ => Contents::Node,
            };
            store.put(wanted, contents, file)?;
        }
    }
    Ok(())
}

/// It was there a moment ago.
fn gone(wanted: &Wanted) -> IntakeError {
    let release = wanted.release.to_string();
    IntakeError::NotReady { release }
}
