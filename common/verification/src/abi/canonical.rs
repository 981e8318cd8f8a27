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
