//! Two codes beside each other, from both ends.

use std::collections::BTreeMap;

use super::CodePart;
use super::holes::{Filling, Hole};
use crate::auxdata::is_cbor;
use crate::compiled_code::ByteRange;

pub(super) struct Body<'a> {
    pub(super) compiled: &'a [u8],
    pub(super) on_chain: &'a [u8],
    /// In the order of their places.
    pub(super) holes: &'a [Hole<'a>],
}

/// What nothing explains.
pub(super) struct Found {
    /// Where it begins.
    pub(super) compiled: usize,
    pub(super) on_chain: usize,
    pub(super) count: usize,
    /// The equal bytes after it.
    pub(super) tail: usize,
}

/// From which end a byte of one code finds its neighbour in the other.
#[derive(Clone, Copy)]
enum Alignment {
    Front,
    Back,
}

impl<'a> Body<'a> {
    /// Nothing if every difference is explained.
    pub(super) fn compare(&self) -> Option<Found> {
        if self.compiled.len() == self.on_chain.len() {
            return self.compare_bytes();
        }
        let shorter = self.compiled.len().min(self.on_chain.len());
        let head = equal_bytes(&self.filled(Alignment::Front), self.on_chain);
        let tail = equal_bytes_at_the_end(&self.filled(Alignment::Back), self.on_chain);
        // A repeated piece fits from both ends, and is counted once.
        let tail = tail.min(shorter.saturating_sub(head));
        let longer = self.compiled.len().max(self.on_chain.len());
        Some(Found {
            compiled: head,
            on_chain: head,
            count: longer.saturating_sub(head).saturating_sub(tail),
            tail,
        })
    }

    fn compare_bytes(&self) -> Option<Found> {
        let filled = self.filled(Alignment::Front);
        let pairs = filled.iter().zip(self.on_chain);
        let count = pairs.filter(|(ours, theirs)| ours != theirs).count();
        let head = equal_bytes(&filled, self.on_chain);
        (count > 0).then(|| Found {
            compiled: head,
            on_chain: head,
            count,
            tail: equal_bytes_at_the_end(&filled, self.on_chain),
        })
    }

    /// Our code with the chain's bytes where they may stand. A name has the value of the place that
    /// lies next to the end from which we look.
    fn filled(&self, alignment: Alignment) -> Vec<u8> {
        let mut holes: Vec<&Hole<'a>> = self.holes.iter().collect();
        if let Alignment::Back = alignment {
            holes.reverse();
        }
        let mut code = self.compiled.to_vec();
        let mut values: BTreeMap<(CodePart, &str), &[u8]> = BTreeMap::new();
        for hole in holes {
            let Some(bytes) = self.neighbour(hole.range, alignment) else {
                continue;
            };
            let value = match hole.filling {
                Filling::Named(name) => *values.entry((hole.part, name)).or_insert(bytes),
                Filling::Any => bytes,
                Filling::Cbor if is_cbor(bytes) => bytes,
                Filling::Cbor | Filling::Nothing => continue,
            };
            match hole.range.of_mut(&mut code) {
                Some(gap) if gap.len() == value.len() => gap.copy_from_slice(value),
                // Places of one name with other lengths: no compiler says so.
                _ => {}
            }
        }
        code
    }

    /// The chain's bytes at this place of our code.
    fn neighbour(&self, place: ByteRange, alignment: Alignment) -> Option<&'a [u8]> {
        let start = match alignment {
            Alignment::Front => place.start,
            Alignment::Back => {
                let from_the_end = self.compiled.len().checked_sub(place.start)?;
                self.on_chain.len().checked_sub(from_the_end)?
            }
        };
        ByteRange { start, ..place }.of(self.on_chain)
    }
}

fn equal_bytes(ours: &[u8], theirs: &[u8]) -> usize {
    let pairs = ours.iter().zip(theirs);
    pairs.take_while(|(ours, theirs)| ours == theirs).count()
}

fn equal_bytes_at_the_end(ours: &[u8], theirs: &[u8]) -> usize {
    let pairs = ours.iter().rev().zip(theirs.iter().rev());
    pairs.take_while(|(ours, theirs)| ours == theirs).count()
}
