//! What is known of one contract, as the API shows it.
//!
//! A member of [`ContractDocument`] that was not selected is absent; one that was and is unknown is
//! `null`. What compilers printed passes through as text: its numbers and its order stay as they are.

mod code;
mod compilation;
mod list;
mod proxy;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use verification::verdict::{MatchLevels, MatchStatus};

pub use code::{CreationBytecode, RuntimeBytecode, Side};
pub use compilation::{
    Compilation, OutputCode, OutputContract, OutputEvm, Signature, Signatures, SourceContent,
    Sources, StdJsonInput, StdJsonOutput,
};
pub use list::ContractList;
pub use proxy::{Implementation, ProxyError, ProxyResolution, ProxyType, Resolved};

/// How well recompiled code fits the chain's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// Equal including the hash of the metadata, which proves the sources.
    ExactMatch,
    /// Equal apart from metadata.
    Match,
}

impl From<MatchStatus> for Match {
    fn from(status: MatchStatus) -> Self {
        match status {
            MatchStatus::Match => Self::Match,
            MatchStatus::ExactMatch => Self::ExactMatch,
        }
    }
}

/// The matches of both sides, and the better of the two. `null`: no match.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Matches {
    #[schema(required)]
    r#match: Option<Match>,
    #[schema(required)]
    creation_match: Option<Match>,
    #[schema(required)]
    runtime_match: Option<Match>,
}

impl From<MatchLevels> for Matches {
    fn from(levels: MatchLevels) -> Self {
        Self {
            r#match: levels.best().map(Match::from),
            creation_match: levels.creation.map(Match::from),
            runtime_match: levels.runtime.map(Match::from),
        }
    }
}

/// The basic fields of a contract that is not verified: all matches are `null`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotVerified {
    #[serde(flatten)]
    pub matches: Matches,
    #[schema(example = "1")]
    pub chain_id: String,
    #[schema(example = "0x5FbDB2315678afecb367f032d93F642f64180aa3")]
    pub address: String,
}

/// The basic fields of a verified contract, which are always there.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MinimalContract {
    #[serde(flatten)]
    pub matches: Matches,
    #[schema(example = "1")]
    pub chain_id: String,
    /// With its EIP-55 checksum.
    #[schema(example = "0x5FbDB2315678afecb367f032d93F642f64180aa3")]
    pub address: String,
    /// A decimal number; it stays when the match becomes better.
    #[schema(example = "3266227")]
    pub match_id: String,
    /// UTC, in whole seconds; it stays when the match becomes better.
    #[schema(example = "2026-07-24T11:00:04Z")]
    pub verified_at: String,
}

/// The transaction that made the contract; `null` where it is unknown.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub transaction_hash: Option<Option<String>>,
    /// A decimal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub block_number: Option<Option<String>>,
    /// A decimal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub transaction_index: Option<Option<String>>,
    /// Who sent the transaction, with the EIP-55 checksum.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub deployer: Option<Option<String>>,
}

/// A verified contract with what was selected.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContractDocument<'a> {
    #[serde(flatten)]
    pub basic: MinimalContract,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub creation_bytecode: Option<CreationBytecode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub runtime_bytecode: Option<RuntimeBytecode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deployment: Option<Deployment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sources: Option<Sources<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub compilation: Option<Compilation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub abi: Option<&'a RawValue>,
    /// The compiler's metadata; `null` unless the language is Solidity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub storage_layout: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub transient_storage_layout: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub userdoc: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub devdoc: Option<&'a RawValue>,
    /// `{path: {id}}`
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub source_ids: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub std_json_input: Option<StdJsonInput<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub std_json_output: Option<StdJsonOutput<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub signatures: Option<Signatures<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub proxy_resolution: Option<ProxyResolution>,
}
