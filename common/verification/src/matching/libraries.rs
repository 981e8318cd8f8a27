//! Addresses of libraries that were linked after compiling.

use alloy_primitives::Address;

use super::Draft;
use crate::compiled_code::{LibraryPlace, Placeholder};
use crate::transformation::Transformation;

/// Nothing if a reference points at no placeholder of its library, or if one library has two
/// addresses.
pub(super) fn fill(draft: &mut Draft, places: &[LibraryPlace], on_chain: &[u8]) -> Option<()> {
    for place in places {
        if place.placeholder == Placeholder::Foreign {
            return None;
        }
        let address = Address::try_from(draft.fill(place.range, on_chain)?).ok()?;
        let id = place.library.clone();
        let known = *draft.values.libraries.entry(id.clone()).or_insert(address);
        if known != address {
            return None;
        }
        draft.transformations.push(Transformation::Library {
            offset: place.range.start,
            id,
        });
    }
    Some(())
}
