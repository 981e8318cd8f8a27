//! A compilation read back from the database, to be matched without a compiler.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::CompiledContract;
use crate::auxdata::{Assembly, AuxdataPositions, ContractAuxdata};
use crate::compilation_target::CompilationTarget;
use crate::compiled_code::{CreationCode, RuntimeCode};
use crate::compiler::{CompilerVersion, Language};
use crate::std_json::is_optimizer_enabled;

/// What the database keeps of a compilation. Codes have zeros for placeholders and immutables.
#[derive(Debug, Clone)]
pub struct StoredCompilation<'a> {
    pub target: CompilationTarget,
    pub language: Language,
    pub version: CompilerVersion,
    pub compiler_settings: &'a Value,
    pub metadata: Option<String>,
    pub compilation_artifacts: &'a Value,
    pub creation_code: Vec<u8>,
    pub creation_code_artifacts: &'a Value,
    pub runtime_code: Vec<u8>,
    pub runtime_code_artifacts: &'a Value,
}

impl StoredCompilation<'_> {
    /// The contract and where its metadata lies. A document of another shape than the database
    /// allows counts as empty: the contract then matches less, never more.
    #[must_use]
    pub fn into_contract(self) -> (CompiledContract, ContractAuxdata) {
        let artifacts = self.compilation_artifacts;
        let (creation, runtime) = (self.creation_code_artifacts, self.runtime_code_artifacts);
        let auxdata = |artifacts: &Value| match artifacts.get("cborAuxdata") {
            Some(stored) => AuxdataPositions::from_json(stored),
            None => AuxdataPositions::Unknown,
        };
        let positions = ContractAuxdata {
            creation: auxdata(creation),
            runtime: auxdata(runtime),
        };
        let contract = CompiledContract {
            target: self.target,
            language: self.language,
            version: self.version,
            optimizer_enabled: is_optimizer_enabled(self.compiler_settings),
            abi: member(artifacts, "abi"),
            metadata: self.metadata,
            userdoc: member(artifacts, "userdoc"),
            devdoc: member(artifacts, "devdoc"),
            storage_layout: member(artifacts, "storageLayout"),
            transient_storage_layout: member(artifacts, "transientStorageLayout"),
            source_ids: artifacts.get("sources").and_then(source_ids),
            creation: CreationCode::from_stored(
                self.creation_code,
                member(creation, "sourceMap"),
                member(creation, "linkReferences"),
            ),
            runtime: RuntimeCode::from_stored(
                self.runtime_code,
                member(runtime, "sourceMap"),
                member(runtime, "linkReferences"),
                member(runtime, "immutableReferences"),
            ),
            assembly: Assembly::default(),
        };
        (contract, positions)
    }
}

fn member<T: DeserializeOwned>(document: &Value, key: &str) -> Option<T> {
    serde_json::from_value::<Option<T>>(document.get(key)?.clone()).ok()?
}

fn source_ids(sources: &Value) -> Option<BTreeMap<String, u64>> {
    sources
        .as_object()?
        .iter()
        .map(|(path, source)| Some((path.clone(), source.get("id")?.as_u64()?)))
        .collect()
}
