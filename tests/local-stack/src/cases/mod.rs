//! Verifications as data: what lies on a chain, what a user submits, what must come of it.
//!
//! A [`Case`] is a file, described in `docs/cases.md`. Its contract is held by a
//! [`ReplayChain`](crate::replay_chain::ReplayChain); a [`Runner`] submits it through the public API
//! and compares. Which releases exist is the stack's affair: a case whose release is not available
//! was not run, and that is said.

mod case;
mod expected;
mod report;
mod runner;

pub use case::{Case, CaseError};
pub use expected::Expected;
pub use report::Report;
pub use runner::{Outcome, Runner, Verdict};
pub(crate) use runner::{QUERY, compare};
