//! Metadata that differs while the program is the same.

use super::Draft;
use crate::auxdata::{AuxdataPositions, PlacedAuxdata, is_cbor};
use crate::transformation::Transformation;

/// solc's instruction that can't be run; it divides code from metadata.
const INVALID: u8 = 0xfe;

/// Once one blob differs every blob is replaced, as in the data sets of others, also those that
/// are equal. Nothing if what the chain has in a blob's place is no metadata.
///
/// Offsets are those of the recompiled code. The chain's blob has the same length, or is cut by
/// the end of its code: a shorter blob at the end, or none at all. Shorter blobs in the middle
/// shift what follows and don't match (database-specs #39).
pub(super) fn replace(
    draft: &mut Draft,
    positions: &AuxdataPositions,
    on_chain: &[u8],
) -> Option<()> {
    let AuxdataPositions::Known(placed) = positions else {
        return None;
    };
    if placed.is_empty() {
        return None;
    }
    let mut edits = placed
        .iter()
        .map(|(id, blob)| Edit::plan(*id, blob, &draft.code, on_chain))
        .collect::<Option<Vec<_>>>()?;
    for edit in &edits {
        draft.transformations.push(edit.transformation.clone());
        if let Transformation::AuxdataReplaced { id, .. } = &edit.transformation {
            let value = edit.replacement.to_vec();
            draft.values.cbor_auxdata.insert(id.clone(), value);
        }
    }
    // From the end, so that no edit moves the place of another.
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.start));
    let mut limit = draft.code.len();
    for edit in edits {
        if edit.end > limit {
            return None;
        }
        limit = edit.start;
        draft
            .code
            .splice(edit.start..edit.end, edit.replacement.iter().copied());
    }
    Some(())
}

struct Edit<'a> {
    start: usize,
    end: usize,
    replacement: &'a [u8],
    transformation: Transformation,
}

impl<'a> Edit<'a> {
    fn plan(id: u32, blob: &PlacedAuxdata, ours: &[u8], on_chain: &'a [u8]) -> Option<Self> {
        let (offset, length) = (blob.offset, blob.value.len());
        let end = offset
            .checked_add(length)
            .filter(|end| *end <= ours.len())?;
        let rest = on_chain.get(offset..).unwrap_or_default();
        let slice = rest.get(..length).unwrap_or(rest);
        if slice.is_empty() {
            let start = offset.checked_sub(1)?;
            (ours.get(start) == Some(&INVALID)).then_some(())?;
            let length = length.checked_add(1)?;
            return Some(Self {
                start,
                end,
                replacement: slice,
                transformation: Transformation::AuxdataDeleted {
                    offset: start,
                    length,
                },
            });
        }
        is_cbor(slice).then_some(Self {
            start: offset,
            end,
            replacement: slice,
            transformation: Transformation::AuxdataReplaced {
                offset,
                id: id.to_string(),
                length: (slice.len() != length).then_some(length),
            },
        })
    }
}
