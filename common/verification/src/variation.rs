//! The same sources with other line endings, if those are what the chain's metadata was made of.
//!
//! Editors, version control and block explorers change line endings and the end of a file; the
//! program stays the same and its metadata doesn't. The chain's code holds a hash of the metadata
//! it was compiled with, so a guess can be proven: the compiler's own metadata text is edited to
//! what it would be for the varied sources, and hashed. A hit is those sources, byte for byte.
//!
//! One variation goes to all files: a tool that changes one file changes all of them. Nothing is
//! compiled here; the caller compiles what was found, matches that, and stores it. Not found is what
//! changes more of the metadata than its sources: before 0.6.9, solc keeps the carriage returns of
//! documentation comments.

use std::collections::BTreeMap;

use crate::auxdata::{MetadataHash, last_metadata_hash};
use crate::compiled_contract::CompiledContract;
use crate::compiler::Language;
use crate::std_json::StdJsonInput;

mod hashes;
mod json_text;
mod line_endings;
mod literal;
mod metadata_text;

use hashes::{bzzr0, bzzr1, ipfs_multihash};
use line_endings::Variation;
use metadata_text::MetadataText;

/// Of all sources together, and of the metadata. Four times the largest project known. At this size
/// the search takes about two seconds of hashing, which whoever calls it must be able to afford.
const MAX_BYTES: usize = 4 << 20;

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
    if wanted == ours || !is_same_kind {
        return None;
    }
    let mut metadata = MetadataText::read(metadata, input.sources())?;
    Variation::all().find_map(|variation| {
        let text = metadata.with_contents(|content| variation.of(content))?;
        is_hash_of(&wanted, text.as_bytes())
            .then(|| input.with_contents(|content| variation.of(content)))
    })
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
