//! The code of one side: on chain, recompiled, and what turns the one into the other.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The code that made the contract.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct CreationBytecode<'a> {
    #[serde(flatten)]
    pub side: Side<'a>,
}

/// The code at the address.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeBytecode<'a> {
    #[serde(flatten)]
    pub side: Side<'a>,
    /// `{astId: [{start, length}]}`
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub immutable_references: Option<&'a RawValue>,
}

/// What both sides have.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Side<'a> {
    /// `null`: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^0x([0-9a-f]{2})*$")]
    pub onchain_bytecode: Option<Option<String>>,
    /// Library placeholders are 20 zero bytes, immutables are zeros.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^0x([0-9a-f]{2})*$")]
    pub recompiled_bytecode: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub source_map: Option<&'a RawValue>,
    /// `{file: {library: [{start, length}]}}`
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub link_references: Option<&'a RawValue>,
    /// `{number: {offset, value}}`: where the CBOR metadata lies, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub cbor_auxdata: Option<&'a RawValue>,
    /// `[{type, reason, offset, …}]`; `null` for a side without a match.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub transformations: Option<&'a RawValue>,
    /// `{immutables, libraries, cborAuxdata, constructorArguments, callProtection}`; `null` for a side
    /// without a match.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub transformation_values: Option<&'a RawValue>,
}
