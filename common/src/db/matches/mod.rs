//! Storing a match: the one function that writes results.
//!
//! One transaction holds all of it, from the codes to the end of the job, and only under the live
//! lease: a worker that lost its lease leaves nothing behind. Rows that contracts share (codes,
//! sources, signatures, compilations) are inserted once; they are sorted by key before, because two
//! transactions that insert the same rows in different order would lock each other out.
//!
//! Looking at what is stored belongs to `db::contracts`.

mod codes;
mod compilation;
mod deployment;
mod new_match;
mod store;

pub use new_match::{
    CreationTransaction, NewCompilation, NewDeployment, NewMatch, NewSourceFiles, SideMatch,
};
pub use store::{StoreOutcome, StoredMatch, store_match};
