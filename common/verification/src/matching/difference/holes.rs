//! The places of a compiled code where the chain may hold other bytes.

use super::CodePart;
use crate::auxdata::AuxdataPositions;
use crate::compiled_code::{ByteRange, LibraryPlace, Placeholder};
use crate::compiled_contract::CompiledContract;
use crate::compiler::{Compiler, Language};
use crate::matching::call_protection;

/// One place, and what may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole<'a> {
    pub(super) range: ByteRange,
    pub(super) part: CodePart,
    pub(super) filling: Filling<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filling<'a> {
    /// The same wherever this name stands.
    Named(&'a str),
    /// Anything of that length.
    Any,
    /// Metadata, whatever it says.
    Cbor,
    /// It isn't known what belongs here.
    Nothing,
}

impl Hole<'_> {
    pub(super) fn end(&self) -> usize {
        self.range.start.saturating_add(self.range.length)
    }

    pub(super) fn holds(&self, offset: usize) -> bool {
        (self.range.start..self.end()).contains(&offset)
    }
}

pub(super) fn of_creation<'a>(
    contract: &'a CompiledContract,
    auxdata: &AuxdataPositions,
) -> Vec<Hole<'a>> {
    let mut holes = libraries(contract.creation.libraries());
    holes.extend(metadata(auxdata));
    in_order(holes)
}

pub(super) fn of_runtime<'a>(
    contract: &'a CompiledContract,
    auxdata: &AuxdataPositions,
) -> Vec<Hole<'a>> {
    let mut holes = libraries(contract.runtime.libraries());
    holes.extend(metadata(auxdata));
    if contract.language == Language::Solidity
        && let Some(range) = call_protection::open_address(contract.runtime.bytes())
    {
        holes.push(Hole {
            range,
            part: CodePart::CallProtection,
            filling: Filling::Any,
        });
    }
    if contract.language.compiler() == Compiler::Solc {
        let references = contract.runtime.immutable_references();
        for (id, places) in references.into_iter().flatten() {
            holes.extend(places.iter().map(|range| Hole {
                range: *range,
                part: CodePart::Immutable,
                filling: Filling::Named(id),
            }));
        }
    }
    in_order(holes)
}

fn libraries(places: &[LibraryPlace]) -> Vec<Hole<'_>> {
    places
        .iter()
        .map(|place| Hole {
            range: place.range,
            part: CodePart::Library,
            filling: match place.placeholder {
                Placeholder::OfLibrary => Filling::Named(&place.library),
                Placeholder::Foreign => Filling::Nothing,
            },
        })
        .collect()
}

fn metadata<'a>(auxdata: &AuxdataPositions) -> Vec<Hole<'a>> {
    let AuxdataPositions::Known(placed) = auxdata else {
        return Vec::new();
    };
    placed
        .values()
        .map(|blob| Hole {
            range: ByteRange {
                start: blob.offset,
                length: blob.value.len(),
            },
            part: CodePart::CborAuxdata,
            filling: Filling::Cbor,
        })
        .collect()
}

fn in_order(mut holes: Vec<Hole<'_>>) -> Vec<Hole<'_>> {
    holes.sort_by_key(|hole| hole.range.start);
    holes
}
