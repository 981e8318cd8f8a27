//! The same input as it was deployed, if that is what the chain's metadata was made of.
//!
//! Editors, version control and block explorers change line endings and the end of a file; tools that
//! link after compiling, as Hardhat, submit settings that name the libraries. The program stays the
//! same and its metadata doesn't. The chain's code holds a hash of the metadata
//! it was compiled with, so a guess can be proven: the compiler's own metadata text is edited to
//! what it would be for the varied input, and hashed. A hit is that input, byte for byte.
//!
//! One variation goes to all files: a tool that changes one file changes all of them. Nothing is
//! compiled here; the caller compiles what was found, matches that, and stores it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::auxdata::{MetadataHash, last_metadata_hash};
use crate::compiled_contract::CompiledContract;
use crate::compiler::{Language, ReleaseNumber};
use crate::std_json::StdJsonInput;

mod hashes;
mod json_text;
mod libraries;
mod line_endings;
mod literal;
mod metadata_text;

use hashes::{bzzr0, bzzr1, ipfs_multihash};
pub(crate) use line_endings::Variation;
use metadata_text::MetadataText;

/// Of all sources together, and of the metadata. Four times the largest project known. At this size
/// the search takes about two seconds of hashing, which whoever calls it must be able to afford.
const MAX_BYTES: usize = 4 << 20;

/// From here on, documentation in metadata doesn't change with the line endings of its comments.
const STEADY_DOCUMENTATION: ReleaseNumber = ReleaseNumber(0, 6, 9);

/// The input whose metadata has exactly the hash that the chain's runtime code ends with. Nothing if
/// ours has that hash already, if either code holds none, or if no variation gives it.
///
/// The contract is the compilation of the input.
#[must_use]
pub fn find_perfect_variation(
    input: &StdJsonInput,
    contract: &CompiledContract,
    on_chain_runtime: &[u8],
) -> Option<StdJsonInput> {
    let wanted = wanted_hash(input, contract, on_chain_runtime)?;
    let metadata = contract.metadata.as_deref()?;
    let unlinked = libraries::left_out(metadata);
    let is_linked = unlinked.is_some();
    if unlinked.is_some_and(|text| is_hash_of(&wanted, text.as_bytes())) {
        return Some(input.without_libraries());
    }
    let mut metadata = MetadataText::read(metadata, input.sources())?;
    Variation::all().find_map(|variation| {
        let varied = || input.with_contents(|content| variation.of(content));
        let text = metadata.with_contents(|content| variation.of(content))?;
        if is_hash_of(&wanted, text.as_bytes()) {
            return Some(varied());
        }
        let unlinked = is_linked.then(|| libraries::left_out(&text)).flatten()?;
        is_hash_of(&wanted, unlinked.as_bytes()).then(|| varied().without_libraries())
    })
}

/// Inputs to compile and to search from again, where a search that found nothing may have missed.
///
/// Before solc 0.6.9, a comment's line endings go on into the documentation, and with it into the
/// metadata. At most two inputs, mostly none; one of them may be what the chain's code was compiled
/// from, and then it matches as it is.
#[must_use]
pub fn plan_second_search(
    input: &StdJsonInput,
    contract: &CompiledContract,
    on_chain_runtime: &[u8],
) -> Vec<StdJsonInput> {
    let documentation = [&contract.devdoc, &contract.userdoc];
    if contract.version.number() >= STEADY_DOCUMENTATION
        || !documentation.into_iter().flatten().any(holds_text)
        || wanted_hash(input, contract, on_chain_runtime).is_none()
    {
        return Vec::new();
    }
    Variation::of_line_endings_alone()
        .map(|variation| input.with_contents(|content| variation.of(content)))
        .filter(|varied| varied != input)
        .collect()
}

/// The chain's hash, if a search for what it was made of can find anything.
fn wanted_hash(
    input: &StdJsonInput,
    contract: &CompiledContract,
    on_chain_runtime: &[u8],
) -> Option<MetadataHash> {
    let metadata = contract.metadata.as_deref()?;
    if contract.language != Language::Solidity
        || metadata.len() > MAX_BYTES
        || total_bytes(input.sources()) > MAX_BYTES
    {
        return None;
    }
    let wanted = last_metadata_hash(on_chain_runtime)?;
    let ours = last_metadata_hash(contract.runtime.bytes())?;
    // Settings and release choose the kind of hash, and no variation changes them.
    let is_same_kind = std::mem::discriminant(&wanted) == std::mem::discriminant(&ours);
    (wanted != ours && is_same_kind).then_some(wanted)
}

fn holds_text(documentation: &Value) -> bool {
    let mut open = vec![documentation];
    while let Some(value) = open.pop() {
        match value {
            Value::String(_) => return true,
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
    }
    false
}

fn total_bytes(sources: &BTreeMap<String, String>) -> usize {
    sources
        .values()
        .fold(0, |sum, content| sum.saturating_add(content.len()))
}

fn is_hash_of(wanted: &MetadataHash, text: &[u8]) -> bool {
    match wanted {
        MetadataHash::Ipfs(hash) => *hash == ipfs_multihash(text),
        MetadataHash::Bzzr1(hash) => *hash == bzzr1(text),
        MetadataHash::Bzzr0(hash) => *hash == bzzr0(text),
    }
}
