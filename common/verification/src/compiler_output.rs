//! A compiler's standard-JSON answer, read for one contract.
//!
//! Outputs reach many megabytes, nearly all of it about other contracts or instructions we don't
//! need. Those are skipped while reading, never built.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;

use crate::auxdata::Assembly;
use crate::compilation_target::CompilationTarget;
use crate::compiled_code::{
    CodeObject, CreationCode, ImmutableReferences, LinkReferences, NotCode, RuntimeCode,
};
use crate::compiled_contract::CompiledContract;
use crate::compiler::CompilerVersion;
use crate::failure::VerificationFailure;
use crate::std_json::StdJsonInput;

mod document;

/// The target's compilation, or the failure it is: errors, no such contract, no code.
///
/// The input and version are what the output was made from.
pub fn read_compiler_output(
    output: &[u8],
    input: &StdJsonInput,
    target: &CompilationTarget,
    version: &CompilerVersion,
) -> Result<CompiledContract, VerificationFailure> {
    let text = text_of(output);
    let document = document::read(&text, target)
        .ok()
        .ok_or(VerificationFailure::NoCompilerOutput)?;
    let errors: Vec<Value> = document
        .errors
        .into_iter()
        .filter(|error| error.get("severity").and_then(Value::as_str) == Some("error"))
        .collect();
    if !errors.is_empty() {
        return Err(VerificationFailure::CompilerErrors(errors));
    }
    let contract = document
        .contract
        .ok_or(VerificationFailure::ContractNotFoundInCompilerOutput)?;
    let source_ids = source_ids(document.sources);
    let (creation, runtime, assembly) = codes(contract.evm.unwrap_or_default())
        .ok()
        .ok_or(VerificationFailure::NoCompilerOutput)?;
    if creation.bytes().is_empty() || runtime.bytes().is_empty() {
        return Err(VerificationFailure::CompiledBytecodeIsZero);
    }
    Ok(CompiledContract {
        target: target.clone(),
        language: input.language(),
        version: version.clone(),
        optimizer_enabled: input.optimizer_enabled(),
        abi: contract.abi,
        metadata: contract.metadata.filter(|text| !text.is_empty()),
        userdoc: contract.userdoc,
        devdoc: contract.devdoc,
        storage_layout: contract.storage_layout,
        transient_storage_layout: contract.transient_storage_layout,
        source_ids,
        creation,
        runtime,
        assembly,
    })
}

/// Error excerpts may cut a character in two, and so do the placeholders of old compilers. Each byte
/// that is no text becomes one question mark: code keeps its length.
fn text_of(output: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(output) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(output.len());
    for chunk in output.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    Cow::Owned(text)
}

/// What is read of a contract. Unknown members are skipped.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Contract {
    abi: Option<Value>,
    metadata: Option<String>,
    userdoc: Option<Value>,
    devdoc: Option<Value>,
    storage_layout: Option<Value>,
    transient_storage_layout: Option<Value>,
    evm: Option<Evm>,
}

/// Old compilers print syntax trees here, deeper than a JSON value may be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Source {
    id: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Evm {
    bytecode: Option<Bytecode>,
    deployed_bytecode: Option<Bytecode>,
    legacy_assembly: Option<Assembly>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Bytecode {
    object: Option<String>,
    /// Some releases of Vyper print an object here.
    source_map: Value,
    #[serde(deserialize_with = "if_of_this_shape")]
    link_references: Option<LinkReferences>,
    #[serde(deserialize_with = "if_of_this_shape")]
    immutable_references: Option<ImmutableReferences>,
}

/// Nothing where a compiler prints an empty text or another shape: code without its references
/// can still match where it needs none.
fn if_of_this_shape<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let printed = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(printed).ok())
}

fn codes(evm: Evm) -> Result<(CreationCode, RuntimeCode, Assembly), NotCode> {
    let mut runtime = evm.deployed_bytecode.unwrap_or_default();
    let immutable_references = runtime.immutable_references.take();
    Ok((
        CreationCode::read(code_object(evm.bytecode.unwrap_or_default()))?,
        RuntimeCode::read(code_object(runtime), immutable_references)?,
        evm.legacy_assembly.unwrap_or_default(),
    ))
}

fn code_object(bytecode: Bytecode) -> CodeObject {
    CodeObject {
        object: bytecode.object.unwrap_or_default(),
        source_map: match bytecode.source_map {
            Value::String(text) => Some(text),
            _ => None,
        },
        link_references: bytecode.link_references,
    }
}

/// Ids are missing before 0.3.6 and may be strings; ids that repeat say nothing.
fn source_ids(sources: Option<BTreeMap<String, Source>>) -> Option<BTreeMap<String, u64>> {
    let ids: BTreeMap<String, u64> = sources?
        .into_iter()
        .map(|(path, source)| {
            let number = source.id.as_u64();
            let number = number.or_else(|| source.id.as_str()?.parse().ok())?;
            Some((path, number))
        })
        .collect::<Option<_>>()?;
    let distinct: BTreeSet<&u64> = ids.values().collect();
    (distinct.len() == ids.len()).then_some(ids)
}

#[cfg(test)]
mod tests;
