//! Takes in a release of Vyper: unpacks its pinned wheels into a folder of their own, compiles them to
//! bytecode, since those who use them can't write, and asks the compiler who it is.
//!
//! The folder is made beside its place and renamed into it, with its record inside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::progress::Progress;
use super::{Intake, IntakeError, Making, leftovers, pip};
use crate::error_chain;
use crate::python::{self, Python};
use crate::release::{PinnedPackage, Release};
use crate::store::Wanted;
use crate::vyper::{self, Paths, Record, VyperError, wheels};

pub(super) async fn make(
    intake: &Intake,
    wanted: &Wanted,
    progress: &Progress,
) -> Result<(), IntakeError> {
    let release = &wanted.release;
    let python = python::find(&intake.python)?;
    let packages = wheels::choose(release, &python).map_err(VyperError::from)?;
    let fetched = fetch(intake, &python, &packages, progress).await;
    let wheels = fetched.map_err(|error| IntakeError::Source {
        release: release.to_string(),
        why: error_chain(&error),
    })?;
    let paths = Paths::new(&intake.cache, release, &python);
    unpack_all(&wheels, release, &python, &paths, packages, progress)
}

/// The files of all packages, checked.
async fn fetch(
    intake: &Intake,
    python: &Python,
    packages: &[PinnedPackage],
    progress: &Progress,
) -> Result<Vec<PathBuf>, pip::PipError> {
    let repository = intake.repository.join("vyper");
    let mut wheels = Vec::new();
    for package in packages {
        let wheel = repository.join(&package.file);
        if !pip::is_there(&wheel, package)? {
            if intake.making != Making::Fetching {
                return Err(pip::PipError::Offline(package.file.clone()));
            }
            progress.step("fetching it with pip");
            pip::download(python, package, &repository).await?;
        }
        wheels.push(wheel);
    }
    Ok(wheels)
}

fn unpack_all(
    wheels: &[PathBuf],
    release: &Release,
    python: &Python,
    paths: &Paths,
    packages: Vec<PinnedPackage>,
    progress: &Progress,
) -> Result<(), IntakeError> {
    progress.step("unpacking it");
    let unusable = |source| IntakeError::Folder(paths.root.clone(), source);
    let made = tempfile::Builder::new()
        .prefix(&leftovers::folder_prefix(&paths.lock))
        .tempdir_in(&paths.root)
        .map_err(unusable)?;
    let folder = vyper::packages_in(made.path());
    for wheel in wheels {
        unpack(python, wheel, &folder)?;
    }
    compile(python, &folder)?;
    progress.step("asking it who it is");
    let mut record = Record::of(release, python, packages);
    record.says = vyper::ask(python, &folder)?;
    if !vyper::is_version(&record.says, release.long_version()) {
        let wanted = release.long_version().to_owned();
        let says = record.says;
        return Err(IntakeError::WrongVersion { says, wanted });
    }
    record.files_sha256 = vyper::sha256_of_folder(&folder)
        .map_err(|source| IntakeError::Folder(folder.clone(), source))?;
    put(made, &record, &paths.folder)
}

/// A wheel is a zip archive; what it says about scripts is of no use here.
pub(super) fn unpack(python: &Python, wheel: &Path, folder: &Path) -> Result<(), IntakeError> {
    let mut command = Command::new(&python.executable);
    command
        .args(["-I", "-m", "zipfile", "-e"])
        .arg(wheel)
        .arg(folder);
    python::run(&mut command, &python.executable)?;
    Ok(())
}

/// Bytecode that is used whatever the times of the files say.
fn compile(python: &Python, folder: &Path) -> Result<(), IntakeError> {
    let mut command = Command::new(&python.executable);
    let how = [
        "-I",
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
    ];
    python::run(command.args(how).arg(folder), &python.executable)?;
    Ok(())
}

/// Packages, with their record, in place of a folder that may be broken.
pub(super) fn put(
    made: tempfile::TempDir,
    record: &Record,
    place: &Path,
) -> Result<(), IntakeError> {
    let path = vyper::record_in(made.path());
    let json = serde_json::to_vec_pretty(record)
        .map_err(|error| IntakeError::Write(path.clone(), error.into()))?;
    super::write(&path, &json)?;
    let cant = |source| IntakeError::Write(place.to_owned(), source);
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cant(error)),
        _ => {}
    }
    // Made for its maker alone; whoever serves may be another user.
    let open_to_all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(made.path(), open_to_all).map_err(cant)?;
    fs::rename(made.path(), place).map_err(cant)?;
    // There is nothing of that name to be removed any more.
    drop(made.keep());
    Ok(())
}
