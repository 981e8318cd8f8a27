//! Types of an ABI, and whether bytes are the encoding of values of those types.
//!
//! Decoding and encoding again, then comparing, would say the same. But the ABI comes from a
//! stranger's source: `uint256[1000000][1000000]` decoded from an empty slice, or nested lists
//! whose offsets all point at the same place, cost a decoder without end. An encoding that comes
//! out the same has each part exactly once, in order and without a gap, and that can be checked in
//! one walk over the bytes, without building a value.

use serde_json::Value;

mod canonical;
mod types;

pub(crate) use canonical::is_canonical_encoding;
pub(crate) use types::{AbiType, canonical_name};

/// The types of the constructor's inputs. Nothing without a constructor, or when a type is not one
/// of the ABI's.
pub(crate) fn constructor_inputs(abi: &Value) -> Option<Vec<AbiType>> {
    let constructor = abi
        .as_array()?
        .iter()
        .find(|item| item.get("type").and_then(Value::as_str) == Some("constructor"))?;
    constructor
        .get("inputs")?
        .as_array()?
        .iter()
        .map(AbiType::parse)
        .collect()
}
