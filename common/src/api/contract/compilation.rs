//! What was compiled, how, and what the compiler gave.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compilation<'a> {
    /// `Solidity`, `Yul`, `Vyper` or `Fe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub language: Option<String>,
    /// `solc`, `vyper` or `fe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub compiler: Option<&'a str>,
    /// Without a leading `v`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "0.8.30+commit.73712a01")]
    pub compiler_version: Option<&'a str>,
    /// As submitted, without `outputSelection`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub compiler_settings: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "src/Counter.sol:Counter")]
    pub fully_qualified_name: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct SourceContent<'a> {
    pub content: &'a str,
}

/// `{path: {content}}`
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = BTreeMap<String, SourceContent>)]
pub struct Sources<'a>(pub Vec<(&'a str, SourceContent<'a>)>);

impl Serialize for Sources<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(path, source)| (path, source)))
    }
}

/// The compiler's input, put together again from what is stored of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StdJsonInput<'a> {
    pub language: String,
    pub sources: Sources<'a>,
    #[schema(value_type = Object)]
    pub settings: &'a RawValue,
    /// What Vyper was given besides.
    #[serde(flatten)]
    #[schema(value_type = BTreeMap<String, Object>)]
    pub additional: BTreeMap<String, &'a RawValue>,
}

/// What the compiler printed of the target, and nothing else of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StdJsonOutput<'a> {
    /// `{path: {id}}`
    #[schema(value_type = Option<Object>)]
    pub sources: &'a RawValue,
    pub contracts: BTreeMap<&'a str, BTreeMap<&'a str, OutputContract<'a>>>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputContract<'a> {
    #[schema(value_type = Option<Vec<Object>>)]
    pub abi: &'a RawValue,
    /// The metadata as the text it is.
    pub metadata: &'a str,
    #[schema(value_type = Option<Object>)]
    pub userdoc: &'a RawValue,
    #[schema(value_type = Option<Object>)]
    pub devdoc: &'a RawValue,
    #[schema(value_type = Option<Object>)]
    pub storage_layout: &'a RawValue,
    #[schema(value_type = Option<Object>)]
    pub transient_storage_layout: &'a RawValue,
    pub evm: OutputEvm<'a>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputEvm<'a> {
    pub bytecode: OutputCode<'a>,
    pub deployed_bytecode: OutputCode<'a>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputCode<'a> {
    /// Without `0x`, as compilers print it.
    pub object: String,
    #[schema(value_type = Option<String>)]
    pub source_map: &'a RawValue,
    #[schema(value_type = Option<Object>)]
    pub link_references: &'a RawValue,
    /// Of runtime code only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub immutable_references: Option<&'a RawValue>,
}

/// Of the ABI, by kind.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Signatures<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub function: Option<Vec<Signature<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub event: Option<Vec<Signature<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<Vec<Signature<'a>>>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signature<'a> {
    #[schema(example = "transfer(address,uint256)")]
    pub signature: &'a str,
    #[schema(example = "0xa9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b")]
    pub signature_hash32: String,
    #[schema(example = "0xa9059cbb")]
    pub signature_hash4: String,
}
