//! The wire: documents of the HTTP API v2 and of the call between the services.

pub mod contract;
pub mod internal;
pub mod problem;
pub mod time;
