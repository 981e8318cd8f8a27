//! What follows the creation code: the constructor's arguments, or the match is none.

use crate::abi::{constructor_inputs, is_canonical_encoding};
use crate::compiled_contract::CompiledContract;
use crate::transformation::Transformation;

use super::Draft;

/// All bytes must be the encoding of the constructor's inputs, exactly as encoding them again
/// would give it. Anything less strict would let any code pass whose beginning is ours.
pub(super) fn append(
    draft: &mut Draft,
    contract: &CompiledContract,
    arguments: &[u8],
) -> Option<()> {
    if arguments.is_empty() {
        return Some(());
    }
    let inputs = constructor_inputs(contract.abi.as_ref()?)?;
    is_canonical_encoding(&inputs, arguments).then_some(())?;
    draft
        .transformations
        .push(Transformation::ConstructorArguments {
            // The recompiled code's length, which metadata of another length may have changed.
            offset: contract.creation.bytes().len(),
        });
    draft.values.constructor_arguments = Some(arguments.to_vec());
    Some(())
}
