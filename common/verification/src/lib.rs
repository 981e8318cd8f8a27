//! What a verdict *is*: the ground floor of the house.
//!
//! This package can do no I/O, reads no clock and cannot panic on any input: no indexing, no
//! unchecked arithmetic. Whatever a compiler prints or a chain holds, the answer is a value.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod chain;
pub mod compiler;
