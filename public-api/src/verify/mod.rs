//! Verifications: accepted here, done elsewhere, shown here. One file per endpoint.

mod job;
mod job_document;
mod request;
mod submit;

pub(crate) use job::get_job;
pub(crate) use submit::std_json;
