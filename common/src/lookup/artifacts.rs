//! The members of what compilers printed. Each stays the text that it is: nobody here looks into them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::db::contracts::Compilation;

/// All documents of a compilation, borrowed from it.
#[derive(Debug)]
pub(super) struct Artifacts<'a> {
    pub(super) compilation: CompilationArtifacts<'a>,
    pub(super) creation_code: CodeArtifacts<'a>,
    pub(super) runtime_code: CodeArtifacts<'a>,
    /// What Vyper was given besides sources and settings.
    pub(super) additional_input: BTreeMap<String, &'a RawValue>,
}

/// What the compiler printed of the contract. `None`: nothing, or `null`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CompilationArtifacts<'a> {
    #[serde(borrow)]
    pub(super) abi: Option<&'a RawValue>,
    pub(super) userdoc: Option<&'a RawValue>,
    pub(super) devdoc: Option<&'a RawValue>,
    pub(super) storage_layout: Option<&'a RawValue>,
    pub(super) transient_storage_layout: Option<&'a RawValue>,
    /// `{path: {id}}`
    pub(super) sources: Option<&'a RawValue>,
}

/// What the compiler printed of one side's code.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CodeArtifacts<'a> {
    #[serde(borrow)]
    pub(super) source_map: Option<&'a RawValue>,
    pub(super) link_references: Option<&'a RawValue>,
    pub(super) cbor_auxdata: Option<&'a RawValue>,
    /// Of runtime code only.
    pub(super) immutable_references: Option<&'a RawValue>,
}

impl<'a> Artifacts<'a> {
    pub(super) fn of(compilation: &'a Compilation) -> Result<Self, serde_json::Error> {
        let additional = compilation.additional_input.as_deref();
        Ok(Self {
            compilation: serde_json::from_str(compilation.artifacts.get())?,
            creation_code: serde_json::from_str(compilation.creation_code_artifacts.get())?,
            runtime_code: serde_json::from_str(compilation.runtime_code_artifacts.get())?,
            additional_input: additional
                .map(|document| serde_json::from_str(document.get()))
                .transpose()?
                .unwrap_or_default(),
        })
    }
}
