//! Verifications: accepted here, done elsewhere, shown here. One file per endpoint.

mod accept;
pub(crate) mod etherscan;
mod event_text;
pub(crate) mod events;
pub(crate) mod job;
mod job_document;
mod listener;
pub(crate) mod metadata;
mod request;
mod shape;
pub(crate) mod similarity;
pub(crate) mod submit;

pub(crate) use event_text::ProgressDocument;
