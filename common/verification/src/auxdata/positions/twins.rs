//! Blobs of two compiles that tell by their difference where they are.

use std::collections::{BTreeMap, VecDeque};

use super::placed_at;
use crate::auxdata::PlacedAuxdata;
use crate::auxdata::assembly::Blob;

/// A value and what it became when the sources changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair<'a> {
    value: &'a [u8],
    edited: &'a [u8],
}

/// What a place must look like: pairs of one shape are looked up together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    length: usize,
    first_difference: usize,
}

/// Ids that have no place yet, lowest first.
#[derive(Default)]
pub(super) struct Twins<'a> {
    open: BTreeMap<Shape, BTreeMap<Pair<'a>, VecDeque<u32>>>,
}

impl<'a> Twins<'a> {
    /// To be called in the order of ids. Nothing if they don't differ: then no place shows which
    /// bytes they are.
    pub(super) fn add(&mut self, blob: &Blob<'a>, twin: &Blob<'a>) -> Option<()> {
        let pair = Pair {
            value: blob.value,
            edited: twin.value,
        };
        let mut bytes = pair.value.iter().zip(pair.edited);
        let shape = Shape {
            length: pair.value.len(),
            first_difference: bytes.position(|(byte, twin)| byte != twin)?,
        };
        (pair.value.len() == pair.edited.len()).then_some(())?;
        let pairs = self.open.entry(shape).or_default();
        pairs.entry(pair).or_default().push_back(blob.id);
        Some(())
    }

    /// Goes from the start of the code; each place takes the lowest id that is left, each id once.
    pub(super) fn place(
        mut self,
        code: &'a [u8],
        edited: &'a [u8],
        by_id: &mut BTreeMap<u32, PlacedAuxdata>,
    ) {
        let differing = code
            .iter()
            .zip(edited)
            .enumerate()
            .filter(|(_, (byte, twin))| byte != twin);
        for (at, _) in differing {
            by_id.extend(self.take_at(at, code, edited));
        }
    }

    /// The lowest id of those whose first difference is there.
    fn take_at(
        &mut self,
        at: usize,
        code: &'a [u8],
        edited: &'a [u8],
    ) -> Option<(u32, PlacedAuxdata)> {
        let fitting = self.open.iter_mut().filter_map(|(shape, pairs)| {
            let start = at.checked_sub(shape.first_difference)?;
            let end = start.checked_add(shape.length)?;
            let there = Pair {
                value: code.get(start..end)?,
                edited: edited.get(start..end)?,
            };
            let ids = pairs.get_mut(&there)?;
            Some((*ids.front()?, placed_at(start, there.value), ids))
        });
        let (id, placed, ids) = fitting.min_by_key(|(id, _, _)| *id)?;
        ids.pop_front();
        Some((id, placed))
    }
}
