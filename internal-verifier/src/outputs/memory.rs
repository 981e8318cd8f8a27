//! The outputs that this process saw last, packed, up to a number of bytes.

use std::sync::Arc;

use lru::LruCache;

use super::key::Key;

/// An LZ4 block with its length before it: a fraction of the output, and quickly read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed(Arc<[u8]>);

impl Packed {
    pub(super) fn new(output: &[u8]) -> Self {
        Self(lz4_flex::compress_prepend_size(output).into())
    }

    /// As it was stored; whether it can be read is seen when it is unpacked.
    pub(super) fn stored(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// `None` if it is damaged, or longer than is taken from a compiler.
    pub(super) fn unpack(&self, limit_bytes: u64) -> Option<Vec<u8>> {
        let (length, _) = lz4_flex::block::uncompressed_size(&self.0).ok()?;
        if u64::try_from(length).ok()? > limit_bytes {
            return None;
        }
        lz4_flex::decompress_size_prepended(&self.0).ok()
    }
}

#[derive(Debug)]
pub(super) struct Memory {
    limit_bytes: usize,
    used_bytes: usize,
    outputs: LruCache<Key, Packed>,
}

impl Memory {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            used_bytes: 0,
            outputs: LruCache::unbounded(),
        }
    }

    pub(super) fn find(&mut self, key: Key) -> Option<Packed> {
        self.outputs.get(&key).cloned()
    }

    /// One output may take a quarter of all room at most: a giant must not drive out everything else.
    pub(super) fn keep(&mut self, key: Key, packed: Packed) {
        let bytes = packed.0.len();
        if bytes > self.limit_bytes / 4 {
            return;
        }
        self.used_bytes = self.used_bytes.saturating_add(bytes);
        if let Some((_, replaced)) = self.outputs.push(key, packed) {
            self.used_bytes = self.used_bytes.saturating_sub(replaced.0.len());
        }
        while self.used_bytes > self.limit_bytes {
            let Some((_, oldest)) = self.outputs.pop_lru() else {
                return;
            };
            self.used_bytes = self.used_bytes.saturating_sub(oldest.0.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        Key::of("test", &[number])
    }

    #[test]
    fn what_was_kept_comes_back() {
        let output = br#"{"contracts":{}}"#.repeat(100);
        let packed = Packed::new(&output);
        assert!(packed.as_bytes().len() < output.len() / 4);
        assert_eq!(packed.unpack(u64::MAX), Some(output));
    }

    #[test]
    fn what_is_damaged_or_too_long_is_nothing() {
        let packed = Packed::new(&[b'x'; 1000]);
        assert_eq!(packed.unpack(999), None);
        let (_, cut) = packed.as_bytes().split_last().unwrap();
        assert_eq!(Packed::stored(cut.to_vec()).unpack(u64::MAX), None);
        assert_eq!(Packed::stored(vec![255; 8]).unpack(u64::MAX), None);
        assert_eq!(Packed::stored(Vec::new()).unpack(u64::MAX), None);
    }

    #[test]
    fn the_oldest_goes_first_and_the_room_is_never_exceeded() {
        let mut memory = Memory::new(100);
        for number in 0..4 {
            memory.keep(key(number), Packed::stored(vec![number; 25]));
        }
        assert!(memory.find(key(0)).is_some());
        memory.keep(key(4), Packed::stored(vec![4; 25]));
        assert!(
            memory.find(key(1)).is_none(),
            "the one not asked for longest"
        );
        assert!(memory.find(key(0)).is_some());
        memory.keep(key(4), Packed::stored(vec![4; 10]));
        assert_eq!(memory.used_bytes, 85);
        memory.keep(key(5), Packed::stored(vec![5; 26]));
        assert!(memory.find(key(5)).is_none(), "more than a quarter");
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let mut memory = Memory::new(0);
        memory.keep(key(1), Packed::new(b"{}"));
        assert!(memory.find(key(1)).is_none());
    }
}
