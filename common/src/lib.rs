//! I/O that both services share.
//!
//! What a verdict is lives below, in `verification`; what a service does with it lives above. A
//! module here uses only the rows below its own (`tests/tidy.rs` keeps the table).

pub mod api;
pub mod auth;
pub mod chains;
pub mod config;
pub mod db;
pub mod http_client;
pub mod lookup;
pub mod report;
pub mod signals;
pub mod telemetry;
pub mod version;
