//! System tests: the real programs and the pieces between them, each on its own servers.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod api_docs;
mod cases;
mod chaos;
mod compile_once;
// The whole binary is a test; saying so lets the lints know.
#[cfg(test)]
mod database;
mod deployment;
mod engines;
mod faults;
mod identity;
mod imports;
mod input_gate;
mod instances;
mod lookups;
mod pages;
mod progress;
mod rejections;
mod schemathesis;
mod settings;
mod store;
mod support;
mod telemetry;
mod verifying;
mod walls;
