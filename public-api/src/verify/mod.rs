//! Verifications: accepted here, done elsewhere, shown here. One file per endpoint.

mod event_text;
mod events;
mod job;
mod job_document;
mod listener;
mod request;
mod submit;

pub(crate) use events::get_events;
pub(crate) use job::get_job;
pub(crate) use submit::std_json;
