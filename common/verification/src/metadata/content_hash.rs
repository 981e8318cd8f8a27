//! The name of a content: its keccak256.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{B256, keccak256};

/// Displayed as metadata has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(B256);

impl ContentHash {
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(keccak256(content))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl FromStr for ContentHash {
    type Err = NotAContentHash;

    fn from_str(text: &str) -> Result<Self, NotAContentHash> {
        let mut bytes = [0; 32];
        let digits = text.strip_prefix("0x").unwrap_or(text);
        match hex::decode_to_slice(digits, &mut bytes) {
            Ok(()) => Ok(Self(bytes.into())),
            Err(_not_so_many_digits) => Err(NotAContentHash),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a keccak256 is 0x and sixty-four hexadecimal digits")]
pub struct NotAContentHash;
