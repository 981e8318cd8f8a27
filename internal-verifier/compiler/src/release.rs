//! The releases of solc that we know, pinned: their versions and the SHA-256 of their files.
//!
//! The list is part of the program, because a list that is fetched together with the files it
//! describes protects from nothing. `compilers pin` writes it. Whether a release is present on this
//! machine is another question, which the cache answers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use verification::compiler::{CompilerVersion, ReleaseNumber};

/// Releases by number; made once, from the list beside the sources.
static KNOWN: LazyLock<Result<BTreeMap<ReleaseNumber, Release>, String>> =
    LazyLock::new(|| parse(include_str!("../releases.json")).map_err(|error| error.to_string()));

/// A release of solc for which the Solidity project publishes a WebAssembly build.
#[derive(Clone, PartialEq, Eq)]
pub struct Release {
    number: ReleaseNumber,
    pin: Arc<Pin>,
}

/// One entry of the pinned list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pin {
    pub version: String,
    pub long_version: String,
    /// The spelling of npm's `solc` package; some packages hold another release than they say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub npm: Option<String>,
    pub files: Vec<PinnedFile>,
}

/// A `soljson.js` that we accept for a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PinnedFile {
    pub origin: Origin,
    pub sha256: String,
    /// Known for every file that `compilers pin` has seen itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keccak256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// Who publishes a file. From 0.8.12 on, npm's file differs from the one in the Solidity project's
/// own folder of WebAssembly builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Npm,
    SolcBin,
}

impl Release {
    /// Every known release, oldest first.
    ///
    /// # Errors
    ///
    /// When the list that is part of the program can't be read; a test keeps that from happening.
    pub fn known() -> Result<Vec<Self>, NotAList> {
        match &*KNOWN {
            Ok(known) => Ok(known.values().cloned().collect()),
            Err(why) => Err(NotAList(why.clone())),
        }
    }

    /// The release a client asks for: number and commit must fit. Nightlies are not known.
    #[must_use]
    pub fn find(version: &CompilerVersion) -> Option<Self> {
        let known = KNOWN.as_ref().ok()?.get(&version.number())?;
        (known.long_version() == version.as_str()).then(|| known.clone())
    }

    /// The release of that number, whatever its commit.
    #[must_use]
    pub fn find_number(number: ReleaseNumber) -> Option<Self> {
        KNOWN.as_ref().ok()?.get(&number).cloned()
    }

    #[must_use]
    pub fn number(&self) -> ReleaseNumber {
        self.number
    }

    /// `0.8.28+commit.7893614a`, as the compiler itself says it.
    #[must_use]
    pub fn long_version(&self) -> &str {
        &self.pin.long_version
    }

    /// The name of its file in the Solidity project's repository of builds.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("solc-emscripten-wasm32-v{}.js", self.long_version())
    }

    /// Which version of npm's `solc` package holds it; `None` if none does.
    #[must_use]
    pub fn npm_version(&self) -> Option<&str> {
        self.pin.npm.as_deref()
    }

    /// Whether a `soljson.js` of this SHA-256 (hexadecimal, lower case) is one we pinned.
    #[must_use]
    pub fn accepts(&self, sha256: &str) -> bool {
        self.pin.files.iter().any(|file| file.sha256 == sha256)
    }

    #[must_use]
    pub fn pin(&self) -> &Pin {
        &self.pin
    }
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Release({})", self.long_version())
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.long_version())
    }
}

fn parse(json: &str) -> Result<BTreeMap<ReleaseNumber, Release>, NotAList> {
    let pins: Vec<Pin> = serde_json::from_str(json).map_err(|error| NotAList(error.to_string()))?;
    let mut known = BTreeMap::new();
    for pin in pins {
        let version: CompilerVersion = pin.long_version.parse().map_err(|_nothing_more| {
            NotAList(format!("`{}` is not a version", pin.long_version))
        })?;
        if version.as_str() != pin.long_version || !version.is_well_formed_solc() {
            return Err(NotAList(format!("`{}` is not a release", pin.long_version)));
        }
        let number = version.number();
        let pin = Arc::new(pin);
        known.insert(number, Release { number, pin });
    }
    Ok(known)
}

#[derive(Debug, thiserror::Error)]
#[error("the pinned list of compilers can't be read: {0}")]
pub struct NotAList(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn find(version: &str) -> Option<Release> {
        Release::find(&version.parse().unwrap())
    }

    #[test]
    fn a_release_is_found_by_number_and_commit() {
        let release = find("0.8.28+commit.7893614a").unwrap();
        assert_eq!(release.number(), ReleaseNumber(0, 8, 28));
        assert_eq!(release.long_version(), "0.8.28+commit.7893614a");
        assert_eq!(
            find("v0.8.28+commit.7893614a.Emscripten.clang"),
            Some(release)
        );
    }

    #[test]
    fn other_commits_nightlies_and_older_releases_are_not_known() {
        for version in [
            "0.8.28+commit.00000000",
            "0.8.28",
            "0.8.28-nightly.2024.9.1+commit.7893614a",
            "0.6.1+commit.e6f7d5a4",
            "0.99.0+commit.7893614a",
        ] {
            assert_eq!(find(version), None, "{version}");
        }
    }

    #[test]
    fn the_pinned_list_is_whole() {
        let known = Release::known().unwrap();
        let first = known.first().unwrap().number();
        assert_eq!(first, ReleaseNumber(0, 6, 2));
        for release in &known {
            assert!(!release.pin().files.is_empty(), "{release}");
            for file in &release.pin().files {
                assert_eq!(hex::decode(&file.sha256).unwrap().len(), 32, "{release}");
                let keccak = file
                    .keccak256
                    .as_ref()
                    .map(|hash| hex::decode(hash).unwrap().len());
                let seen = (file.origin == Origin::Npm).then_some(32);
                assert_eq!(
                    (keccak, file.bytes.is_some()),
                    (seen, seen.is_some()),
                    "{release}"
                );
            }
        }
    }

    #[test]
    fn packages_that_hold_another_release_are_avoided() {
        let npm = |number| {
            Release::find_number(number)
                .unwrap()
                .npm_version()
                .map(str::to_owned)
        };
        assert_eq!(npm(ReleaseNumber(0, 8, 7)).as_deref(), Some("0.8.7-fixed"));
        // npm's 0.8.1 holds 0.8.0: there is no package of that release.
        assert_eq!(npm(ReleaseNumber(0, 8, 1)), None);
    }
}
