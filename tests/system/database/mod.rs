//! The database keeps its promises: to the schema, to workers, to whoever waits.
//!
//! Each test has a database of its own, with every migration applied.

mod accept;
mod constraints;
mod contracts;
mod deadlocks;
mod documents;
mod encrypted;
mod ends;
mod events;
mod faults;
mod launcher;
mod leases;
mod lost;
mod outputs;
mod plans;
mod proxies;
mod rights;
mod runbook;
mod schema;
mod similar;
mod statements;
mod store;
mod story;
mod sweep;
mod turns;
