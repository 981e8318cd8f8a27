//! Whether bytes are exactly what encoding some values would give.

use super::types::{AbiType, Shape, WORD, Word};

/// Whether the bytes are the one encoding of some values of these types, to the last byte.
pub(crate) fn is_canonical_encoding(types: &[AbiType], encoded: &[u8]) -> bool {
    sequence(types.iter(), encoded) == Some(encoded.len())
}

/// Walks values side by side: their heads, then the tails of those that have one, in order and
/// without a gap. The answer is how many bytes they take.
fn sequence<'a>(types: impl Iterator<Item = &'a AbiType> + Clone, encoded: &[u8]) -> Option<usize> {
    let mut tail = 0_usize;
    for each in types.clone() {
        tail = tail.checked_add(each.head_size)?;
        if tail > encoded.len() {
            return None;
        }
    }
    let mut head = 0_usize;
    for each in types {
        if each.is_dynamic {
            let offset = length(encoded.get(head..)?)?;
            if offset != tail {
                return None;
            }
            tail = tail.checked_add(value(each, encoded.get(tail..)?)?)?;
        } else {
            value(each, encoded.get(head..)?)?;
        }
        head = head.checked_add(each.head_size)?;
    }
    Some(tail)
}

/// A value in its own place, head or tail, at the start of these bytes.
fn value(each: &AbiType, encoded: &[u8]) -> Option<usize> {
    match &each.shape {
        Shape::Word(word) => encoded
            .first_chunk::<WORD>()
            .is_some_and(|bytes| word.may_be(bytes))
            .then_some(WORD),
        Shape::Bytes => padded(encoded).map(|(_, size)| size),
        Shape::String => {
            let (text, size) = padded(encoded)?;
            std::str::from_utf8(text).ok()?;
            Some(size)
        }
        Shape::List(item) => {
            let count = length(encoded)?;
            list(item, count, encoded.get(WORD..)?)?.checked_add(WORD)
        }
        Shape::FixedList(item, count) => list(item, *count, encoded),
        Shape::Tuple(members) => sequence(members.iter(), encoded),
    }
}

/// So many values of one type. Each has a size, which bounds the count by the bytes.
fn list(item: &AbiType, count: usize, encoded: &[u8]) -> Option<usize> {
    if item.head_size.checked_mul(count)? > encoded.len() {
        return None;
    }
    sequence(std::iter::repeat_n(item, count), encoded)
}

/// Length, content, zeros up to a whole word: the content, and the size of it all.
fn padded(encoded: &[u8]) -> Option<(&[u8], usize)> {
    let length = length(encoded)?;
    let body = encoded.get(WORD..)?;
    let size = length.checked_next_multiple_of(WORD)?;
    let is_zero_after = body.get(length..size)?.iter().all(|byte| *byte == 0);
    is_zero_after.then_some(())?;
    Some((body.get(..length)?, size.checked_add(WORD)?))
}

/// The number in the first word, if memory could be that large.
fn length(encoded: &[u8]) -> Option<usize> {
    let (zeros, number) = encoded.first_chunk::<WORD>()?.split_last_chunk::<8>()?;
    let is_small = zeros.iter().all(|byte| *byte == 0);
    is_small.then(|| usize::try_from(u64::from_be_bytes(*number)).ok())?
}

impl Word {
    fn may_be(self, bytes: &[u8; WORD]) -> bool {
        let rest_is = |range: Option<&[u8]>, filler: u8| {
            range.is_some_and(|rest| rest.iter().all(|byte| *byte == filler))
        };
        let start = |used: usize| WORD.saturating_sub(used);
        match self {
            Self::Bool => rest_is(bytes.get(..31), 0) && bytes.last().is_some_and(|last| *last < 2),
            Self::Unsigned(used) => rest_is(bytes.get(..start(used)), 0),
            Self::Signed(used) => {
                let is_negative = bytes.get(start(used)).is_some_and(|first| *first >= 0x80);
                rest_is(bytes.get(..start(used)), if is_negative { 0xff } else { 0 })
            }
            Self::Left(used) => rest_is(bytes.get(used..), 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_dyn_abi::{DynSolType, DynSolValue};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// A type and some value of it, as another implementation has them. That one takes words
    /// beyond the range of a shorter integer as they are, so that there are none here.
    fn typed_value() -> impl Strategy<Value = DynSolValue> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(DynSolValue::Bool),
            any::<u8>().prop_map(|n| DynSolValue::Uint(n.try_into().unwrap(), 256)),
            any::<i16>().prop_map(|n| DynSolValue::Int(n.try_into().unwrap(), 256)),
            any::<[u8; 20]>().prop_map(|bytes| DynSolValue::Address(bytes.into())),
            prop::collection::vec(any::<u8>(), 0..70).prop_map(DynSolValue::Bytes),
            ".{0,40}".prop_map(DynSolValue::String),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                (inner.clone(), 1_usize..4).prop_map(|(item, n)| DynSolValue::Array(vec![item; n])),
                (inner.clone(), 1_usize..4)
                    .prop_map(|(item, n)| DynSolValue::FixedArray(vec![item; n])),
                prop::collection::vec(inner, 1..4).prop_map(DynSolValue::Tuple),
            ]
        })
    }

    fn parameter(of: &DynSolType) -> Value {
        let name = of.sol_type_name().into_owned();
        let (base, suffix) = name.split_at(name.rfind(')').map_or(0, |at| at + 1));
        if base.is_empty() {
            return json!({"type": suffix});
        }
        let mut inner = of;
        while let DynSolType::Array(item) | DynSolType::FixedArray(item, _) = inner {
            inner = item;
        }
        let DynSolType::Tuple(members) = inner else {
            panic!("{name} ends with a parenthesis and is no tuple")
        };
        let components: Vec<Value> = members.iter().map(parameter).collect();
        json!({"type": format!("tuple{suffix}"), "components": components})
    }

    /// What the walk replaces: decode everything, encode again, compare.
    fn survives_a_round_trip(of: &DynSolType, encoded: &[u8]) -> bool {
        of.abi_decode_params(encoded)
            .is_ok_and(|value| value.abi_encode_params() == encoded)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_walk_says_what_decoding_and_encoding_would_say(
            values in prop::collection::vec(typed_value(), 1..4),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            cut in prop::option::of(any::<prop::sample::Index>()),
            extra in 0_usize..3,
        ) {
            let value = DynSolValue::Tuple(values);
            let Some(of) = value.as_type() else { return Ok(()) };
            let DynSolType::Tuple(members) = &of else { return Ok(()) };
            let types: Vec<AbiType> = members
                .iter()
                .map(|member| AbiType::parse(&parameter(member)).unwrap())
                .collect();
            let mut encoded = value.abi_encode_params();
            prop_assert!(is_canonical_encoding(&types, &encoded));
            for (at, byte) in edits {
                let at = at.index(encoded.len());
                encoded[at] = byte;
            }
            encoded.extend(vec![0; extra]);
            if let Some(cut) = cut {
                encoded.truncate(cut.index(encoded.len()));
            }
            prop_assert_eq!(
                is_canonical_encoding(&types, &encoded),
                survives_a_round_trip(&of, &encoded),
                "{} {}", of, hex::encode(&encoded)
            );
        }
    }

    #[test]
    fn a_word_keeps_to_the_range_of_its_type() {
        let ones = |at: std::ops::Range<usize>| {
            let mut word = [0; WORD];
            word[at].fill(0xff);
            word
        };
        for (kind, word, fits) in [
            ("uint8", ones(31..32), true),
            ("uint8", ones(30..32), false),
            ("uint256", ones(0..32), true),
            ("int8", ones(0..32), true),
            ("int8", ones(31..32), false),
            ("int8", ones(0..31), false),
            ("int16", ones(31..32), true),
            ("address", ones(12..32), true),
            ("address", ones(11..32), false),
            ("bool", ones(31..32), false),
            ("bytes4", ones(0..4), true),
            ("bytes4", ones(0..5), false),
            ("bytes32", ones(0..32), true),
            ("function", ones(0..24), true),
            ("function", ones(0..25), false),
        ] {
            let types = [AbiType::parse(&json!({"type": kind})).unwrap()];
            assert_eq!(
                is_canonical_encoding(&types, &word),
                fits,
                "{kind} {word:?}"
            );
        }
    }

    #[test]
    fn hostile_types_and_offsets_end_at_once() {
        let types = |text: &str| vec![AbiType::parse(&json!({"type": text})).unwrap()];
        let word = |number: usize| {
            let mut word = [0; WORD];
            word[24..].copy_from_slice(&number.to_be_bytes());
            word
        };
        for kind in [
            "uint8[4294967295]",
            "bytes[4294967295]",
            "uint8[1000][1000][1000]",
        ] {
            assert!(!is_canonical_encoding(&types(kind), &[0; 64]));
        }
        // Every offset points at the same place: a decoder would visit it 1000^30 times.
        let bomb: Vec<u8> = [word(32), word(1000)]
            .into_iter()
            .chain(std::iter::repeat_n(word(32_000), 1000))
            .flatten()
            .collect();
        let kind = format!("uint8{}", "[]".repeat(30));
        assert!(!is_canonical_encoding(&types(&kind), &bomb));
        assert!(!is_canonical_encoding(
            &types("bytes"),
            &[word(32), word(usize::MAX)].concat()
        ));
    }
}
