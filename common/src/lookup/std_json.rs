//! The compiler's input and output, put together again from what is stored of them.

use std::collections::BTreeMap;

use alloy_primitives::hex;

use super::artifacts::{Artifacts, CodeArtifacts};
use super::document::raw;
use super::load::Loaded;
use crate::api::contract::{
    OutputCode, OutputContract, OutputEvm, SourceContent, Sources, StdJsonInput, StdJsonOutput,
};

pub(super) fn input<'a>(loaded: &'a Loaded, artifacts: &Artifacts<'a>) -> StdJsonInput<'a> {
    let compilation = &loaded.compilation;
    StdJsonInput {
        language: language_name(&compilation.language),
        sources: sources(loaded),
        settings: &compilation.settings,
        additional: artifacts.additional_input.clone(),
    }
}

pub(super) fn output<'a>(loaded: &'a Loaded, artifacts: &Artifacts<'a>) -> StdJsonOutput<'a> {
    let compilation = &loaded.compilation;
    let (creation, runtime) = (&artifacts.creation_code, &artifacts.runtime_code);
    let artifacts = &artifacts.compilation;
    let contract = OutputContract {
        abi: raw(artifacts.abi),
        metadata: loaded.metadata.as_deref().unwrap_or_default(),
        userdoc: raw(artifacts.userdoc),
        devdoc: raw(artifacts.devdoc),
        storage_layout: raw(artifacts.storage_layout),
        transient_storage_layout: raw(artifacts.transient_storage_layout),
        evm: OutputEvm {
            bytecode: code(loaded.codes.recompiled_creation.as_deref(), creation),
            deployed_bytecode: OutputCode {
                immutable_references: Some(raw(runtime.immutable_references)),
                ..code(loaded.codes.recompiled_runtime.as_deref(), runtime)
            },
        },
    };
    let qualified = compilation.fully_qualified_name.as_str();
    let path = qualified
        .rsplit_once(':')
        .map_or(qualified, |(path, _)| path);
    let by_name = BTreeMap::from([(compilation.name.as_str(), contract)]);
    StdJsonOutput {
        sources: raw(artifacts.sources),
        contracts: BTreeMap::from([(path, by_name)]),
    }
}

pub(super) fn sources(loaded: &Loaded) -> Sources<'_> {
    let files = loaded.sources.iter().map(|file| {
        let content = file.content.as_str();
        (file.path.as_str(), SourceContent { content })
    });
    Sources(files.collect())
}

/// As the API and standard JSON spell it; the table has lower case.
pub(super) fn language_name(stored: &str) -> String {
    let mut letters = stored.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn code<'a>(bytes: Option<&[u8]>, artifacts: &CodeArtifacts<'a>) -> OutputCode<'a> {
    OutputCode {
        object: hex::encode(bytes.unwrap_or_default()),
        source_map: raw(artifacts.source_map),
        link_references: raw(artifacts.link_references),
        immutable_references: None,
    }
}
