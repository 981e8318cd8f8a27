//! A match as the verifier hands it over. Chain and address are the lease's.

use std::collections::BTreeMap;

use serde_json::Value;
use verification::chain::{Address, TransactionHash};

use verification::signatures::Signature;
use verification::verdict::{MatchLevels, MatchStatus};

/// Everything that one verification found out.
#[derive(Debug, Clone)]
pub struct NewMatch {
    pub deployment: NewDeployment,
    pub compilation: NewCompilation,
    /// At least one of the two sides matches; the schema refuses neither.
    pub creation_match: Option<SideMatch>,
    pub runtime_match: Option<SideMatch>,
    /// The compiler's metadata as text, byte for byte; none for languages without it.
    pub metadata: Option<String>,
    pub compilation_time_ms: u64,
}

impl NewMatch {
    #[must_use]
    pub fn levels(&self) -> MatchLevels {
        MatchLevels {
            creation: self.creation_match.as_ref().map(|side| side.level),
            runtime: self.runtime_match.as_ref().map(|side| side.level),
        }
    }
}

/// What the chain holds.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    pub onchain_creation_code: Option<Vec<u8>>,
    pub onchain_runtime_code: Vec<u8>,
    /// Unknown, or rejected: then all four of its facts are unknown.
    pub creation_transaction: Option<CreationTransaction>,
}

/// The transaction that made the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreationTransaction {
    pub hash: TransactionHash,
    pub block_number: u64,
    pub transaction_index: u64,
    pub deployer: Address,
}

/// One compilation target and what the compiler made of it. Artifacts are the Verifier Alliance's
/// documents; the schema checks them.
#[derive(Debug, Clone)]
pub struct NewCompilation {
    /// `solc`, `vyper`.
    pub compiler: String,
    /// `0.8.30+commit.73712a01`, without a `v`.
    pub version: String,
    /// Lower case: `solidity`, `yul`, `vyper`.
    pub language: String,
    pub name: String,
    /// `src/C.sol:C`.
    pub fully_qualified_name: String,
    /// As compiled, without `outputSelection`.
    pub settings: Value,
    /// `abi`, `sources`, `userdoc`, `devdoc`, `storageLayout`, `transientStorageLayout`.
    pub artifacts: Value,
    /// Library placeholders as 20 zero bytes, immutables as zeros.
    pub creation_code: Vec<u8>,
    pub creation_code_artifacts: Value,
    pub runtime_code: Vec<u8>,
    pub runtime_code_artifacts: Value,
    /// Vyper's `storage_layout_overrides`, and its `interfaces` that are JSON, if any were given.
    pub additional_input: Option<Value>,
    pub sources: NewSourceFiles,
    pub signatures: Vec<Signature>,
}

/// Content by path.
pub type NewSourceFiles = BTreeMap<String, String>;

/// How one side matches: what turns the recompiled code into the code on chain.
#[derive(Debug, Clone)]
pub struct SideMatch {
    pub level: MatchStatus,
    /// An array, maybe empty.
    pub transformations: Value,
    /// An object, maybe empty.
    pub values: Value,
}
