//! What is pinned of a release: entries of the lists.

use serde::{Deserialize, Serialize};

/// A release of solc for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pin {
    pub version: String,
    pub long_version: String,
    /// Commits under which the same release was published too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_commits: Vec<String>,
    /// The spelling of npm's `solc` package; some packages hold another release than they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npm: Option<String>,
    pub files: Vec<PinnedFile>,
}

impl Pin {
    /// Whether a file of this SHA-256 (hexadecimal, lower case) is one we pinned.
    #[must_use]
    pub fn accepts(&self, sha256: &str) -> bool {
        self.files.iter().any(|file| file.sha256 == sha256)
    }
}

/// A file that we accept for a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PinnedFile {
    pub origin: Origin,
    pub sha256: String,
    /// Known for every file that `compilers pin` has seen itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keccak256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// A release of Vyper with everything it imports: the versions of those decide the bytecode too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VyperPin {
    pub version: String,
    /// As the compiler itself says it.
    pub long_version: String,
    /// Wheels, Vyper's own first.
    pub packages: Vec<PinnedPackage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PinnedPackage {
    pub name: String,
    pub version: String,
    /// The wheel's file name.
    pub file: String,
    pub sha256: String,
}
