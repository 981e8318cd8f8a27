//! What follows the creation code: the constructor's arguments, or the match is none.

use crate::abi::{constructor_inputs, is_canonical_encoding};
use crate::compiled_contract::CompiledContract;
use crate::transformation::Transformation;

use super::Draft;

/// All bytes must be the encoding of the constructor's inputs, exactly as encoding them again
/// would give it. Anything less strict would let any code pass whose beginning is ours.
pub(super) fn are_arguments(contract: &CompiledContract, bytes: &[u8]) -> bool {
    let inputs = || constructor_inputs(contract.abi.as_ref()?);
    bytes.is_empty() || inputs().is_some_and(|inputs| is_canonical_encoding(&inputs, bytes))
}

pub(super) fn append(
    draft: &mut Draft,
    contract: &CompiledContract,
    arguments: &[u8],
) -> Option<()> {
    are_arguments(contract, arguments).then_some(())?;
    if arguments.is_empty() {
        return Some(());
    }
    draft
        .transformations
        .push(Transformation::ConstructorArguments {
            // The recompiled code's length, which metadata of another length may have changed.
            offset: contract.creation.bytes().len(),
        });
    draft.values.constructor_arguments = Some(arguments.to_vec());
    Some(())
}
