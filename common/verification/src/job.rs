//! What is asked of a verification, checked, as it waits in the job's row.
//!
//! `public-api` writes it and `internal-verifier` reads it again, maybe another revision of it: a
//! member is only ever added, and an added one is optional.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chain::TransactionHash;
use crate::compilation_target::CompilationTarget;
use crate::compiler::CompilerVersion;
use crate::explorer::ExplorerContract;
use crate::metadata::Metadata;
use crate::std_json::StdJsonInput;

/// A verification by standard JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StdJsonRequest {
    pub std_json_input: StdJsonInput,
    #[serde(with = "text")]
    pub compiler_version: CompilerVersion,
    pub target: CompilationTarget,
    /// As the client gave it: not checked against the chain.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_text"
    )]
    pub creation_transaction_hash: Option<TransactionHash>,
}

/// A verification by metadata: which of the files are its sources is found out by their hashes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetadataRequest {
    pub metadata: Metadata,
    /// Under the names that the client gave them.
    pub files: BTreeMap<String, String>,
    /// As the client gave it: not checked against the chain.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_text"
    )]
    pub creation_transaction_hash: Option<TransactionHash>,
}

/// A verification by what an explorer has. It is kept as it was answered, so that an attempt can be
/// repeated without asking again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EtherscanRequest {
    pub contract: ExplorerContract,
}

/// A verification by what is stored of other contracts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SimilarityRequest {
    /// As the client gave it: not checked against the chain.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_text"
    )]
    pub creation_transaction_hash: Option<TransactionHash>,
}

/// Through `Display` and `FromStr`.
pub(crate) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D, T>(from: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// The same for a member that may be missing.
mod optional_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Option<impl Display>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        let text: Option<String> = Option::deserialize(from)?;
        text.map(|text| text.parse())
            .transpose()
            .map_err(D::Error::custom)
    }
}
