//! Adds releases to the pinned list: fetches packages from npm, and asks each compiler who it is.
//!
//! For whoever maintains the list. A package's version is never believed: some hold another release.
//! Modules are asked in our engine, asm.js in Node.

use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use verification::compiler::CompilerVersion;

use super::extract::ExtractError;
use super::npm::{self, NpmError};
use super::progress::Progress;
use super::wasm::{compile, understand};
use super::{IntakeError, trial};
use crate::node;
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

/// What to look at: `<package>[:<file>][=<long version>]`.
///
/// The file is told where it is neither `soljson.js` nor `bin/soljson-latest.js`; the long version where
/// the compiler doesn't know its commit, or is the nightly that was published as a release.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted<'a> {
    package: &'a str,
    file: Option<&'a str>,
    long_version: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn parse(text: &'a str) -> Self {
        let (text, long_version) = match text.split_once('=') {
            Some((text, long_version)) => (text, Some(long_version)),
            None => (text, None),
        };
        let (package, file) = match text.split_once(':') {
            Some((package, file)) => (package, Some(file)),
            None => (text, None),
        };
        Self {
            package,
            file,
            long_version,
        }
    }
}

const USUAL_FILES: [&str; 2] = ["soljson.js", "bin/soljson-latest.js"];

/// Adds the releases in these packages of npm's `solc` to the list, or replaces their entries.
///
/// # Errors
///
/// When a package can't be had, or holds something else than it says. Packages before it are in the
/// list by then.
pub async fn add_packages(list: &Path, node: &Path, packages: &[String]) -> Result<(), PinError> {
    for text in packages {
        let wanted = Wanted::parse(text);
        let progress = Progress::new(wanted.package);
        progress.step("fetching it from npm");
        let names = wanted.file.map_or(USUAL_FILES.to_vec(), |file| vec![file]);
        let fetched = npm::file_of(wanted.package, &names).await;
        let (name, soljson) =
            fetched.map_err(|error: NpmError| PinError::Npm(error.to_string()))?;
        progress.step("asking it who it is");
        let says = ask(node, &soljson).map_err(|source| PinError::Compiler {
            package: text.clone(),
            source,
        })?;
        let mut pin = pin(&wanted, &says, &soljson)?;
        pin.npm_file = (name != "soljson.js").then_some(name);
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
            npm_file: None,
            says: None,
            files: vec![file],
        }),
    }
}

fn ask(node: &Path, soljson: &[u8]) -> Result<String, IntakeError> {
    let folder =
        tempfile::tempdir().map_err(|source| IntakeError::Folder(std::env::temp_dir(), source))?;
    let merged = match understand(soljson) {
        Ok((merged, _)) => merged,
        Err(IntakeError::Extract(ExtractError::NoModule)) => {
            let path = folder.path().join("soljson.js");
            super::write(&path, soljson)?;
            return Ok(node::ask(node, &path)?);
        }
        Err(error) => return Err(error),
    };
    let code = compile(&merged, engine::for_compiling())?;
    let path = folder.path().join("code.cwasm");
    super::write(&path, &code)?;
    trial::try_out(&path)
}

fn pin(wanted: &Wanted<'_>, says: &str, soljson: &[u8]) -> Result<Pin, PinError> {
    let holds = || PinError::OtherRelease {
        package: wanted.package.to_owned(),
        holds: says.to_owned(),
    };
    let said: CompilerVersion = says.parse().map_err(|_nothing_more| holds())?;
    let long_version = match wanted.long_version {
        Some(told) => told.to_owned(),
        None => long_version_of(says),
    };
    let version: CompilerVersion = long_version.parse().map_err(|_nothing_more| holds())?;
    let number = version.number().to_string();
    // `0.8.7-fixed` is a second attempt at 0.8.7, `0.2.1-1` the only one at 0.2.1.
    let package_number = wanted.package.split('-').next().unwrap_or_default();
    let is_release = wanted.long_version.is_some() || version.pre_release().is_empty();
    if package_number != number || said.number() != version.number() || !is_release {
        return Err(holds());
    }
    let mut pin = Pin {
        version: number,
        long_version: version.as_str().to_owned(),
        other_commits: Vec::new(),
        npm: Some(wanted.package.to_owned()),
        npm_file: None,
        says: None,
        files: vec![PinnedFile {
            origin: Origin::Npm,
            sha256: hex::encode(Sha256::digest(soljson)),
            keccak256: Some(hex::encode(alloy_primitives::keccak256(soljson))),
            bytes: u64::try_from(soljson.len()).ok(),
        }],
    };
    if !pin.is_said_as(says) {
        pin.says = Some(says.to_owned());
    }
    Ok(pin)
}

/// Before 0.4.0 the commit stands where a pre-release would: `0.2.1-91a6b35f/.-Emscripten/clang/int`.
fn long_version_of(says: &str) -> String {
    let parts = says
        .split_once('/')
        .and_then(|(version, _)| version.split_once('-'));
    let is_commit = |text: &str| text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    match parts {
        Some((number, commit)) if is_commit(commit) => format!("{number}+commit.{commit}"),
        _ => says.to_owned(),
    }
}

/// What the compiler itself can't tell is kept: the other publisher's file, and other commits.
fn add(pins: &mut Vec<Pin>, mut pin: Pin) {
    let is_it = |known: &Pin| known.long_version == pin.long_version;
    if let Some(known) = pins.iter().find(|known| is_it(known)) {
        let official = known.files.iter().filter(|file| {
            file.origin == Origin::SolcBin && pin.files.iter().all(|new| new.sha256 != file.sha256)
        });
        let official: Vec<_> = official.cloned().collect();
        pin.files.extend(official);
        pin.other_commits.clone_from(&known.other_commits);
    }
    pins.retain(|known| known.long_version != pin.long_version);
    pins.push(pin);
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
        let holds = |package, says| {
            pin(&Wanted::parse(package), says, b"var Module").map(|pin| pin.long_version)
        };
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
    fn old_compilers_are_understood() {
        let pin = |text, says| pin(&Wanted::parse(text), says, b"var Module");
        let words = "0.2.1-91a6b35f/.-Emscripten/clang/int linked to libethereum-";
        let old = pin("0.2.1-1", words).unwrap();
        assert_eq!(old.long_version, "0.2.1+commit.91a6b35f");
        assert_eq!(old.says.as_deref(), Some(words));
        let words = "0.3.5-0/Release-Emscripten/clang/Interpreter";
        pin("0.3.5", words).unwrap_err();
        let told = pin("0.3.5=0.3.5+commit.5f97274a", words).unwrap();
        assert_eq!(told.long_version, "0.3.5+commit.5f97274a");
        pin("0.3.6=0.3.6+commit.3fc68da5", words).unwrap_err();
        let plain = pin("0.4.2", "0.4.2+commit.af6afb04.mod.Emscripten.clang").unwrap();
        assert_eq!(plain.says, None);
        let named = Wanted::parse("0.1.5:bin/x.js=0.1.5+commit.23865e39");
        assert_eq!(named.package, "0.1.5");
        assert_eq!(named.file, Some("bin/x.js"));
    }

    #[test]
    fn both_publishers_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (list, official) = (folder.path().join("pins"), folder.path().join("official"));
        let npm = pin(
            &Wanted::parse("0.8.28"),
            "0.8.28+commit.7893614a",
            b"packed",
        )
        .unwrap();
        let same = pin(&Wanted::parse("0.8.9"), "0.8.9+commit.e5eed63a", b"same").unwrap();
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
