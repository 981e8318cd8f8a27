//! System tests: the real programs and the pieces between them, each on its own servers.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod cases;
mod compile_once;
// The whole binary is a test; saying so lets the lints know.
#[cfg(test)]
mod database;
mod engines;
mod faults;
mod identity;
mod input_gate;
mod progress;
mod rejections;
mod support;
mod verifying;
mod walls;
