//! What a compiler made of one contract.
//!
//! Holds all that is matched, stored and shown, and renders the documents of the database from it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::auxdata::{Assembly, AuxdataPositions};
use crate::compilation_target::CompilationTarget;
use crate::compiled_code::{CreationCode, RuntimeCode};
use crate::compiler::{CompilerVersion, Language};

#[derive(Debug, Clone, PartialEq)]
pub struct CompiledContract {
    pub target: CompilationTarget,
    pub language: Language,
    pub version: CompilerVersion,
    /// Tells missing files of the original input from other code (sourcify #618).
    pub optimizer_enabled: bool,
    pub abi: Option<Value>,
    /// The text as the compiler printed it: its hash stands in the code.
    pub metadata: Option<String>,
    pub userdoc: Option<Value>,
    pub devdoc: Option<Value>,
    pub storage_layout: Option<Value>,
    pub transient_storage_layout: Option<Value>,
    /// Path to the number that source maps use.
    pub source_ids: Option<BTreeMap<String, u64>>,
    pub creation: CreationCode,
    pub runtime: RuntimeCode,
    /// Empty where the compiler prints none: Yul, Vyper, old solc.
    pub assembly: Assembly,
}

impl CompiledContract {
    /// The database's `compilation_artifacts`.
    #[must_use]
    pub fn compilation_artifacts(&self) -> Value {
        let sources = self.source_ids.as_ref().map(|ids| {
            ids.iter()
                .map(|(path, id)| (path.clone(), json!({"id": id})))
                .collect::<serde_json::Map<_, _>>()
        });
        json!({
            "abi": self.abi.as_ref().filter(|abi| abi.is_array()),
            "userdoc": self.userdoc,
            "devdoc": self.devdoc,
            "storageLayout": self.storage_layout,
            "transientStorageLayout": self.transient_storage_layout,
            "sources": sources,
        })
    }

    /// The database's `creation_code_artifacts`.
    #[must_use]
    pub fn creation_code_artifacts(&self, auxdata: &AuxdataPositions) -> Value {
        json!({
            "sourceMap": self.creation.source_map(),
            "linkReferences": self.creation.link_references(),
            "cborAuxdata": auxdata.to_json(),
        })
    }

    /// The database's `runtime_code_artifacts`.
    #[must_use]
    pub fn runtime_code_artifacts(&self, auxdata: &AuxdataPositions) -> Value {
        // Yul may have such references too, but the database takes them for Solidity only.
        let immutable_references = match self.language {
            Language::Solidity => self.runtime.immutable_references(),
            Language::Yul | Language::Vyper => None,
        };
        json!({
            "sourceMap": self.runtime.source_map(),
            "linkReferences": self.runtime.link_references(),
            "immutableReferences": immutable_references,
            "cborAuxdata": auxdata.to_json(),
        })
    }
}
