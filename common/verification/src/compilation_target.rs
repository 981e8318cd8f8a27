//! Which contract of a compiler's input is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `path/to/File.sol:Name`. Paths may hold colons, names can't: the last colon splits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CompilationTarget {
    pub path: String,
    pub name: String,
}

impl FromStr for CompilationTarget {
    type Err = NotACompilationTarget;

    fn from_str(text: &str) -> Result<Self, NotACompilationTarget> {
        let (path, name) = text.rsplit_once(':').ok_or(NotACompilationTarget)?;
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl TryFrom<String> for CompilationTarget {
    type Error = NotACompilationTarget;

    fn try_from(text: String) -> Result<Self, NotACompilationTarget> {
        text.parse()
    }
}

impl From<CompilationTarget> for String {
    fn from(target: CompilationTarget) -> Self {
        target.to_string()
    }
}

impl fmt::Display for CompilationTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.name)
    }
}

/// No colon. Displays as what the API answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "The contractIdentifier must consist of the file path and the contract name separated by a ':'."
)]
pub struct NotACompilationTarget;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_colon_splits() {
        for (text, path, name) in [
            ("src/C.sol:C", "src/C.sol", "C"),
            (
                "https://example.org/C.sol:C",
                "https://example.org/C.sol",
                "C",
            ),
            (":C", "", "C"),
            ("C.sol:", "C.sol", ""),
        ] {
            let target: CompilationTarget = text.parse().unwrap();
            assert_eq!((target.path.as_str(), target.name.as_str()), (path, name));
            assert_eq!(target.to_string(), text);
        }
        assert_eq!("C".parse::<CompilationTarget>(), Err(NotACompilationTarget));
    }
}
