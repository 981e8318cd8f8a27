//! What a compiler's process writes to its parent: a few short frames.
//!
//! A frame is one byte that says what it is, the length of the rest (8 bytes, little-endian), and the
//! rest. The parent trusts none of it: it reads up to the caller's cap and kills what says more.

use serde::{Deserialize, Serialize};

use crate::sandbox::Level;

pub(crate) const HEADER_BYTES: usize = 9;

/// No frame but an output is longer.
pub(crate) const MAX_SHORT_BYTES: u64 = 64 << 10;

/// What a frame is about. The order in time: `Ready`, then `Used`, then one of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Locked in, input may come; with the [`Level`] as JSON.
    Ready,
    /// [`Used`] as JSON.
    Used,
    Output,
    TimedOut,
    OutOfMemory,
    OutputTooLong,
    /// With words.
    Crashed,
    /// A program was killed by nobody here, so nothing was learned; with words.
    Killed,
    /// A fault of ours, with words.
    Fault,
}

const KINDS: [Kind; 9] = [
    Kind::Ready,
    Kind::Used,
    Kind::Output,
    Kind::TimedOut,
    Kind::OutOfMemory,
    Kind::OutputTooLong,
    Kind::Crashed,
    Kind::Killed,
    Kind::Fault,
];

/// What the process took until it answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    pub(crate) cpu_us: u64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) guest_memory_bytes: u64,
}

/// The frame's first bytes.
pub(crate) fn header(kind: Kind, length: u64) -> [u8; HEADER_BYTES] {
    let number = KINDS
        .iter()
        .position(|known| *known == kind)
        .unwrap_or(KINDS.len());
    let mut header = [0; HEADER_BYTES];
    let (first, rest) = header.split_at_mut(1);
    first.fill(u8::try_from(number).unwrap_or(u8::MAX));
    rest.copy_from_slice(&length.to_le_bytes());
    header
}

/// `None` for a kind that does not exist.
pub(crate) fn parse_header(header: [u8; HEADER_BYTES]) -> Option<(Kind, u64)> {
    let (number, length) = header.split_first_chunk::<1>()?;
    let kind = KINDS
        .get(usize::from(u8::from_le_bytes(*number)))
        .copied()?;
    let length = u64::from_le_bytes(length.try_into().ok()?);
    Some((kind, length))
}

/// Whole frames whose contents are JSON.
pub(crate) fn ready(level: Level) -> serde_json::Result<Vec<u8>> {
    Ok(whole(Kind::Ready, &serde_json::to_vec(&level)?))
}

pub(crate) fn used(used: Used) -> serde_json::Result<Vec<u8>> {
    Ok(whole(Kind::Used, &serde_json::to_vec(&used)?))
}

/// A frame with its contents; words longer than a frame may be are cut.
pub(crate) fn whole(kind: Kind, contents: &[u8]) -> Vec<u8> {
    let most = usize::try_from(MAX_SHORT_BYTES).unwrap_or(usize::MAX);
    let contents = contents.get(..contents.len().min(most)).unwrap_or_default();
    let length = u64::try_from(contents.len()).unwrap_or(MAX_SHORT_BYTES);
    let mut frame = header(kind, length).to_vec();
    frame.extend_from_slice(contents);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_the_way() {
        for kind in KINDS {
            assert_eq!(parse_header(header(kind, 77)), Some((kind, 77)));
        }
        assert_eq!(parse_header([200, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(parse_header([255; HEADER_BYTES]), None);
    }

    #[test]
    fn long_words_are_cut() {
        let frame = whole(Kind::Crashed, &vec![b'x'; 1 << 20]);
        assert_eq!(frame.len(), HEADER_BYTES + (64 << 10));
    }
}
