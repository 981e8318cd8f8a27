//! Runs compilers on untrusted input.
//!
//! [`Compilers`] is the front: it finds a release and compiles with it. Each compilation is a process
//! of its own ([`host`], in the binary `compiler-host`), in which solc's own WebAssembly build runs
//! under wasmtime, behind the walls of [`sandbox`]; or it starts a compiler that is a program of its own
//! behind those walls ([`supervisor`]). A release that is missing is fetched and compiled
//! ahead of time by the [`intake`] (the binary `compilers`), again in a process of its own: the one
//! that serves never has a compiler in its memory.
//!
//! What to ask of a compiler, and what its answer means, is not known here.

mod artefacts;
pub mod bare;
mod child;
mod compilers;
pub mod config;
pub mod corpus;
pub mod engine;
mod files_of_release;
mod frame;
pub mod host;
pub mod intake;
mod libraries;
mod native;
mod node;
mod outcome;
mod prepared;
mod preparing;
mod python;
mod ready;
pub mod release;
pub mod sandbox;
mod spawner;
pub mod store;
pub mod supervisor;
mod vyper;
pub mod walls;
mod wasm;

pub use compilers::{Compilers, OpenError};
pub use config::Config;
pub use engine::Engine;
pub use outcome::{Compilation, CompileError, Limits, Outcome};
pub use preparing::Supply;
pub use release::Release;

/// An error and what caused it, in one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}
