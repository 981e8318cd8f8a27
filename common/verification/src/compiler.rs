//! Which compiler, which release, which language.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The language of a compiler's input, spelled as in standard JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    Solidity,
    Yul,
    Vyper,
}

impl Language {
    pub const ALL: [Self; 3] = [Self::Solidity, Self::Yul, Self::Vyper];

    /// As standard JSON and the API spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Solidity => "Solidity",
            Self::Yul => "Yul",
            Self::Vyper => "Vyper",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.name() == name)
    }

    /// Yul is compiled by solc too.
    #[must_use]
    pub fn compiler(self) -> Compiler {
        match self {
            Self::Solidity | Self::Yul => Compiler::Solc,
            Self::Vyper => Compiler::Vyper,
        }
    }
}

/// A family of releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compiler {
    Solc,
    Vyper,
}

impl Compiler {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Solc => "solc",
            Self::Vyper => "vyper",
        }
    }
}

/// `major.minor.patch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReleaseNumber(pub u16, pub u16, pub u16);

impl fmt::Display for ReleaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A version as clients send it, normalised: no leading `v`, nothing after the commit
/// (`.Linux.gcc`, `.Emscripten.clang`), `-ci.` spelled `-nightly.`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CompilerVersion {
    text: String,
    number: ReleaseNumber,
}

impl CompilerVersion {
    /// `0.8.30+commit.73712a01`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn number(&self) -> ReleaseNumber {
        self.number
    }

    /// `-nightly.2023.1.1`, `rc2`, …: what stands between the number and the commit; empty for a release.
    #[must_use]
    pub fn pre_release(&self) -> &str {
        let head = self.text.split('+').next().unwrap_or_default();
        head.get(self.number.to_string().len()..)
            .unwrap_or_default()
    }

    /// The commit's hexadecimal digits, of whatever length was given.
    #[must_use]
    pub fn commit(&self) -> Option<&str> {
        self.text.split_once("+commit.").map(|(_, commit)| commit)
    }

    /// Whether solc could have printed this: `x.y.z+commit.8hex`, or a nightly of that form. Releases
    /// before 0.4 print seven digits of the commit.
    #[must_use]
    pub fn is_well_formed_solc(&self) -> bool {
        let commit_fits = self.commit().is_some_and(|commit| {
            matches!(commit.len(), 7 | 8) && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let pre = self.pre_release();
        let pre_fits = pre.is_empty() || pre.strip_prefix("-nightly.").is_some_and(is_date);
        commit_fits && pre_fits
    }
}

/// `2023.1.31`.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('.');
    let mut digits = |lengths: std::ops::RangeInclusive<usize>| {
        parts.next().is_some_and(|part| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    digits(4..=4) && digits(1..=2) && digits(1..=2) && parts.next().is_none()
}

impl fmt::Display for CompilerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for CompilerVersion {
    type Err = NotACompilerVersion;

    fn from_str(given: &str) -> Result<Self, NotACompilerVersion> {
        let text = given.strip_prefix('v').unwrap_or(given);
        let number = leading_number(text).ok_or(NotACompilerVersion)?;
        let mut text = text.replacen("-ci.", "-nightly.", 1);
        if let Some(start) = text
            .find("+commit.")
            .and_then(|at| at.checked_add("+commit.".len()))
        {
            let digits = text.get(start..).unwrap_or_default();
            let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
            // Builds append to the commit; a word that merely begins with hexadecimal digits is kept whole.
            if digits
                .get(length..)
                .is_some_and(|rest| rest.starts_with('.'))
            {
                text.truncate(start.saturating_add(length));
            }
        }
        Ok(Self { text, number })
    }
}

/// The number at the start of the text: three groups of digits.
fn leading_number(text: &str) -> Option<ReleaseNumber> {
    let mut rest = text;
    let mut next = |separator: &str| -> Option<u16> {
        rest = rest.strip_prefix(separator)?;
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, tail) = rest.split_at_checked(length)?;
        rest = tail;
        digits.parse().ok()
    };
    Some(ReleaseNumber(next("")?, next(".")?, next(".")?))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a compiler version begins with three numbers, as in 0.8.30+commit.73712a01")]
pub struct NotACompilerVersion;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_normalised() {
        for (given, wanted) in [
            ("0.8.30+commit.73712a01", "0.8.30+commit.73712a01"),
            (
                "v0.8.30+commit.73712a01.Linux.gcc",
                "0.8.30+commit.73712a01",
            ),
            (
                "0.8.4+commit.c7e474f2.Emscripten.clang",
                "0.8.4+commit.c7e474f2",
            ),
            (
                "0.8.20-ci.2023.5.1+commit.a1b79de6.Linux.g++",
                "0.8.20-nightly.2023.5.1+commit.a1b79de6",
            ),
            ("0.4.1rc2", "0.4.1rc2"),
            ("0.8.30 foo", "0.8.30 foo"),
        ] {
            assert_eq!(given.parse::<CompilerVersion>().unwrap().as_str(), wanted);
        }
        for text in ["", "v", "0.8", "a.b.c", "0..1", "99999.1.1"] {
            assert!(text.parse::<CompilerVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn solc_versions_have_a_commit_of_seven_or_eight_digits() {
        for (text, fits) in [
            ("0.8.30+commit.73712a01", true),
            ("0.8.20-nightly.2023.5.1+commit.a1b79de6", true),
            ("0.8.30", false),
            ("0.2.1+commit.91a6b35", true),
            ("0.3.1-nightly.2016.3.31+commit.c67926c", true),
            ("0.8.30+commit.73712a", false),
            ("0.8.30+commit.73712a011", false),
            ("0.8.30+commit.73712a0z", false),
            ("0.8.30+commit.73712a01 x", false),
            ("0.8.30-rc1+commit.73712a01", false),
            ("0.8.30 foo", false),
        ] {
            assert_eq!(
                text.parse::<CompilerVersion>()
                    .unwrap()
                    .is_well_formed_solc(),
                fits,
                "{text}"
            );
        }
    }

    #[test]
    fn a_version_has_parts() {
        let version: CompilerVersion = "0.4.1b1+commit.039d3692".parse().unwrap();
        assert_eq!(version.number(), ReleaseNumber(0, 4, 1));
        assert_eq!(version.pre_release(), "b1");
        assert_eq!(version.commit(), Some("039d3692"));
    }
}
