//! What an output is found by.

use common::db::outputs::OutputKey;
use sha2::{Digest, Sha256};

/// SHA-256 of a compiler's fingerprint and the whole input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(OutputKey);

impl Key {
    pub(super) fn of(fingerprint: &str, input: &[u8]) -> Self {
        let length = u64::try_from(fingerprint.len()).unwrap_or(u64::MAX);
        let mut hasher = Sha256::new();
        // With its length first, no fingerprint can end in what another input begins with.
        hasher.update(length.to_le_bytes());
        hasher.update(fingerprint.as_bytes());
        hasher.update(input);
        Self(hasher.finalize().into())
    }

    pub(super) fn as_bytes(&self) -> &OutputKey {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_none_leaks_into_the_next() {
        let key = Key::of("wasm|0.8.28", b"{}");
        assert_eq!(key, Key::of("wasm|0.8.28", b"{}"));
        for other in [
            Key::of("native|0.8.28", b"{}"),
            Key::of("wasm|0.8.27", b"{}"),
            Key::of("wasm|0.8.28", b"{ }"),
            Key::of("wasm|0.8.2", b"8{}"),
            Key::of("wasm|0.8.28{", b"}"),
        ] {
            assert_ne!(key, other);
        }
    }
}
