//! Whether recompiled code is the chain's code.
//!
//! Each side works on a copy of the recompiled code and fills its holes with the chain's bytes:
//! only where the compiler says there is a hole, and only with what may stand there. If the copy
//! then equals the chain's code, the side matches, and the list of what was filled is the proof.
//! A side that doesn't match is no failure; only when neither does, there is one.

use crate::auxdata::{
    AuxdataPositions, ContractAuxdata, ends_with_metadata_hash, holds_hash, last_auxdata,
};
use crate::chain::OnChainCode;
use crate::compiled_contract::CompiledContract;
use crate::compiler::{Compiler, Language};
use crate::failure::VerificationFailure;
use crate::verdict::{CodeMatch, MatchStatus, VerifiedMatch};

mod auxdata;
mod call_protection;
mod constructor_arguments;
mod difference;
mod draft;
mod immutables;
mod libraries;

use difference::find_differences;
pub use difference::{CodeDifference, CodeDifferences, CodePart, FirstDifference};
use draft::Draft;

/// Both sides, and the failure when neither matches.
pub fn match_contract(
    contract: &CompiledContract,
    auxdata: &ContractAuxdata,
    on_chain: &OnChainCode,
) -> Result<VerifiedMatch, VerificationFailure> {
    if contract.creation.bytes().is_empty() || contract.runtime.bytes().is_empty() {
        // Nothing is a prefix of everything.
        return Err(VerificationFailure::CompiledBytecodeIsZero);
    }
    let differences = || find_differences(contract, auxdata, on_chain).into();
    if let Some(failure) = other_length(contract, &on_chain.runtime) {
        return Err(failure(differences()));
    }
    let runtime = match_runtime(contract, auxdata, &on_chain.runtime);
    let creation = on_chain
        .creation
        .as_deref()
        .and_then(|code| match_creation(contract, &auxdata.creation, code));
    VerifiedMatch::from_sides(creation, runtime)
        .ok_or_else(|| VerificationFailure::NoMatch(differences()))
}

/// Whether both codes end with the same metadata.
///
/// If the contract doesn't match nevertheless, the same metadata gave other code: files that it does not name were there when it was compiled (sourcify #618).
#[must_use]
pub fn has_same_metadata(contract: &CompiledContract, on_chain_runtime: &[u8]) -> bool {
    let metadata = last_auxdata(contract.runtime.bytes());
    metadata.is_some() && metadata == last_auxdata(on_chain_runtime)
}

/// Codes of other lengths can't match, but for metadata that the chain lacks.
fn other_length(
    contract: &CompiledContract,
    on_chain: &[u8],
) -> Option<fn(Box<CodeDifferences>) -> VerificationFailure> {
    let ours = contract.runtime.bytes();
    match contract.language {
        Language::Vyper if ours.len() > on_chain.len() => {
            Some(VerificationFailure::BytecodeLengthMismatch)
        }
        Language::Solidity if ours.len() != on_chain.len() => {
            if contract.optimizer_enabled && has_same_metadata(contract, on_chain) {
                Some(VerificationFailure::ExtraFileInputBug)
            } else if ends_with_metadata_hash(on_chain) {
                Some(VerificationFailure::BytecodeLengthMismatch)
            } else {
                None
            }
        }
        Language::Solidity | Language::Yul | Language::Vyper => None,
    }
}

/// The code that stays on the chain must be the recompiled code, holes filled.
fn match_runtime(
    contract: &CompiledContract,
    auxdata: &ContractAuxdata,
    on_chain: &[u8],
) -> Option<CodeMatch> {
    let mut draft = Draft::of(contract.runtime.bytes());
    if contract.language == Language::Solidity {
        call_protection::fill(&mut draft, on_chain);
    }
    match contract.language.compiler() {
        Compiler::Solc => {
            immutables::fill(
                &mut draft,
                contract.runtime.immutable_references(),
                on_chain,
            )?;
        }
        Compiler::Vyper => immutables::append(&mut draft, &auxdata.creation, on_chain)?,
    }
    libraries::fill(&mut draft, contract.runtime.libraries(), on_chain)?;
    let status = if draft.code == on_chain {
        status_of_equal(&auxdata.runtime)
    } else {
        auxdata::replace(&mut draft, &auxdata.runtime, on_chain)?;
        (draft.code == on_chain).then_some(MatchStatus::Match)?
    };
    Some(draft.into_match(status))
}

/// The code that made the contract must begin with the recompiled code, holes filled, and go on
/// with nothing but constructor arguments.
fn match_creation(
    contract: &CompiledContract,
    auxdata: &AuxdataPositions,
    on_chain: &[u8],
) -> Option<CodeMatch> {
    let mut draft = Draft::of(contract.creation.bytes());
    libraries::fill(&mut draft, contract.creation.libraries(), on_chain)?;
    let status = if on_chain.starts_with(&draft.code) {
        status_of_equal_creation(contract, auxdata)
    } else {
        auxdata::replace(&mut draft, auxdata, on_chain)?;
        on_chain
            .starts_with(&draft.code)
            .then_some(MatchStatus::Match)?
    };
    let arguments = on_chain.get(draft.code.len()..)?;
    constructor_arguments::append(&mut draft, contract, arguments)?;
    Some(draft.into_match(status))
}

/// Equal codes match exactly if every blob in them holds a hash of what they were made from.
fn status_of_equal(auxdata: &AuxdataPositions) -> MatchStatus {
    match auxdata {
        AuxdataPositions::Known(placed)
            if !placed.is_empty() && placed.values().all(|blob| holds_hash(&blob.value)) =>
        {
            MatchStatus::ExactMatch
        }
        AuxdataPositions::Known(_) | AuxdataPositions::Unknown => MatchStatus::Match,
    }
}

/// A constructor may return code that isn't the contract's: then the creation code doesn't hold the
/// contract's metadata, and that of a contract embedded in it proves nothing of this one.
fn status_of_equal_creation(
    contract: &CompiledContract,
    auxdata: &AuxdataPositions,
) -> MatchStatus {
    match (contract.language.compiler(), auxdata) {
        (Compiler::Solc, AuxdataPositions::Known(placed)) => {
            let own = last_auxdata(contract.runtime.bytes());
            match placed
                .values()
                .any(|blob| Some(blob.value.as_slice()) == own)
            {
                true => status_of_equal(auxdata),
                false => MatchStatus::Match,
            }
        }
        _ => status_of_equal(auxdata),
    }
}
