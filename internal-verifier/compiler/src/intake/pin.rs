//! Adds releases to the pinned list: fetches packages from npm, and asks each compiler who it is.
//!
//! For whoever maintains the list. A package's version is never believed: some hold another release.

use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use verification::compiler::CompilerVersion;

use super::npm::{self, NpmError};
use super::progress::Progress;
use super::{IntakeError, compile, trial, understand};
use crate::release::{Origin, Pin, PinnedFile};
use crate::wasm::engine;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    #[error("`{0}` can't be used")]
    File(String, #[source] std::io::Error),
    #[error("`{0}` is not a list")]
    List(String, #[source] serde_json::Error),
    #[error("{0}")]
    Npm(String),
    #[error("the compiler of package {package} is refused")]
    Compiler {
        package: String,
        #[source]
        source: IntakeError,
    },
    #[error("package {package} holds {holds}")]
    OtherRelease { package: String, holds: String },
}

/// The part of a `list.json` of the Solidity project that matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfficialList {
    builds: Vec<OfficialBuild>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfficialBuild {
    long_version: String,
    sha256: String,
}

/// Adds the releases in these packages of npm's `solc` to the list, or replaces their entries.
///
/// # Errors
///
/// When a package can't be had, or holds something else than it says. Packages before it are in the
/// list by then.
pub async fn add_packages(list: &Path, packages: &[String]) -> Result<(), PinError> {
    for package in packages {
        let progress = Progress::new(package);
        progress.step("fetching it from npm");
        let soljson = npm::soljson_of(package).await;
        let soljson = soljson.map_err(|error: NpmError| PinError::Npm(error.to_string()))?;
        progress.step("asking it who it is");
        let says = ask(&soljson).map_err(|source| PinError::Compiler {
            package: package.clone(),
            source,
        })?;
        let pin = pin(package, &says, &soljson)?;
        progress.end(&pin.long_version);
        let mut pins = read(list)?;
        add(&mut pins, pin);
        write(list, &pins)?;
    }
    Ok(())
}

/// Adds the files of a `list.json` of the Solidity project's WebAssembly builds, where they differ
/// from npm's, and releases from 0.6.2 on that npm does not have.
///
/// # Errors
///
/// When one of the two lists can't be read.
pub fn add_official(list: &Path, official: &Path) -> Result<(), PinError> {
    let name = official.display().to_string();
    let json = std::fs::read(official).map_err(|source| PinError::File(name.clone(), source))?;
    let theirs: OfficialList =
        serde_json::from_slice(&json).map_err(|source| PinError::List(name, source))?;
    let mut pins = read(list)?;
    for build in theirs.builds {
        add_official_build(&mut pins, &build);
    }
    write(list, &pins)
}

fn add_official_build(pins: &mut Vec<Pin>, build: &OfficialBuild) {
    let sha256 = build.sha256.trim_start_matches("0x").to_owned();
    let number = number_of(&build.long_version);
    let version: Vec<_> = number.iter().map(u32::to_string).collect();
    let is_release = build
        .long_version
        .starts_with(&format!("{}+", version.join(".")));
    if number < vec![0, 6, 2] || !is_release {
        return;
    }
    let file = PinnedFile {
        origin: Origin::SolcBin,
        sha256,
        keccak256: None,
        bytes: None,
    };
    match pins
        .iter_mut()
        .find(|pin| pin.long_version == build.long_version)
    {
        Some(pin) => {
            pin.files.retain(|known| known.origin != Origin::SolcBin);
            if pin.files.iter().all(|known| known.sha256 != file.sha256) {
                pin.files.push(file);
            }
        }
        None => pins.push(Pin {
            version: version.join("."),
            long_version: build.long_version.clone(),
            other_commits: Vec::new(),
            npm: None,
            files: vec![file],
        }),
    }
}

fn ask(soljson: &[u8]) -> Result<String, IntakeError> {
    let (merged, _) = understand(soljson)?;
    let code = compile(&merged, engine::for_compiling())?;
    let folder =
        tempfile::tempdir().map_err(|source| IntakeError::Folder(std::env::temp_dir(), source))?;
    let path = folder.path().join("code.cwasm");
    super::write(&path, &code)?;
    trial::try_out(&path)
}

fn pin(package: &str, says: &str, soljson: &[u8]) -> Result<Pin, PinError> {
    let holds = || PinError::OtherRelease {
        package: package.to_owned(),
        holds: says.to_owned(),
    };
    let version: CompilerVersion = says.parse().map_err(|_nothing_more| holds())?;
    let number = version.number().to_string();
    // `0.8.7-fixed` is a second attempt at 0.8.7.
    if package.trim_end_matches("-fixed") != number || !version.pre_release().is_empty() {
        return Err(holds());
    }
    Ok(Pin {
        version: number,
        long_version: version.as_str().to_owned(),
        other_commits: Vec::new(),
        npm: Some(package.to_owned()),
        files: vec![PinnedFile {
            origin: Origin::Npm,
            sha256: hex::encode(Sha256::digest(soljson)),
            keccak256: Some(hex::encode(alloy_primitives::keccak256(soljson))),
            bytes: u64::try_from(soljson.len()).ok(),
        }],
    })
}

fn add(pins: &mut Vec<Pin>, pin: Pin) {
    let official = pins
        .iter()
        .filter(|known| known.long_version == pin.long_version)
        .flat_map(|known| known.files.clone())
        .filter(|file| file.origin == Origin::SolcBin)
        .filter(|file| pin.files.iter().all(|new| new.sha256 != file.sha256));
    let official: Vec<_> = official.collect();
    pins.retain(|known| known.version != pin.version);
    let files = [pin.files, official].concat();
    pins.push(Pin { files, ..pin });
}

fn read(list: &Path) -> Result<Vec<Pin>, PinError> {
    let name = list.display().to_string();
    match std::fs::read(list) {
        Ok(json) => serde_json::from_slice(&json).map_err(|source| PinError::List(name, source)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(PinError::File(name, source)),
    }
}

fn write(list: &Path, pins: &[Pin]) -> Result<(), PinError> {
    let name = list.display().to_string();
    let mut pins = pins.to_vec();
    pins.sort_by_key(|pin| number_of(&pin.version));
    let mut json =
        serde_json::to_vec_pretty(&pins).map_err(|source| PinError::List(name.clone(), source))?;
    json.push(b'\n');
    std::fs::write(list, json).map_err(|source| PinError::File(name, source))
}

fn number_of(version: &str) -> Vec<u32> {
    let number = version.split(['+', '-']).next().unwrap_or_default();
    number
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_that_hold_another_release_are_refused() {
        let holds = |package, says| pin(package, says, b"var Module").map(|pin| pin.long_version);
        let says = "0.8.7+commit.e28d00a7.Emscripten.clang";
        assert_eq!(holds("0.8.7", says).unwrap(), "0.8.7+commit.e28d00a7");
        assert_eq!(holds("0.8.7-fixed", says).unwrap(), "0.8.7+commit.e28d00a7");
        assert!(holds("0.8.8", says).is_err());
        assert!(
            holds(
                "0.8.7",
                "0.8.7-nightly.2021.8.1+commit.e28d00a7.Emscripten.clang"
            )
            .is_err()
        );
        assert!(holds("0.8.7", "gibberish").is_err());
    }

    #[test]
    fn both_publishers_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (list, official) = (folder.path().join("pins"), folder.path().join("official"));
        let npm = pin("0.8.28", "0.8.28+commit.7893614a", b"packed").unwrap();
        let same = pin("0.8.9", "0.8.9+commit.e5eed63a", b"same").unwrap();
        let same_sha256 = same.files.first().unwrap().sha256.clone();
        write(&list, &[npm.clone(), same]).unwrap();
        let json = serde_json::json!({ "builds": [
            { "longVersion": "0.8.28+commit.7893614a", "sha256": format!("0x{}", "ab".repeat(32)) },
            { "longVersion": "0.8.9+commit.e5eed63a", "sha256": format!("0x{same_sha256}") },
            { "longVersion": "0.8.1+commit.df193b15", "sha256": format!("0x{}", "cd".repeat(32)) },
            { "longVersion": "0.8.31-pre.1+commit.b59566f6", "sha256": "0x00" },
            { "longVersion": "0.5.17+commit.d19bba13", "sha256": "0x00" },
        ]});
        std::fs::write(&official, json.to_string()).unwrap();
        add_official(&list, &official).unwrap();
        let mut pins = read(&list).unwrap();
        // Seeing npm's package again keeps what the project publishes.
        add(&mut pins, npm);
        write(&list, &pins).unwrap();
        let files: Vec<_> = read(&list)
            .unwrap()
            .iter()
            .map(|pin| (pin.version.clone(), pin.files.len()))
            .collect();
        let wanted = [("0.8.1", 1), ("0.8.9", 1), ("0.8.28", 2)];
        assert_eq!(
            files,
            wanted.map(|(version, files)| (version.to_owned(), files))
        );
    }
}
