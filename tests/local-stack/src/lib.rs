//! Brings the whole system up on one machine: both services as processes, a stand-in for Cloud Run
//! between them, local identity, a chain.
//!
//! Tests, the demo and the benchmark all stand on [`Stack`]. What it starts dies with it, also when
//! it is killed: see [`children`]. It downloads nothing; `scripts/setup` does.

pub mod anvil;
pub mod cases;
pub mod chaos;
pub mod children;
pub mod client;
pub mod cloud_run;
pub mod config;
pub mod cut;
pub mod deploy;
pub mod faulty_node;
pub mod identity;
pub mod issuer;
mod log_lines;
pub mod population;
pub mod postgres;
pub mod process;
pub mod programs;
pub mod project;
pub mod prometheus;
mod public_api;
pub mod replay_chain;
pub mod run;
pub mod say;
pub mod scheduler;
mod server;
mod settings;
pub mod stack;
pub mod times;
pub mod usage;

pub use stack::{Chains, Databases, Platform, Service, Stack, StackConfig};
