//! Adds releases of Vyper to the pinned list: has pip resolve what each needs today, and asks the
//! compiler who it is. For whoever maintains the list.
//!
//! Where a package has a wheel of pure Python, that one is taken: it serves every machine. Else there is
//! one per Python and machine, all of the same version.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use verification::compiler::CompilerVersion;

use super::pip::{self, PipError};
use super::progress::Progress;
use super::{IntakeError, vyper as intake};
use crate::python;
use crate::release::{PinnedPackage, VyperPin};
use crate::vyper::{self, wheels};

/// What to resolve for. Old releases want old ones.
const PYTHONS: [&str; 3] = ["3.11", "3.10", "3.9"];
/// Releases that import what belongs to setuptools, and don't say that they need it.
const IMPORT_PKG_RESOURCES: [&str; 2] = ["0.2.", "0.3.0"];
const LAST_WITH_PKG_RESOURCES: &str = "setuptools<81";
/// For which there should be wheels.
const WHEELS_FOR: [&str; 5] = ["3.10", "3.11", "3.12", "3.13", "3.14"];
const MACHINES: [[&str; 2]; 2] = [
    ["manylinux2014_x86_64", "manylinux_2_28_x86_64"],
    ["manylinux2014_aarch64", "manylinux_2_28_aarch64"],
];

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinVyperError {
    #[error("`{0}` can't be used")]
    File(PathBuf, #[source] std::io::Error),
    #[error("`{0}` is not a list")]
    List(PathBuf, #[source] serde_json::Error),
    #[error("Vyper {0} can't be had: {1}")]
    Pip(String, String),
    #[error("the wheels of Vyper {release} don't work")]
    Compiler {
        release: String,
        #[source]
        source: IntakeError,
    },
    #[error("Vyper {release} says it is {says}")]
    OtherRelease { release: String, says: String },
    #[error("`{0}` is not the name of a wheel")]
    Name(String),
}

/// Adds these releases to the list, or replaces their entries.
///
/// # Errors
///
/// When a release can't be had, or doesn't work. Those before it are in the list by then.
pub async fn add_releases(
    list: &Path,
    python: &Path,
    releases: &[String],
) -> Result<(), PinVyperError> {
    for release in releases {
        let progress = Progress::new(release);
        progress.step("resolving it with pip");
        let failed = |error: PipError| PinVyperError::Pip(release.clone(), error.to_string());
        let folder = tempfile::tempdir()
            .map_err(|source| PinVyperError::File(std::env::temp_dir(), source))?;
        let packages = resolve(python, release, folder.path())
            .await
            .map_err(failed)?;
        let packages = packages_of(&packages, release)?;
        progress.step("asking it who it is");
        let says = ask(python, folder.path(), &packages);
        let says = says.map_err(|source| PinVyperError::Compiler {
            release: release.clone(),
            source,
        })?;
        let pin = pin(release, says, packages)?;
        progress.end(&pin.long_version);
        let mut pins = read(list)?;
        pins.retain(|known| known.version != pin.version);
        pins.push(pin);
        write(list, pins)?;
    }
    Ok(())
}

/// All wheels, in one folder.
async fn resolve(python: &Path, release: &str, folder: &Path) -> Result<Vec<PathBuf>, PipError> {
    let mut wanted = vec![format!("vyper=={release}")];
    if IMPORT_PKG_RESOURCES
        .iter()
        .any(|old| release.starts_with(old))
    {
        wanted.push(LAST_WITH_PKG_RESOURCES.to_owned());
    }
    let mut resolved = Err(PipError::Failed(String::new()));
    for version in PYTHONS {
        if resolved.is_err() {
            resolved = download(python, folder, &wanted, Kind::Machine(version, 0), true).await;
        }
    }
    resolved?;
    for wheel in list(folder)? {
        let Some((name, version, false)) = name_of(&wheel) else {
            continue;
        };
        let wanted = [format!("{name}=={version}")];
        if download(python, folder, &wanted, Kind::Pure, false)
            .await
            .is_ok()
        {
            fs::remove_file(&wheel).map_err(|source| PipError::File(wheel, source))?;
            continue;
        }
        for version in WHEELS_FOR {
            for machine in 0..MACHINES.len() {
                // Not everything is published for everyone.
                drop(
                    download(
                        python,
                        folder,
                        &wanted,
                        Kind::Machine(version, machine),
                        false,
                    )
                    .await,
                );
            }
        }
    }
    list(folder)
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Pure,
    /// A version of Python, and a row of [`MACHINES`].
    Machine(&'static str, usize),
}

async fn download(
    python: &Path,
    folder: &Path,
    wanted: &[String],
    kind: Kind,
    with_dependencies: bool,
) -> Result<(), PipError> {
    let mut arguments: Vec<&str> = match kind {
        Kind::Pure => vec![
            "--implementation",
            "py",
            "--abi",
            "none",
            "--platform",
            "any",
        ],
        Kind::Machine(version, machine) => {
            let mut arguments = vec!["--implementation", "cp", "--python-version", version];
            let machines = MACHINES.get(machine).into_iter().flatten();
            arguments.extend(machines.flat_map(|machine| ["--platform", *machine]));
            arguments
        }
    };
    if !with_dependencies {
        arguments.extend(["--no-deps", "--ignore-requires-python"]);
    }
    arguments.extend(wanted.iter().map(String::as_str));
    pip::run(python, folder, |command| {
        command.args(&arguments);
    })
    .await
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, PipError> {
    let unusable = |source| PipError::File(folder.to_owned(), source);
    let mut wheels = Vec::new();
    for entry in fs::read_dir(folder).map_err(unusable)? {
        wheels.push(entry.map_err(unusable)?.path());
    }
    wheels.retain(|wheel| wheel.extension().is_some_and(|ending| ending == "whl"));
    wheels.sort();
    Ok(wheels)
}

/// Name, version, and whether it is pure Python.
fn name_of(wheel: &Path) -> Option<(&str, &str, bool)> {
    let file = wheel.file_name()?.to_str()?;
    let mut parts = file.split('-');
    let (name, version) = (parts.next()?, parts.next()?);
    Some((name, version, file.ends_with("-none-any.whl")))
}

fn packages_of(wheels: &[PathBuf], release: &str) -> Result<Vec<PinnedPackage>, PinVyperError> {
    let mut packages = Vec::new();
    for wheel in wheels {
        let not_a_name = || PinVyperError::Name(wheel.display().to_string());
        let (name, version, _) = name_of(wheel).ok_or_else(not_a_name)?;
        let file = wheel.file_name().and_then(|file| file.to_str());
        let contents =
            fs::read(wheel).map_err(|source| PinVyperError::File(wheel.clone(), source))?;
        packages.push(PinnedPackage {
            name: name.to_owned(),
            version: version.to_owned(),
            file: file.ok_or_else(not_a_name)?.to_owned(),
            sha256: hex::encode(Sha256::digest(&contents)),
        });
    }
    let is_vyper = |package: &PinnedPackage| package.name == "vyper" && package.version == release;
    packages.sort_by_key(|package| !is_vyper(package));
    Ok(packages)
}

fn ask(python: &Path, folder: &Path, packages: &[PinnedPackage]) -> Result<String, IntakeError> {
    let python = python::find(python)?;
    let chosen = wheels::choose_of(packages, &python).map_err(vyper::VyperError::from)?;
    let unpacked = folder.join("unpacked");
    for package in chosen {
        intake::unpack(&python, &folder.join(&package.file), &unpacked)?;
    }
    Ok(vyper::ask(&python, &unpacked)?)
}

fn pin(
    release: &str,
    says: String,
    packages: Vec<PinnedPackage>,
) -> Result<VyperPin, PinVyperError> {
    let version: Option<CompilerVersion> = says.parse().ok();
    let is_it = version.is_some_and(|version| {
        let said = format!("{}{}", version.number(), version.pre_release());
        said == release
    });
    let release = release.to_owned();
    if is_it {
        Ok(VyperPin {
            version: release,
            long_version: says,
            packages,
        })
    } else {
        Err(PinVyperError::OtherRelease { release, says })
    }
}

fn read(list: &Path) -> Result<Vec<VyperPin>, PinVyperError> {
    match fs::read(list) {
        Ok(json) => serde_json::from_slice(&json)
            .map_err(|source| PinVyperError::List(list.to_owned(), source)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(PinVyperError::File(list.to_owned(), source)),
    }
}

fn write(list: &Path, mut pins: Vec<VyperPin>) -> Result<(), PinVyperError> {
    pins.sort_by_cached_key(|pin| {
        let version = pin.version.parse::<CompilerVersion>().ok();
        version.map(|version| {
            let pre_release = version.pre_release().to_owned();
            (version.number(), pre_release.is_empty(), pre_release)
        })
    });
    let mut json = serde_json::to_vec_pretty(&pins)
        .map_err(|source| PinVyperError::List(list.to_owned(), source))?;
    json.push(b'\n');
    fs::write(list, json).map_err(|source| PinVyperError::File(list.to_owned(), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_what_it_says() {
        let pinned = |release, says: &str| pin(release, says.to_owned(), Vec::new());
        assert!(pinned("0.4.3", "0.4.3+commit.bff19ea2").is_ok());
        assert!(pinned("0.4.0rc6", "0.4.0rc6+commit.33719560").is_ok());
        assert!(pinned("0.3.1", "0.3.1").is_ok());
        assert!(pinned("0.4.0", "0.4.0rc6+commit.33719560").is_err());
        assert!(pinned("0.4.3", "gibberish").is_err());
    }

    #[test]
    fn releases_stand_after_their_attempts() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("vyper.json");
        let versions = ["0.4.0", "0.3.10", "0.4.0rc6", "0.4.0b1"];
        let pins = versions.map(|version| pin(version, version.to_owned(), Vec::new()).unwrap());
        write(&list, pins.to_vec()).unwrap();
        let order: Vec<_> = read(&list)
            .unwrap()
            .into_iter()
            .map(|pin| pin.version)
            .collect();
        assert_eq!(order, ["0.3.10", "0.4.0b1", "0.4.0rc6", "0.4.0"]);
    }
}
