//! The hashes by which metadata names sources, and code names metadata.

use alloy_primitives::keccak256;

mod ipfs;
mod swarm;

pub(super) use ipfs::ipfs_multihash;
pub(super) use swarm::{bzzr0, bzzr1};

/// How metadata says which content it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Address {
    Keccak256,
    Ipfs,
    SwarmBzzr1,
    /// Up to solc 0.5.9.
    SwarmBzzr0,
}

impl Address {
    pub(super) const ALL: [Self; 4] = [
        Self::Keccak256,
        Self::Ipfs,
        Self::SwarmBzzr1,
        Self::SwarmBzzr0,
    ];

    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Keccak256 => "0x",
            Self::Ipfs => "dweb:/ipfs/",
            Self::SwarmBzzr1 => "bzz-raw://",
            Self::SwarmBzzr0 => "bzzr://",
        }
    }

    pub(super) fn of(self, content: &str) -> String {
        let bytes = content.as_bytes();
        let name = match self {
            Self::Keccak256 => hex::encode(keccak256(bytes)),
            Self::Ipfs => ipfs::base58(&ipfs_multihash(bytes)),
            Self::SwarmBzzr1 => hex::encode(bzzr1(bytes)),
            Self::SwarmBzzr0 => hex::encode(bzzr0(bytes)),
        };
        format!("{}{name}", self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Two slashes and characters without order, so that no part can be taken for another.
    fn content(length: usize) -> String {
        let character =
            |at: usize| char::from(u8::try_from(33 + (at * 31 + (at >> 12) * 7) % 90).unwrap());
        match length {
            0 | 1 => " ".repeat(length),
            _ => "//".chars().chain((2..length).map(character)).collect(),
        }
    }

    #[test]
    fn compilers_give_the_same_addresses() {
        let answers: Value =
            serde_json::from_str(include_str!("hashes/known_answers.json")).unwrap();
        let rows = answers["addresses"].as_array().unwrap();
        assert_eq!(rows.len(), 19);
        for row in rows {
            let length = usize::try_from(row["length"].as_u64().unwrap()).unwrap();
            let content = content(length);
            for (key, address) in [
                ("keccak256", Address::Keccak256),
                ("ipfs", Address::Ipfs),
                ("bzzr1", Address::SwarmBzzr1),
                ("bzzr0", Address::SwarmBzzr0),
            ] {
                assert_eq!(row[key], address.of(&content), "{key} of {length} bytes");
            }
        }
    }
}
