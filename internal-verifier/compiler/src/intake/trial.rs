//! Runs code that was just made, before anybody else may: it must say its version, and it must find an
//! error in a source, which takes C++ exceptions through all we replaced.

use std::convert::Infallible;
use std::fmt::Display;
use std::fs::File;
use std::path::Path;

use super::IntakeError;
use crate::wasm::engine::THREAD_STACK_BYTES;
use crate::wasm::machine::{End, Machine, NoInstance};

const FAULTY: &[u8] =
    br#"{"language":"Solidity","sources":{"a.sol":{"content":"contract A { function f( }"}}}"#;
const MEMORY_BYTES: u64 = 512 << 20;
const OUTPUT_BYTES: usize = 1 << 20;

/// Gives what the compiler says it is.
pub(super) fn try_out(code: &Path) -> Result<String, IntakeError> {
    let file = File::open(code).map_err(|source| IntakeError::Write(code.to_owned(), source))?;
    // Guest code needs a large stack.
    std::thread::scope(|scope| {
        let trial = std::thread::Builder::new()
            .stack_size(THREAD_STACK_BYTES)
            .spawn_scoped(scope, || run(file))
            .map_err(|error| broken(&error))?;
        trial
            .join()
            .unwrap_or_else(|_| Err(broken(&"trying it out panicked")))
    })
}

fn broken(why: &dyn Display) -> IntakeError {
    IntakeError::Broken(format!("{why:#}"))
}

fn run(file: File) -> Result<String, IntakeError> {
    #[expect(unsafe_code, reason = "machine code is loaded")]
    // SAFETY: our caller compiled it a moment ago and wrote it under a name of its own.
    let machine = unsafe { Machine::load(file) }.map_err(|error| broken(&error))?;
    let mut instance = machine
        .instantiate(MEMORY_BYTES)
        .map_err(|error| match error {
            NoInstance::OutOfMemory => broken(&"it needs more than 512 MiB to start"),
            NoInstance::Fault(error) => broken(&error),
        })?;
    let says = instance.version().map_err(|error| broken(&error))?;
    let Ok(end) = instance.compile(FAULTY.len(), OUTPUT_BYTES, |place| {
        place.copy_from_slice(FAULTY);
        Ok::<(), Infallible>(())
    });
    let End::Output(json) = end else {
        return Err(broken(&format!("{end:?}")));
    };
    let answer: serde_json::Value = serde_json::from_slice(json).map_err(|error| broken(&error))?;
    match answer.get("errors").and_then(|errors| errors.get(0)) {
        Some(_) => Ok(says),
        None => Err(broken(&"it finds no error where there is one")),
    }
}
