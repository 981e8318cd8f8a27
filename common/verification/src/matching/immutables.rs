//! Values that a constructor writes into the runtime code.

use super::Draft;
use crate::auxdata::{AuxdataPositions, immutable_size};
use crate::compiled_code::{ByteRange, ImmutableReferences};
use crate::transformation::Transformation;

/// solc leaves zeros, wherever the variable is read. Nothing if one variable has two values.
pub(super) fn fill(
    draft: &mut Draft,
    references: Option<&ImmutableReferences>,
    on_chain: &[u8],
) -> Option<()> {
    let mut variables: Vec<(&String, &Vec<ByteRange>)> = references.into_iter().flatten().collect();
    // Ids are numbers in text: 7 before 12.
    variables.sort_by_key(|(id, _)| (id.len(), *id));
    for (id, places) in variables {
        let mut value: Option<&[u8]> = None;
        for place in places {
            let bytes = draft.fill(*place, on_chain)?;
            if bytes.is_empty() || value.is_some_and(|value| value != bytes) {
                return None;
            }
            value = Some(bytes);
            draft
                .transformations
                .push(Transformation::ImmutableReplaced {
                    offset: place.start,
                    id: id.clone(),
                });
        }
        if let Some(value) = value {
            draft.values.immutables.insert(id.clone(), value.to_vec());
        }
    }
    Some(())
}

/// Vyper appends them all in one piece, as long as the creation code's blob says. Before 0.3.10 it
/// doesn't say, and a code with immutables can't match.
///
/// A chain that has none of them at all is left to the comparison: there every immutable reads as
/// zero, and a simulated deployment gives such codes.
pub(super) fn append(
    draft: &mut Draft,
    creation_auxdata: &AuxdataPositions,
    on_chain: &[u8],
) -> Option<()> {
    let size = immutable_size(creation_auxdata).unwrap_or_default();
    let offset = draft.code.len();
    let appended = on_chain.get(offset..)?;
    if size == 0 || appended.is_empty() {
        return Some(());
    }
    if appended.len() != size {
        return None;
    }
    draft.code.extend_from_slice(appended);
    let id = "0".to_owned();
    draft
        .values
        .immutables
        .insert(id.clone(), appended.to_vec());
    draft
        .transformations
        .push(Transformation::ImmutableInserted { offset, id });
    Some(())
}
