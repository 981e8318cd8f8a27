//! What turns recompiled code into the chain's code: the Verifier Alliance's transformations.
//!
//! A transformation says where and why, its value says with what; the two are kept in separate
//! documents. Offsets are bytes of the recompiled code.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use serde_json::{Value, json};

mod parse;

pub use parse::NotATransformation;

/// Fields exist only where they mean something: call protection is always at offset 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transformation {
    /// The address a library was deployed at, which solc compares with its own.
    CallProtection,
    /// Written by solc's constructor over zeros. The id is the AST id of the variable.
    ImmutableReplaced {
        offset: usize,
        id: String,
    },
    /// Appended by Vyper's constructor.
    ImmutableInserted {
        offset: usize,
        id: String,
    },
    /// The id is `file:Library`.
    Library {
        offset: usize,
        id: String,
    },
    AuxdataReplaced {
        offset: usize,
        id: String,
        /// How many bytes gave way, where that isn't the length of the value.
        length: Option<usize>,
    },
    AuxdataDeleted {
        offset: usize,
        length: usize,
    },
    ConstructorArguments {
        offset: usize,
    },
}

impl Transformation {
    /// As the database and the API have it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::CallProtection => {
                json!({"type": "replace", "reason": "callProtection", "offset": 1})
            }
            Self::ImmutableReplaced { offset, id } => {
                json!({"type": "replace", "reason": "immutable", "offset": offset, "id": id})
            }
            Self::ImmutableInserted { offset, id } => {
                json!({"type": "insert", "reason": "immutable", "offset": offset, "id": id})
            }
            Self::Library { offset, id } => {
                json!({"type": "replace", "reason": "library", "offset": offset, "id": id})
            }
            Self::AuxdataReplaced {
                offset,
                id,
                length: None,
            } => json!({"type": "replace", "reason": "cborAuxdata", "offset": offset, "id": id}),
            Self::AuxdataReplaced {
                offset,
                id,
                length: Some(length),
            } => json!({
                "type": "replace",
                "reason": "cborAuxdata",
                "offset": offset,
                "id": id,
                "length": length,
            }),
            Self::AuxdataDeleted { offset, length } => {
                json!({"type": "delete", "reason": "cborAuxdata", "offset": offset, "length": length})
            }
            Self::ConstructorArguments { offset } => {
                json!({"type": "insert", "reason": "constructorArguments", "offset": offset})
            }
        }
    }

    /// Reads one element of a stored list; an element of any other shape is refused.
    pub fn from_json(element: &Value) -> Result<Self, NotATransformation> {
        parse::transformation(element)
    }
}

/// A whole list, as it is stored.
#[must_use]
pub fn transformations_to_json(list: &[Transformation]) -> Value {
    list.iter().map(Transformation::to_json).collect()
}

/// The counterpart of [`transformations_to_json`].
pub fn transformations_from_json(list: &Value) -> Result<Vec<Transformation>, NotATransformation> {
    list.as_array()
        .ok_or(NotATransformation::Shape)?
        .iter()
        .map(Transformation::from_json)
        .collect()
}

/// With what the code was filled. Members appear in JSON only when they are used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransformationValues {
    pub constructor_arguments: Option<Vec<u8>>,
    pub libraries: BTreeMap<String, Address>,
    pub immutables: BTreeMap<String, Vec<u8>>,
    pub cbor_auxdata: BTreeMap<String, Vec<u8>>,
    pub call_protection: Option<Address>,
}

impl TransformationValues {
    /// `{}` when nothing is used.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = serde_json::Map::new();
        if let Some(arguments) = &self.constructor_arguments {
            members.insert("constructorArguments".to_owned(), hex_text(arguments));
        }
        if !self.libraries.is_empty() {
            members.insert("libraries".to_owned(), hex_map(&self.libraries));
        }
        if !self.immutables.is_empty() {
            members.insert("immutables".to_owned(), hex_map(&self.immutables));
        }
        if !self.cbor_auxdata.is_empty() {
            members.insert("cborAuxdata".to_owned(), hex_map(&self.cbor_auxdata));
        }
        if let Some(address) = &self.call_protection {
            members.insert("callProtection".to_owned(), hex_text(address.as_slice()));
        }
        Value::Object(members)
    }

    /// Empty members, as others write them, mean the same as none.
    pub fn from_json(values: &Value) -> Result<Self, NotATransformation> {
        parse::values(values)
    }
}

/// Lower case, with `0x`.
pub(crate) fn hex_text(bytes: &[u8]) -> Value {
    Value::String(format!("0x{}", hex::encode(bytes)))
}

fn hex_map<T: AsRef<[u8]>>(map: &BTreeMap<String, T>) -> Value {
    map.iter()
        .map(|(key, bytes)| (key.clone(), hex_text(bytes.as_ref())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
