//! A compiled contract, put together again from what is stored of it.
//!
//! Another contract can then be matched with it without a compiler. What the database doesn't keep is
//! not needed for that: the assembly (positions of metadata are stored) and placeholders (they are
//! zeros in stored code). Old compilers that named no link references leave no trace of a library
//! here, so that nothing with one matches them.

use serde_json::Value;

use crate::auxdata::{Assembly, AuxdataPositions, ContractAuxdata};
use crate::compilation_target::CompilationTarget;
use crate::compiled_code::{CodeObject, CreationCode, NotCode, RuntimeCode};
use crate::compiled_contract::CompiledContract;
use crate::compiler::{CompilerVersion, Language};
use crate::std_json;

/// The columns of one compilation, as the database has them.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCompilation<'a> {
    /// In any case: the table has lower case.
    pub language: &'a str,
    pub version: &'a str,
    pub fully_qualified_name: &'a str,
    pub settings: &'a Value,
    pub artifacts: &'a Value,
    pub creation_code: &'a [u8],
    pub creation_code_artifacts: &'a Value,
    pub runtime_code: &'a [u8],
    pub runtime_code_artifacts: &'a Value,
}

/// Loaded from elsewhere, in a language or a form that we don't know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a stored compilation cannot be matched: its {0} cannot be read")]
pub struct NotACompilation(&'static str);

impl StoredCompilation<'_> {
    /// The contract, and where its metadata lies.
    pub fn to_contract(&self) -> Result<(CompiledContract, ContractAuxdata), NotACompilation> {
        let contract = CompiledContract {
            target: self.target()?,
            language: self.language()?,
            version: self.version()?,
            optimizer_enabled: std_json::is_enabled(self.settings.get("optimizer")),
            abi: member(self.artifacts, "abi"),
            metadata: None,
            userdoc: member(self.artifacts, "userdoc"),
            devdoc: member(self.artifacts, "devdoc"),
            storage_layout: member(self.artifacts, "storageLayout"),
            transient_storage_layout: member(self.artifacts, "transientStorageLayout"),
            source_ids: None,
            creation: CreationCode::read(object(self.creation_code, self.creation_code_artifacts))
                .map_err(|NotCode| NotACompilation("creation code"))?,
            runtime: self.runtime()?,
            assembly: Assembly::default(),
        };
        let positions = |artifacts: &Value| {
            AuxdataPositions::from_json(artifacts.get("cborAuxdata").unwrap_or(&Value::Null))
        };
        let auxdata = ContractAuxdata {
            creation: positions(self.creation_code_artifacts),
            runtime: positions(self.runtime_code_artifacts),
        };
        Ok((contract, auxdata))
    }

    fn target(&self) -> Result<CompilationTarget, NotACompilation> {
        self.fully_qualified_name
            .parse()
            .ok()
            .ok_or(NotACompilation("name"))
    }

    fn version(&self) -> Result<CompilerVersion, NotACompilation> {
        self.version.parse().ok().ok_or(NotACompilation("version"))
    }

    fn language(&self) -> Result<Language, NotACompilation> {
        Language::ALL
            .into_iter()
            .find(|language| language.name().eq_ignore_ascii_case(self.language))
            .ok_or(NotACompilation("language"))
    }

    fn runtime(&self) -> Result<RuntimeCode, NotACompilation> {
        let artifacts = self.runtime_code_artifacts;
        let immutable_references = member(artifacts, "immutableReferences")
            .and_then(|references| serde_json::from_value(references).ok());
        RuntimeCode::read(object(self.runtime_code, artifacts), immutable_references)
            .map_err(|NotCode| NotACompilation("runtime code"))
    }
}

fn object(code: &[u8], artifacts: &Value) -> CodeObject {
    CodeObject {
        object: hex::encode(code),
        source_map: member(artifacts, "sourceMap").and_then(|map| map.as_str().map(str::to_owned)),
        link_references: member(artifacts, "linkReferences")
            .and_then(|references| serde_json::from_value(references).ok()),
    }
}

/// Null is as good as none.
fn member(document: &Value, name: &str) -> Option<Value> {
    document.get(name).filter(|value| !value.is_null()).cloned()
}
