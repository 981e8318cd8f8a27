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
    /// The file inside that package, where it is not `soljson.js`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npm_file: Option<String>,
    /// What the compiler answers when it is asked for its version, where that doesn't begin with the
    /// long version: releases before 0.4.0 spell it in another way, and some without their commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    pub files: Vec<PinnedFile>,
}

impl Pin {
    /// Whether a file of this SHA-256 (hexadecimal, lower case) is one we pinned.
    #[must_use]
    pub fn accepts(&self, sha256: &str) -> bool {
        self.files.iter().any(|file| file.sha256 == sha256)
    }

    /// Of the `soljson.js` in npm's package.
    #[must_use]
    pub fn npm_file(&self) -> &str {
        self.npm_file.as_deref().unwrap_or("soljson.js")
    }

    /// Whether these words are this release's version. `0.8.28+commit.7893614a.Emscripten.clang` is the
    /// release `0.8.28+commit.7893614a`.
    #[must_use]
    pub fn is_said_as(&self, says: &str) -> bool {
        if let Some(expected) = &self.says {
            return says == expected;
        }
        let rest = says.strip_prefix(&self.long_version);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(says: Option<&str>) -> Pin {
        Pin {
            version: "0.8.28".to_owned(),
            long_version: "0.8.28+commit.7893614a".to_owned(),
            other_commits: Vec::new(),
            npm: None,
            npm_file: None,
            says: says.map(str::to_owned),
            files: Vec::new(),
        }
    }

    #[test]
    fn the_compiler_may_say_more_than_the_version() {
        let pin = pin(None);
        assert!(pin.is_said_as("0.8.28+commit.7893614a.Emscripten.clang"));
        assert!(pin.is_said_as("0.8.28+commit.7893614a"));
        assert!(!pin.is_said_as("0.8.28+commit.7893614abc"));
        assert!(!pin.is_said_as("0.8.27+commit.40a35a09.Emscripten.clang"));
        assert!(!pin.is_said_as(""));
    }

    #[test]
    fn old_compilers_say_it_in_their_own_words() {
        let pin = pin(Some("0.3.5-0/Release-Emscripten/clang/Interpreter"));
        assert!(pin.is_said_as("0.3.5-0/Release-Emscripten/clang/Interpreter"));
        assert!(!pin.is_said_as("0.3.5-0"));
        assert!(!pin.is_said_as("0.8.28+commit.7893614a"));
    }
}
