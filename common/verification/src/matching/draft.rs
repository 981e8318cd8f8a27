//! A copy of the recompiled code that is being filled, and the account of it.

use crate::compiled_code::ByteRange;
use crate::transformation::{Transformation, TransformationValues};
use crate::verdict::{CodeMatch, MatchStatus};

pub(super) struct Draft {
    pub(super) code: Vec<u8>,
    pub(super) transformations: Vec<Transformation>,
    pub(super) values: TransformationValues,
}

impl Draft {
    pub(super) fn of(recompiled: &[u8]) -> Self {
        Self {
            code: recompiled.to_vec(),
            transformations: Vec::new(),
            values: TransformationValues::default(),
        }
    }

    /// Takes the chain's bytes at a place that both codes have.
    pub(super) fn fill<'a>(&mut self, place: ByteRange, on_chain: &'a [u8]) -> Option<&'a [u8]> {
        let bytes = place.of(on_chain)?;
        place.of_mut(&mut self.code)?.copy_from_slice(bytes);
        Some(bytes)
    }

    pub(super) fn into_match(self, status: MatchStatus) -> CodeMatch {
        CodeMatch {
            status,
            transformations: self.transformations,
            values: self.values,
        }
    }
}
