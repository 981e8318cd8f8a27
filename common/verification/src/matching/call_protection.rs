//! A deployed library begins by comparing its own address with the one written into it.

use alloy_primitives::Address;

use super::Draft;
use crate::compiled_code::ByteRange;
use crate::transformation::Transformation;

const PUSH20: u8 = 0x73;
const ADDRESS: ByteRange = ByteRange {
    start: 1,
    length: 20,
};

/// Where our code leaves the address open. Libraries compiled by way of IR have an immutable there
/// instead.
pub(super) fn open_address(code: &[u8]) -> Option<ByteRange> {
    let is_open = code.first() == Some(&PUSH20)
        && ADDRESS
            .of(code)
            .is_some_and(|hole| hole.iter().all(|byte| *byte == 0));
    is_open.then_some(ADDRESS)
}

pub(super) fn fill(draft: &mut Draft, on_chain: &[u8]) {
    let Some(place) = open_address(&draft.code) else {
        return;
    };
    let address = draft.fill(place, on_chain).map(Address::try_from);
    if let Some(Ok(address)) = address {
        draft.transformations.push(Transformation::CallProtection);
        draft.values.call_protection = Some(address);
    }
}
