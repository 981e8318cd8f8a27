//! The CBOR of metadata, decoded strictly: it must use up the whole slice.

use ciborium::Value;

use super::{AuxdataPositions, PlacedAuxdata};

/// Bytes of solc's length field, big-endian, after the blob.
const LENGTH_FIELD: usize = 2;

/// Metadata is an object with solc and early Vyper, a list with later Vyper; a lone number is
/// valid CBOR too, but then every byte of code would be.
pub(super) fn decode(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let value = ciborium::from_reader(&mut rest).ok()?;
    let is_collection = matches!(value, Value::Map(_) | Value::Array(_));
    (rest.is_empty() && is_collection).then_some(value)
}

/// Whether this is metadata, with or without its length field.
pub(crate) fn is_cbor(slice: &[u8]) -> bool {
    without_length_field(slice).is_some_and(|body| decode(body).is_some())
        || decode(slice).is_some()
}

/// Whether the blob, with or without its length field, holds a hash that proves the sources: of
/// the metadata (solc), or of the compiler's input (Vyper's `integrity`).
pub(crate) fn holds_hash(blob: &[u8]) -> bool {
    let body = without_length_field(blob).and_then(decode);
    match body.or_else(|| decode(blob)) {
        Some(Value::Map(entries)) => entries.iter().any(|(key, _)| {
            key.as_text()
                .is_some_and(|key| ["ipfs", "bzzr1", "bzzr0"].contains(&key))
        }),
        Some(Value::Array(items)) => matches!(items.first(), Some(Value::Bytes(_))),
        _ => false,
    }
}

/// The blob a code ends with, by solc's rule: the last two bytes tell the length before them. With
/// its length field; nothing if it can't be decoded.
pub(crate) fn last_auxdata(code: &[u8]) -> Option<&[u8]> {
    let (_, &field) = code.split_last_chunk::<LENGTH_FIELD>()?;
    let length = usize::from(u16::from_be_bytes(field)).checked_add(LENGTH_FIELD)?;
    let blob = code.get(code.len().checked_sub(length)?..)?;
    decode(without_length_field(blob)?).map(|_| blob)
}

/// Whether the code ends with metadata that holds a hash.
pub(crate) fn ends_with_metadata_hash(code: &[u8]) -> bool {
    last_auxdata(code).is_some_and(holds_hash)
}

/// solc's hash of the metadata, in the blob a code ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MetadataHash {
    /// A multihash: two bytes that name the function, and 32 of SHA-256.
    Ipfs(Vec<u8>),
    Bzzr1(Vec<u8>),
    Bzzr0(Vec<u8>),
}

/// Nothing if the code ends with no metadata, or with metadata that holds no such hash.
pub(crate) fn last_metadata_hash(code: &[u8]) -> Option<MetadataHash> {
    let body = last_auxdata(code).and_then(without_length_field)?;
    let Value::Map(entries) = decode(body)? else {
        return None;
    };
    entries.into_iter().find_map(|entry| match entry {
        (Value::Text(key), Value::Bytes(hash)) => match key.as_str() {
            "ipfs" => Some(MetadataHash::Ipfs(hash)),
            "bzzr1" => Some(MetadataHash::Bzzr1(hash)),
            "bzzr0" => Some(MetadataHash::Bzzr0(hash)),
            _ => None,
        },
        _ => None,
    })
}

/// The last blob as the only one.
pub(super) fn at_the_end(code: &[u8]) -> AuxdataPositions {
    let Some(blob) = last_auxdata(code) else {
        return AuxdataPositions::none();
    };
    only(code, blob)
}

/// One blob that the code ends with.
pub(super) fn only(code: &[u8], blob: &[u8]) -> AuxdataPositions {
    let placed = PlacedAuxdata {
        offset: code.len().saturating_sub(blob.len()),
        value: blob.to_vec(),
    };
    AuxdataPositions::Known([(1, placed)].into())
}

pub(super) fn without_length_field(blob: &[u8]) -> Option<&[u8]> {
    blob.split_last_chunk::<LENGTH_FIELD>()
        .map(|(body, _)| body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    #[test]
    fn metadata_is_decoded_to_its_last_byte() {
        let ipfs = "a2646970667358221220cb5d3fab02eb1c3950cae8709479c96b7eb130f16b591360c68a6b9db865ecf5\
                    64736f6c634300081c";
        let none = "a164736f6c634300081c";
        let integrity = "85582000112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\
                         190100810000a165767970657283000401";
        for (body, is_metadata, has_hash) in [
            (ipfs, true, true),
            (none, true, false),
            ("a165627a7a723058200000", false, false),
            ("a165767970657283000304", true, false),
            (integrity, true, true),
            ("00", false, false),
            ("", false, false),
            ("b8", false, false),
            ("ff", false, false),
        ] {
            let body = bytes(body);
            let blob = [body.clone(), vec![0, u8::try_from(body.len()).unwrap()]].concat();
            for slice in [&body, &blob] {
                assert_eq!(is_cbor(slice), is_metadata, "{}", hex::encode(slice));
                assert_eq!(holds_hash(slice), has_hash, "{}", hex::encode(slice));
            }
            let code = [bytes("6080fe"), blob.clone()].concat();
            let wanted = is_metadata.then_some(blob.as_slice());
            assert_eq!(last_auxdata(&code), wanted);
            assert_eq!(ends_with_metadata_hash(&code), has_hash);
        }
        // One byte more is not the same blob.
        assert!(!is_cbor(&bytes(&format!("{none}000000"))));
        assert_eq!(last_auxdata(&bytes("ffff")), None);
        assert_eq!(last_auxdata(&[0]), None);
    }

    #[test]
    fn deep_or_huge_cbor_is_refused() {
        let deep = [0x81].repeat(60_000);
        assert!(!is_cbor(&deep));
        let huge = bytes("9bffffffffffffffff");
        assert!(!is_cbor(&huge));
        assert!(!is_cbor(&bytes("5bffffffffffffffff00")));
        assert!(!is_cbor(&bytes("bb7fffffffffffffff")));
    }
}
