//! The selected fields of a verified contract.

use alloy_primitives::hex;
use serde_json::value::RawValue;
use verification::signatures::SignatureKind;

use super::artifacts::{Artifacts, CodeArtifacts};
use super::load::Loaded;
use super::selection::Selection;
use super::std_json;
use crate::api::contract::{
    Compilation, ContractDocument, CreationBytecode, Deployment, MinimalContract, RuntimeBytecode,
    Side, Signature, Signatures,
};
use crate::db::contracts::SideTransformations;

/// All but the proxy, about which the chain may have to be asked.
pub(super) fn render<'a>(
    basic: MinimalContract,
    loaded: &'a Loaded,
    artifacts: &Artifacts<'a>,
    selection: &Selection,
) -> ContractDocument<'a> {
    let has = |field| selection.has(field);
    let artifact = |field, document| has(field).then(|| raw(document));
    let printed = &artifacts.compilation;
    ContractDocument {
        basic,
        creation_bytecode: has("creationBytecode")
            .then(|| creation_code(loaded, artifacts, selection)),
        runtime_bytecode: has("runtimeBytecode")
            .then(|| runtime_code(loaded, artifacts, selection)),
        deployment: has("deployment").then(|| deployment(loaded, selection)),
        sources: has("sources").then(|| std_json::sources(loaded)),
        compilation: has("compilation").then(|| compilation(loaded, selection)),
        abi: artifact("abi", printed.abi),
        metadata: has("metadata").then(|| metadata(loaded)),
        storage_layout: artifact("storageLayout", printed.storage_layout),
        transient_storage_layout: artifact(
            "transientStorageLayout",
            printed.transient_storage_layout,
        ),
        userdoc: artifact("userdoc", printed.userdoc),
        devdoc: artifact("devdoc", printed.devdoc),
        source_ids: artifact("sourceIds", printed.sources),
        std_json_input: has("stdJsonInput").then(|| std_json::input(loaded, artifacts)),
        std_json_output: has("stdJsonOutput").then(|| std_json::output(loaded, artifacts)),
        signatures: has("signatures").then(|| signatures(loaded, selection)),
        proxy_resolution: None,
    }
}

/// What was not printed is `null`.
pub(super) fn raw(document: Option<&RawValue>) -> &RawValue {
    document.unwrap_or(RawValue::NULL)
}

/// Only solc prints metadata for Solidity; its text is what is kept, its document what is shown.
fn metadata(loaded: &Loaded) -> &RawValue {
    let text = loaded.metadata.as_deref();
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(RawValue::NULL)
}

fn creation_code<'a>(
    loaded: &'a Loaded,
    artifacts: &Artifacts<'a>,
    selection: &Selection,
) -> CreationBytecode<'a> {
    let codes = &loaded.codes;
    let has = |part: &str| selection.has_part("creationBytecode", part);
    CreationBytecode {
        side: side(
            has,
            codes.onchain_creation.as_deref(),
            codes.recompiled_creation.as_deref(),
            &artifacts.creation_code,
            loaded.verified.creation.as_ref(),
        ),
    }
}

fn runtime_code<'a>(
    loaded: &'a Loaded,
    artifacts: &Artifacts<'a>,
    selection: &Selection,
) -> RuntimeBytecode<'a> {
    let codes = &loaded.codes;
    let artifacts = &artifacts.runtime_code;
    let has = |part: &str| selection.has_part("runtimeBytecode", part);
    RuntimeBytecode {
        side: side(
            has,
            codes.onchain_runtime.as_deref(),
            codes.recompiled_runtime.as_deref(),
            artifacts,
            loaded.verified.runtime.as_ref(),
        ),
        immutable_references: has("immutableReferences")
            .then(|| raw(artifacts.immutable_references)),
    }
}

fn side<'a>(
    has: impl Fn(&str) -> bool,
    onchain: Option<&[u8]>,
    recompiled: Option<&[u8]>,
    artifacts: &CodeArtifacts<'a>,
    matched: Option<&'a SideTransformations>,
) -> Side<'a> {
    let null = RawValue::NULL;
    Side {
        onchain_bytecode: has("onchainBytecode").then(|| onchain.map(hex::encode_prefixed)),
        recompiled_bytecode: has("recompiledBytecode")
            .then(|| recompiled.map(hex::encode_prefixed)),
        source_map: has("sourceMap").then(|| raw(artifacts.source_map)),
        link_references: has("linkReferences").then(|| raw(artifacts.link_references)),
        cbor_auxdata: has("cborAuxdata").then(|| raw(artifacts.cbor_auxdata)),
        transformations: has("transformations")
            .then(|| matched.map_or(null, |side| &side.transformations)),
        transformation_values: has("transformationValues")
            .then(|| matched.map_or(null, |side| &side.values)),
    }
}

fn deployment(loaded: &Loaded, selection: &Selection) -> Deployment {
    let known = &loaded.verified.deployment;
    let has = |part: &str| selection.has_part("deployment", part);
    Deployment {
        transaction_hash: has("transactionHash")
            .then(|| known.transaction_hash.map(|hash| hash.to_string())),
        block_number: has("blockNumber").then(|| known.block_number.clone()),
        transaction_index: has("transactionIndex").then(|| known.transaction_index.clone()),
        deployer: has("deployer").then(|| known.deployer.map(|deployer| deployer.to_string())),
    }
}

fn compilation<'a>(loaded: &'a Loaded, selection: &Selection) -> Compilation<'a> {
    let known = &loaded.compilation;
    let has = |part: &str| selection.has_part("compilation", part);
    Compilation {
        language: has("language").then(|| std_json::language_name(&known.language)),
        compiler: has("compiler").then_some(&known.compiler),
        compiler_version: has("compilerVersion").then_some(&known.version),
        compiler_settings: has("compilerSettings").then_some(&known.settings),
        name: has("name").then_some(&known.name),
        fully_qualified_name: has("fullyQualifiedName").then_some(&known.fully_qualified_name),
    }
}

fn signatures<'a>(loaded: &'a Loaded, selection: &Selection) -> Signatures<'a> {
    let of = |kind: SignatureKind| {
        let of_kind = loaded
            .signatures
            .iter()
            .filter(move |signature| signature.kind == kind);
        selection.has_part("signatures", kind.name()).then(|| {
            of_kind
                .map(|signature| Signature {
                    signature: &signature.text,
                    signature_hash32: hex::encode_prefixed(signature.hash),
                    signature_hash4: hex::encode_prefixed(signature.selector()),
                })
                .collect()
        })
    };
    Signatures {
        function: of(SignatureKind::Function),
        event: of(SignatureKind::Event),
        error: of(SignatureKind::Error),
    }
}
