//! What a verdict *is*: the ground floor of the house.
//!
//! This package can do no I/O, reads no clock and cannot panic on any input: no indexing, no
//! unchecked arithmetic. Whatever a compiler prints or a chain holds, the answer is a value.
//!
//! A verification reads from top to bottom: a [`std_json::StdJsonInput`] is written for the
//! compiler, [`compiler_output`] reads the answer into a [`compiled_contract::CompiledContract`],
//! [`variation::find_perfect_variation`] tells whether a variation of the input would fit the chain better,
//! [`auxdata::find_auxdata`] says where the metadata lies in its code, and
//! [`matching::match_contract`] compares that code with the chain's.

#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod abi;
pub mod auxdata;
pub mod chain;
pub mod compilation_target;
pub mod compiled_code;
pub mod compiled_contract;
pub mod compiler;
pub mod compiler_output;
pub mod explorer;
pub mod failure;
pub mod job;
pub mod matching;
pub mod metadata;
pub mod signatures;
pub mod std_json;
pub mod stored;
pub mod transformation;
pub mod variation;
pub mod verdict;
