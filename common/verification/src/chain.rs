//! What names a contract: a chain, an address on it, the transaction that made it.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{Address as Bytes20, B256};

/// A chain's id. At most 63 bits, since the database keeps it as a signed integer; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId(i64);

impl ChainId {
    /// The id as the database keeps it.
    #[must_use]
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

impl FromStr for ChainId {
    type Err = NotAChainId;

    fn from_str(text: &str) -> Result<Self, NotAChainId> {
        let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(id) if digits_only && id > 0 => Ok(Self(id)),
            _ => Err(NotAChainId),
        }
    }
}

impl TryFrom<i64> for ChainId {
    type Error = NotAChainId;

    fn try_from(id: i64) -> Result<Self, NotAChainId> {
        if id > 0 {
            Ok(Self(id))
        } else {
            Err(NotAChainId)
        }
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Zero, beyond 63 bits, or no number at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chain id is a whole number from 1 to 9223372036854775807")]
pub struct NotAChainId;

/// A contract's address. Displayed with its EIP-55 checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(Bytes20);

impl Address {
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(Bytes20::new(bytes))
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// `0x` and forty lower-case digits, as JSON-RPC wants it.
    #[must_use]
    pub fn to_lower_hex(self) -> String {
        format!("{:#x}", self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_checksum(None))
    }
}

impl From<[u8; 20]> for Address {
    fn from(bytes: [u8; 20]) -> Self {
        Self::from_bytes(bytes)
    }
}

impl TryFrom<&[u8]> for Address {
    type Error = NotAnAddress;

    fn try_from(bytes: &[u8]) -> Result<Self, NotAnAddress> {
        match Bytes20::try_from(bytes) {
            Ok(address) => Ok(Self(address)),
            Err(_wrong_length) => Err(NotAnAddress::Shape),
        }
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    /// `0x` and forty digits. All lower and all upper case pass; mixed case must be the EIP-55
    /// checksum.
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let digits = text.strip_prefix("0x").ok_or(NotAnAddress::Shape)?;
        let mut bytes = [0; 20];
        if hex::decode_to_slice(digits, &mut bytes).is_err() {
            return Err(NotAnAddress::Shape);
        }
        let address = Self::from(bytes);
        let has_lower = digits.bytes().any(|byte| byte.is_ascii_lowercase());
        let has_upper = digits.bytes().any(|byte| byte.is_ascii_uppercase());
        if has_lower && has_upper && address.to_string() != text {
            return Err(NotAnAddress::Checksum);
        }
        Ok(address)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    #[error("an address is 0x and forty hexadecimal digits")]
    Shape,
    #[error("the capitals of the address are not its EIP-55 checksum")]
    Checksum,
}

/// The hash of a transaction. Displayed in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionHash(B256);

impl TransactionHash {
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Display for TransactionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl TryFrom<&[u8]> for TransactionHash {
    type Error = NotATransactionHash;

    fn try_from(bytes: &[u8]) -> Result<Self, NotATransactionHash> {
        match B256::try_from(bytes) {
            Ok(hash) => Ok(Self(hash)),
            Err(_wrong_length) => Err(NotATransactionHash),
        }
    }
}

impl FromStr for TransactionHash {
    type Err = NotATransactionHash;

    fn from_str(text: &str) -> Result<Self, NotATransactionHash> {
        let mut bytes = [0; 32];
        match text
            .strip_prefix("0x")
            .map(|digits| hex::decode_to_slice(digits, &mut bytes))
        {
            Some(Ok(())) => Ok(Self(B256::from(bytes))),
            _ => Err(NotATransactionHash),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a transaction hash is 0x and sixty-four hexadecimal digits")]
pub struct NotATransactionHash;

/// The code the chain holds at an address, and the code that made it, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnChainCode {
    /// Never empty: an address without code is no contract.
    pub runtime: Vec<u8>,
    pub creation: Option<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKSUMMED: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    #[test]
    fn an_address_passes_in_one_case_or_with_its_checksum() {
        let lower = CHECKSUMMED.to_lowercase();
        let upper = format!("0x{}", &CHECKSUMMED[2..].to_uppercase());
        for text in [CHECKSUMMED, &lower, &upper] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), CHECKSUMMED);
        }
        let wrong = CHECKSUMMED.replace("5aA", "5AA");
        assert_eq!(wrong.parse::<Address>(), Err(NotAnAddress::Checksum));
        for text in [
            "",
            "0x",
            "0x12",
            "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed00",
        ] {
            assert_eq!(text.parse::<Address>(), Err(NotAnAddress::Shape));
        }
    }

    #[test]
    fn a_chain_id_is_positive_and_fits_63_bits() {
        assert_eq!(
            "9223372036854775807".parse().map(ChainId::as_i64),
            Ok(i64::MAX)
        );
        for text in ["0", "-1", "+1", "", "9223372036854775808", "1.0", "0x1"] {
            assert_eq!(text.parse::<ChainId>(), Err(NotAChainId), "{text}");
        }
    }

    #[test]
    fn a_transaction_hash_is_shown_in_lower_case() {
        let upper = format!("0x{}", "AB".repeat(32));
        let hash: TransactionHash = upper.parse().unwrap();
        assert_eq!(hash.to_string(), upper.to_lowercase());
        assert_eq!("0xab".parse::<TransactionHash>(), Err(NotATransactionHash));
    }
}
