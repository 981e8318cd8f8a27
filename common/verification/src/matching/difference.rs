//! Where compiled and on-chain code part, for whoever wants to know why neither side matched.
//!
//! A side that doesn't match stops at the first thing that can't be; here as much as possible is
//! explained first. What the chain may hold in place of the compiler's bytes (libraries, immutables,
//! metadata, constructor arguments) is no difference; what is left is one: where it begins in both
//! codes, how much of it there is, and in what part of the code.
//!
//! It is a hint for a person and never a verdict: codes of other lengths have no one true alignment,
//! and they are compared from both ends towards the middle.

use serde::Serialize;

use crate::auxdata::{AuxdataPositions, ContractAuxdata, immutable_size, last_auxdata};
use crate::chain::OnChainCode;
use crate::compiled_contract::CompiledContract;
use crate::compiler::{Compiler, Language};

use super::constructor_arguments::are_arguments;

mod body;
mod holes;

use body::Body;
use holes::{Filling, Hole};

/// Both sides of a contract that doesn't match; the API's `errorData`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeDifferences {
    pub runtime: CodeDifference,
    /// None if the chain's creation code isn't known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation: Option<CodeDifference>,
}

/// How one compiled code differs from the chain's. All lengths and offsets are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeDifference {
    pub compiled_length: usize,
    pub onchain_length: usize,
    /// None if all that differs is explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<FirstDifference>,
    /// Exact for codes of one length; otherwise all that lies between the two equal ends.
    pub differing_bytes: usize,
    /// How many bytes at the end of the compiled code fit.
    pub equal_tail_bytes: usize,
}

/// The first byte that nothing explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstDifference {
    pub compiled_offset: usize,
    pub onchain_offset: usize,
    pub part: CodePart,
}

/// What lies at a place of the compiled code, in the words of the transformations' reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CodePart {
    /// Instructions and constants: other sources, settings or another release.
    Code,
    CborAuxdata,
    Immutable,
    Library,
    CallProtection,
    ConstructorArguments,
}

/// Looks at both sides, whatever the verdict says.
#[must_use]
pub(super) fn find_differences(
    contract: &CompiledContract,
    auxdata: &ContractAuxdata,
    on_chain: &OnChainCode,
) -> CodeDifferences {
    CodeDifferences {
        runtime: runtime(contract, auxdata, &on_chain.runtime),
        creation: on_chain
            .creation
            .as_deref()
            .map(|code| creation(contract, &auxdata.creation, code, &on_chain.runtime)),
    }
}

fn runtime(
    contract: &CompiledContract,
    auxdata: &ContractAuxdata,
    on_chain: &[u8],
) -> CodeDifference {
    let compiled = contract.runtime.bytes();
    let compiler = contract.language.compiler();
    let own_length = match (compiler, immutable_size(&auxdata.creation)) {
        (Compiler::Vyper, Some(size))
            if compiled.len().checked_add(size) == Some(on_chain.len()) =>
        {
            compiled.len()
        }
        _ => on_chain.len(),
    };
    Side {
        language: contract.language,
        compiled,
        on_chain,
        own_length,
        auxdata: &auxdata.runtime,
        holes: holes::of_runtime(contract, &auxdata.runtime),
        rest_is_explained: true,
        beyond: match compiler {
            Compiler::Solc => CodePart::Code,
            Compiler::Vyper => CodePart::Immutable,
        },
    }
    .difference()
}

fn creation(
    contract: &CompiledContract,
    auxdata: &AuxdataPositions,
    on_chain: &[u8],
    runtime: &[u8],
) -> CodeDifference {
    let holes = holes::of_creation(contract, auxdata);
    let own_length = length_without_arguments(contract, &holes, on_chain, runtime);
    let arguments = on_chain.get(own_length..).unwrap_or_default();
    Side {
        language: contract.language,
        compiled: contract.creation.bytes(),
        on_chain,
        own_length,
        auxdata,
        holes,
        rest_is_explained: are_arguments(contract, arguments),
        beyond: CodePart::ConstructorArguments,
    }
    .difference()
}

/// Where the arguments begin: after the whole of our code; else, since that code isn't ours, after
/// the metadata with which the chain's runtime code ends too; else where they would be arguments.
fn length_without_arguments(
    contract: &CompiledContract,
    holes: &[Hole<'_>],
    on_chain: &[u8],
    runtime: &[u8],
) -> usize {
    let compiled = contract.creation.bytes();
    let begins_with_ours = on_chain.get(..compiled.len()).is_some_and(|beginning| {
        let body = Body {
            compiled,
            on_chain: beginning,
            holes,
        };
        body.compare().is_none()
    });
    let rest = on_chain.get(compiled.len()..);
    if begins_with_ours {
        return compiled.len();
    }
    if let Some(end) = last_auxdata(runtime).and_then(|blob| end_of_last(blob, on_chain)) {
        return end;
    }
    match rest.is_some_and(|rest| are_arguments(contract, rest)) {
        true => compiled.len(),
        false => on_chain.len(),
    }
}

fn end_of_last(blob: &[u8], code: &[u8]) -> Option<usize> {
    let start = code
        .windows(blob.len().max(1))
        .rposition(|window| window == blob)?;
    start.checked_add(blob.len())
}

/// One compiled code beside the chain's.
struct Side<'a> {
    language: Language,
    compiled: &'a [u8],
    on_chain: &'a [u8],
    /// Of the chain's code, without what a deployment appends.
    own_length: usize,
    auxdata: &'a AuxdataPositions,
    holes: Vec<Hole<'a>>,
    /// Whether what is appended is what may be.
    rest_is_explained: bool,
    /// What would follow the compiled code.
    beyond: CodePart,
}

impl Side<'_> {
    fn difference(mut self) -> CodeDifference {
        let own = self.on_chain.get(..self.own_length).unwrap_or_default();
        let (compiled_end, onchain_end) = self.ends_of_bodies(own);
        // A match is refused for it, whatever the chain has there, and so it is told if nothing else is.
        let mut foreign = self.holes.iter().copied();
        let foreign = foreign.find(|hole| hole.filling == Filling::Nothing);
        self.holes.retain(|hole| hole.end() <= compiled_end);
        let body = Body {
            compiled: self.compiled.get(..compiled_end).unwrap_or_default(),
            on_chain: own.get(..onchain_end).unwrap_or_default(),
            holes: &self.holes,
        };
        let metadata_length = self.compiled.len().saturating_sub(compiled_end);
        if let Some(found) = body.compare() {
            let tail = found.tail.saturating_add(metadata_length);
            let part = self.part_at(found.compiled);
            return self.told(found.compiled, found.on_chain, part, found.count, tail);
        }
        let ours = self.compiled.get(compiled_end..).unwrap_or_default();
        let theirs = own.get(onchain_end..).unwrap_or_default();
        let may_differ = *self.auxdata != AuxdataPositions::Unknown && ours.len() == theirs.len();
        if ours != theirs && !may_differ {
            let count = ours.len().max(theirs.len());
            return self.told(compiled_end, onchain_end, CodePart::CborAuxdata, count, 0);
        }
        let rest = self.on_chain.len().saturating_sub(self.own_length);
        if rest > 0 && !self.rest_is_explained {
            return self.told(self.compiled.len(), self.own_length, self.beyond, rest, 0);
        }
        if let Some(foreign) = foreign {
            // The reference may lie behind the code.
            let start = foreign
                .range
                .start
                .min(self.compiled.len().saturating_sub(1));
            let rest = self.compiled.len().saturating_sub(start);
            let count = foreign.range.length.clamp(1, rest.max(1));
            let onchain_start = start.min(self.on_chain.len());
            let tail = rest.saturating_sub(count);
            return self.told(start, onchain_start, foreign.part, count, tail);
        }
        CodeDifference {
            compiled_length: self.compiled.len(),
            onchain_length: self.on_chain.len(),
            first_difference: None,
            differing_bytes: 0,
            equal_tail_bytes: self.compiled.len(),
        }
    }

    /// Where the metadata begins that solc writes at the end, if both codes have it: it may differ,
    /// in its length too, and what lies before it is then still compared from both ends.
    fn ends_of_bodies(&self, own: &[u8]) -> (usize, usize) {
        let whole = (self.compiled.len(), own.len());
        if self.language != Language::Solidity {
            return whole;
        }
        let (Some(ours), Some(theirs)) = (last_auxdata(self.compiled), last_auxdata(own)) else {
            return whole;
        };
        let start = self.compiled.len().saturating_sub(ours.len());
        let is_metadata = match self.auxdata {
            AuxdataPositions::Unknown => true,
            AuxdataPositions::Known(placed) => placed
                .values()
                .any(|blob| blob.offset == start && blob.value == ours),
        };
        match is_metadata {
            true => (start, own.len().saturating_sub(theirs.len())),
            false => whole,
        }
    }

    fn part_at(&self, compiled_offset: usize) -> CodePart {
        if compiled_offset >= self.compiled.len() {
            return self.beyond;
        }
        let hole = self.holes.iter().find(|hole| hole.holds(compiled_offset));
        hole.map_or(CodePart::Code, |hole| hole.part)
    }

    fn told(
        &self,
        compiled_offset: usize,
        onchain_offset: usize,
        part: CodePart,
        differing_bytes: usize,
        equal_tail_bytes: usize,
    ) -> CodeDifference {
        CodeDifference {
            compiled_length: self.compiled.len(),
            onchain_length: self.on_chain.len(),
            first_difference: Some(FirstDifference {
                compiled_offset,
                onchain_offset,
                part,
            }),
            differing_bytes,
            equal_tail_bytes,
        }
    }
}
