//! Verifications: accepted here, done elsewhere, shown here. One file per endpoint.

pub(crate) mod job;
mod job_document;
mod request;
pub(crate) mod submit;
