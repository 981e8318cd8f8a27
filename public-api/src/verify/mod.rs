//! Verifications: accepted here, done elsewhere, shown here. One file per endpoint.

mod accept;
pub(crate) mod etherscan;
pub(crate) mod job;
mod job_document;
pub(crate) mod metadata;
mod request;
mod shape;
pub(crate) mod similarity;
pub(crate) mod submit;
