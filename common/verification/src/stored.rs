//! A compiled contract, put together again from what is stored of it.
//!
//! Another contract can then be matched with it without a compiler. What the database doesn't keep is
//! not needed for that: the assembly (positions of metadata are stored) and placeholders (they are
//! zeros in stored code). Old compilers that named no link references leave no trace of a library
//! here, so that nothing with one matches them.
//!
//! The documents may come from elsewhere. They are believed as far as the code shows what they say: else
//! they could name any part of a program as something that may differ.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::auxdata::{Assembly, AuxdataPositions, ContractAuxdata, PlacedAuxdata};
use crate::compilation_target::CompilationTarget;
use crate::compiled_code::{
    ByteRange, CodeObject, CreationCode, ImmutableReferences, NotCode, RuntimeCode,
};
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
        let auxdata = ContractAuxdata {
            creation: positions(self.creation_code_artifacts, self.creation_code)?,
            runtime: positions(self.runtime_code_artifacts, self.runtime_code)?,
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
            .and_then(|references| serde_json::from_value::<ImmutableReferences>(references).ok());
        let mut places = immutable_references
            .iter()
            .flat_map(BTreeMap::values)
            .flatten();
        if !places.all(|place| is_open(*place, self.runtime_code)) {
            return Err(NotACompilation("immutable references"));
        }
        RuntimeCode::read(object(self.runtime_code, artifacts), immutable_references)
            .map_err(|NotCode| NotACompilation("runtime code"))
    }
}

/// Compilers leave zeros where a value comes later. Anything else is the program's, and would be taken
/// for a value if the documents were believed.
fn is_open(place: ByteRange, code: &[u8]) -> bool {
    let bytes = place.of(code);
    bytes.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
}

/// Metadata is where the code has it, or nowhere.
fn positions(artifacts: &Value, code: &[u8]) -> Result<AuxdataPositions, NotACompilation> {
    let stored = artifacts.get("cborAuxdata").unwrap_or(&Value::Null);
    let positions = AuxdataPositions::from_json(stored);
    if let AuxdataPositions::Known(placed) = &positions {
        let stands = |blob: &PlacedAuxdata| {
            let (start, length) = (blob.offset, blob.value.len());
            ByteRange { start, length }.of(code) == Some(&blob.value)
        };
        if !placed.values().all(stands) {
            return Err(NotACompilation("positions of metadata"));
        }
    }
    Ok(positions)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(creation: &Value, runtime: &Value) -> Result<(), NotACompilation> {
        let nothing = json!({});
        let stored = StoredCompilation {
            language: "solidity",
            version: "0.8.28+commit.7893614a",
            fully_qualified_name: "c.sol:C",
            settings: &nothing,
            artifacts: &nothing,
            creation_code: &[0x60, 0, 0, 0xa1],
            creation_code_artifacts: creation,
            runtime_code: &[0x60, 0, 0, 0xa1],
            runtime_code_artifacts: runtime,
        };
        stored.to_contract().map(|_| ())
    }

    #[test]
    fn documents_are_believed_as_far_as_the_code_shows_it() {
        let immutables = |start: usize, length: usize| {
            let place = json!({"start": start, "length": length});
            json!({"immutableReferences": {"1": [{"start": 1, "length": 1}, place]}})
        };
        let metadata = |offset: usize, value: &str| json!({"cborAuxdata": {"1": {"offset": offset, "value": value}}});
        let (none, places) = (json!({}), NotACompilation("immutable references"));
        assert_eq!(read(&none, &immutables(2, 1)), Ok(()));
        for (start, length) in [(0, 1), (2, 2), (4, 1), (usize::MAX, 2)] {
            assert_eq!(read(&none, &immutables(start, length)), Err(places.clone()));
        }
        let elsewhere = NotACompilation("positions of metadata");
        assert_eq!(read(&metadata(3, "0xa1"), &metadata(2, "0x00a1")), Ok(()));
        for document in [
            metadata(0, "0xa1"),
            metadata(3, "0xa100"),
            metadata(9, "0xa1"),
        ] {
            assert_eq!(read(&document, &none), Err(elsewhere.clone()));
            assert_eq!(read(&none, &document), Err(elsewhere.clone()));
        }
    }
}
