//! Canonical signatures of an ABI, and the hashes the chain knows them by.

use std::collections::BTreeSet;

use alloy_primitives::keccak256;
use serde_json::Value;

use crate::abi::canonical_name;

/// Which kind of item a signature is of, as the database spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignatureKind {
    Function,
    Event,
    Error,
}

impl SignatureKind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Event => "event",
            Self::Error => "error",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Function, Self::Event, Self::Error]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// `transfer(address,uint256)` and its keccak256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    pub kind: SignatureKind,
    pub text: String,
    pub hash: [u8; 32],
}

impl Signature {
    #[must_use]
    pub fn new(kind: SignatureKind, text: String) -> Self {
        let hash = keccak256(&text).0;
        Self { kind, text, hash }
    }

    /// What calls and errors begin with.
    #[must_use]
    pub fn selector(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.hash;
        [a, b, c, d]
    }
}

/// Each signature once, in a fixed order. Items whose signature can't be formed are left out:
/// libraries take storage and types of their own, which have no canonical name.
#[must_use]
pub fn signatures_of(abi: &Value) -> Vec<Signature> {
    let items = abi.as_array().into_iter().flatten();
    let distinct: BTreeSet<Signature> = items.filter_map(signature_of).collect();
    distinct.into_iter().collect()
}

fn signature_of(item: &Value) -> Option<Signature> {
    let kind = SignatureKind::from_name(item.get("type")?.as_str()?)?;
    let name = item.get("name")?.as_str().filter(|name| !name.is_empty())?;
    let inputs = item
        .get("inputs")?
        .as_array()?
        .iter()
        .map(canonical_name)
        .collect::<Option<Vec<_>>>()?;
    let text = format!("{name}({})", inputs.join(","));
    Some(Signature::new(kind, text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn signatures_are_canonical_and_come_once() {
        let address = json!({"type": "address", "name": "to"});
        let pair = json!({"type": "tuple[]", "components": [{"type": "uint8"}, {"type": "bytes"}]});
        let abi = json!([
            {"type": "constructor", "inputs": [address]},
            {"type": "function", "name": "transfer", "inputs": [address, {"type": "uint256"}]},
            {"type": "function", "name": "transfer", "inputs": [address, {"type": "uint256"}]},
            {"type": "function", "name": "none", "inputs": []},
            {"type": "event", "name": "Sent", "inputs": [pair], "anonymous": false},
            {"type": "error", "name": "Sent", "inputs": [pair]},
            {"type": "function", "name": "lib", "inputs": [{"type": "Lib.S storage"}]},
            {"type": "function", "name": "lib", "inputs": [{"type": "Lib.E"}]},
            {"type": "fallback"},
            {"type": "function"},
            5,
        ]);
        let found: Vec<_> = signatures_of(&abi)
            .into_iter()
            .map(|signature| (signature.kind.name(), signature.text))
            .collect();
        let wanted = [
            ("function", "none()"),
            ("function", "transfer(address,uint256)"),
            ("event", "Sent((uint8,bytes)[])"),
            ("error", "Sent((uint8,bytes)[])"),
        ];
        let wanted = wanted.map(|(kind, text)| (kind, text.to_owned()));
        assert_eq!(found, wanted);
        assert!(signatures_of(&json!(null)).is_empty());
    }

    #[test]
    fn the_hash_begins_with_the_selector() {
        let abi = json!([{"type": "function", "name": "transfer",
            "inputs": [{"type": "address"}, {"type": "uint256"}]}]);
        let selector = signatures_of(&abi)[0].hash[..4].to_vec();
        assert_eq!(selector, [0xa9, 0x05, 0x9c, 0xbb]);
    }
}
