//! Vyper's blobs: always one, at the end, by rules that changed with the releases.
//!
//! | release | runtime | creation | form |
//! |---|---|---|---|
//! | before 0.3.5 | yes | yes | 11 fixed bytes, no length field |
//! | 0.3.5 to 0.3.9 | yes | yes | length field that doesn't count itself |
//! | 0.3.10 and later | no | yes | a list; the length field counts itself too |
//!
//! Pre-releases follow the rules of their release.

use ciborium::Value;

use super::cbor::{self, at_the_end, decode, without_length_field};
use super::{AuxdataPositions, ContractAuxdata};
use crate::compiled_contract::CompiledContract;
use crate::compiler::ReleaseNumber;

const LENGTH_FIELD_SINCE: ReleaseNumber = ReleaseNumber(0, 3, 5);
const LIST_SINCE: ReleaseNumber = ReleaseNumber(0, 3, 10);
/// `{"vyper": [0, 3, 4]}`.
const FIXED_LENGTH: usize = 11;

pub(super) fn positions(contract: &CompiledContract) -> ContractAuxdata {
    let (creation, runtime) = (contract.creation.bytes(), contract.runtime.bytes());
    let number = contract.version.number();
    let (creation, runtime) = if number < LENGTH_FIELD_SINCE {
        (fixed_at_the_end(creation), fixed_at_the_end(runtime))
    } else if number < LIST_SINCE {
        (at_the_end(creation), at_the_end(runtime))
    } else {
        (list_at_the_end(creation), AuxdataPositions::none())
    };
    ContractAuxdata { creation, runtime }
}

fn fixed_at_the_end(code: &[u8]) -> AuxdataPositions {
    let blob = code
        .len()
        .checked_sub(FIXED_LENGTH)
        .and_then(|start| code.get(start..));
    match blob {
        Some(blob) if decode(blob).is_some() => cbor::only(code, blob),
        _ => AuxdataPositions::none(),
    }
}

fn list_at_the_end(code: &[u8]) -> AuxdataPositions {
    let blob = code
        .last_chunk::<2>()
        .map(|field| usize::from(u16::from_be_bytes(*field)))
        .and_then(|length| code.get(code.len().checked_sub(length)?..));
    match blob {
        Some(blob) if list(blob).is_some() => cbor::only(code, blob),
        _ => AuxdataPositions::none(),
    }
}

fn list(blob: &[u8]) -> Option<Vec<Value>> {
    match decode(without_length_field(blob)?)? {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

/// How many bytes of immutables the constructor appends to the runtime code, as the creation
/// code's blob says: the last item but one. Nothing before 0.3.10, where it is nowhere recorded.
pub(crate) fn immutable_size(creation: &AuxdataPositions) -> Option<usize> {
    let AuxdataPositions::Known(placed) = creation else {
        return None;
    };
    let items = list(&placed.first_key_value()?.1.value)?;
    let (_version, rest) = items.split_last()?;
    let size = rest.last()?.as_integer()?;
    usize::try_from(u64::try_from(size).ok()?).ok()
}
