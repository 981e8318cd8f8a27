//! solc's blobs, placed with one compile where it suffices, with two where it doesn't.
//!
//! Creation code answers to the whole tree of assemblies, runtime code to its own branch. Within
//! that, a value the tree holds once and the code holds once is placed if its assembly is pushed,
//! and each above it: then the true one occurs. The tree lists also what the optimizer left out of
//! the code, and what occurs of that can only be a copy. A value the tree doesn't hold is never
//! metadata. All else is ambiguous: identical embedded contracts, or a copy that an author wrote as
//! a constant.

use std::collections::{BTreeMap, BTreeSet};

use super::assembly::Blob;
use super::{AuxdataPositions, AuxdataSearch, ContractAuxdata, PlacedAuxdata, holds_hash};
use crate::compiled_contract::CompiledContract;

mod occurrences;
mod twins;

use occurrences::Occurrences;
use twins::Twins;

/// One code with the blobs that may be in it.
struct Side<'a> {
    code: &'a [u8],
    blobs: Vec<Blob<'a>>,
    /// Whether the code holds it for certain.
    is_in_code: fn(&Blob<'_>) -> bool,
    /// The code doesn't end as its assembly says.
    is_inconsistent: bool,
}

struct Placed<'a> {
    by_id: BTreeMap<u32, PlacedAuxdata>,
    ambiguous: BTreeSet<&'a [u8]>,
}

pub(super) fn find(contract: &CompiledContract) -> AuxdataSearch {
    if contract.assembly.is_incomplete() {
        // A blob we don't know of could be anywhere.
        return AuxdataSearch::Settled(ContractAuxdata {
            creation: AuxdataPositions::Unknown,
            runtime: AuxdataPositions::Unknown,
        });
    }
    let (creation, runtime) = (creation_side(contract), runtime_side(contract));
    let placed = [&creation, &runtime].map(count);
    // A blob without a hash doesn't change with the sources: a second compile would tell nothing.
    let would_tell = placed
        .iter()
        .flat_map(|side| &side.ambiguous)
        .any(|value| holds_hash(value));
    let [in_creation, in_runtime] = placed;
    let found = ContractAuxdata {
        creation: settle(&creation, in_creation),
        runtime: settle(&runtime, in_runtime),
    };
    if would_tell {
        AuxdataSearch::NeedsSecondCompile { without_it: found }
    } else {
        AuxdataSearch::Settled(found)
    }
}

pub(super) fn place(contract: &CompiledContract, edited: &CompiledContract) -> ContractAuxdata {
    ContractAuxdata {
        creation: compare(&creation_side(contract), &creation_side(edited)),
        runtime: compare(&runtime_side(contract), &runtime_side(edited)),
    }
}

fn creation_side(contract: &CompiledContract) -> Side<'_> {
    Side {
        code: contract.creation.bytes(),
        blobs: contract.assembly.blobs(),
        is_in_code: |blob| blob.is_in_root,
        is_inconsistent: false,
    }
}

/// The branch of the runtime code is the one whose own blob the code ends with, normally 0.
fn runtime_side(contract: &CompiledContract) -> Side<'_> {
    let code = contract.runtime.bytes();
    let mut own_blobs = contract
        .assembly
        .nested
        .iter()
        .filter_map(|(index, nested)| Some((index, nested.auxdata.as_deref()?)))
        .peekable();
    let is_without_any = own_blobs.peek().is_none();
    let branch = own_blobs.find(|(_, blob)| code.ends_with(blob));
    let mut blobs = contract.assembly.blobs();
    blobs.retain(|blob| blob.branch.is_some() && blob.branch == branch.map(|(index, _)| *index));
    Side {
        code,
        blobs,
        is_in_code: |blob| blob.is_in_branch,
        is_inconsistent: branch.is_none() && !is_without_any,
    }
}

/// The count rule.
fn count<'a>(side: &Side<'a>) -> Placed<'a> {
    let mut by_value: BTreeMap<&[u8], Vec<&Blob<'_>>> = BTreeMap::new();
    for blob in &side.blobs {
        by_value.entry(blob.value).or_default().push(blob);
    }
    let mut placed = Placed {
        by_id: BTreeMap::new(),
        ambiguous: BTreeSet::new(),
    };
    let occurrences = occurrences::count(side.code, by_value.keys().copied());
    for (value, blobs) in by_value {
        match (blobs.as_slice(), occurrences.get(value)) {
            // Nothing of this value to be placed: an assembly the optimizer left out.
            (_, None | Some(Occurrences::None)) => {}
            ([blob], Some(Occurrences::Once { offset })) if (side.is_in_code)(blob) => {
                placed.by_id.insert(blob.id, placed_at(*offset, value));
            }
            _ => {
                placed.ambiguous.insert(value);
            }
        }
    }
    placed
}

fn settle(side: &Side<'_>, placed: Placed<'_>) -> AuxdataPositions {
    if side.is_inconsistent || !placed.ambiguous.is_empty() {
        AuxdataPositions::Unknown
    } else {
        AuxdataPositions::Known(placed.by_id)
    }
}

/// Places what counting left ambiguous where the two compiles differ.
fn compare(side: &Side<'_>, edited: &Side<'_>) -> AuxdataPositions {
    let mut placed = count(side);
    let ambiguous = std::mem::take(&mut placed.ambiguous);
    if ambiguous.is_empty() {
        return settle(side, placed);
    }
    let can_compare = side.code.len() == edited.code.len()
        && side.blobs.len() == edited.blobs.len()
        && !edited.is_inconsistent;
    let mut twins = Twins::default();
    let all_differ = side
        .blobs
        .iter()
        .zip(&edited.blobs)
        .filter(|(blob, _)| ambiguous.contains(blob.value))
        .all(|(blob, twin)| twins.add(blob, twin).is_some());
    if !(can_compare && all_differ) {
        return AuxdataPositions::Unknown;
    }
    twins.place(side.code, edited.code, &mut placed.by_id);
    settle(side, placed)
}

fn placed_at(offset: usize, value: &[u8]) -> PlacedAuxdata {
    PlacedAuxdata {
        offset,
        value: value.to_vec(),
    }
}
