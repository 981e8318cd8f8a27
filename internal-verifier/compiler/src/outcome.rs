//! What is asked of a compilation, and how it can end.
//!
//! An [`Outcome`] is an answer about the input: the same input gives it again. A [`CompileError`] is a
//! fault of ours: nothing was learned about the input, and the caller may try again.

use std::path::PathBuf;
use std::time::Duration;

use crate::release::Release;
use crate::sandbox::Level;

/// What one compilation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall time from the moment the compiler has its input.
    pub time: Duration,
    /// The guest's memory; every soljson stops at 2 GiB by itself.
    pub memory_bytes: u64,
    /// The longest answer taken.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(120),
            memory_bytes: 2 << 30,
            output_bytes: 64 << 20,
        }
    }
}

/// One finished compilation and what it took.
#[derive(Debug, Clone)]
pub struct Compilation {
    pub outcome: Outcome,
    /// Waited until the release was fetched, compiled ahead of time and checked; zero when it was.
    pub prepare: Duration,
    /// From the start of the child process until it was locked in and ready for its input.
    pub start: Duration,
    /// From then on until the whole answer was here.
    pub compile: Duration,
    /// Processor time of the child, its start included; zero if it died.
    pub cpu: Duration,
    /// Most resident memory of the child; zero if it died.
    pub peak_memory_bytes: u64,
    /// What held the child.
    pub sandbox: Level,
}

/// How a compilation ended. Errors in the source are inside an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Standard JSON, as the compiler wrote it.
    Output(Vec<u8>),
    TimedOut,
    OutOfMemory,
    OutputTooLong {
        limit_bytes: u64,
    },
    /// The compiler trapped, aborted, or took its process with it; with what is known.
    Crashed(String),
}

/// Whether a signal that ends a process is somebody else's wish: a compiler raises none of these at any input. The
/// kernel was out of memory, the machine shuts down, or an operator was impatient.
pub(crate) fn is_sent_from_outside(signal: i32) -> bool {
    [libc::SIGKILL, libc::SIGTERM, libc::SIGINT, libc::SIGHUP].contains(&signal)
}

/// Why nothing was learned about the input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    #[error("compiler {release} could not be prepared: {why}")]
    Prepare { release: String, why: String },
    /// Heals by itself, once somebody has prepared it.
    #[error("compiler {release} is not ready, and may not be prepared here: {why}")]
    NotReady { release: Release, why: String },
    #[error("compiler {release} could not be prepared within {limit:?}")]
    PrepareTimedOut { release: String, limit: Duration },
    #[error("what was prepared for compiler {release} is refused: {why}")]
    Refused { release: String, why: String },
    #[error("`{program}` could not be started")]
    Start {
        program: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the compiler's process was not ready within {limit:?}")]
    StartTimedOut { limit: Duration },
    #[error("the compiler's process ended before it was ready: {why}")]
    EndedEarly { why: String },
    #[error("the compiler's process was killed by somebody else ({why})")]
    Killed { why: String },
    #[error("the compiler's process said what it must not: {0}")]
    Protocol(String),
    #[error("talking with the compiler's process failed while {doing}")]
    Pipe {
        doing: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("the service is stopping")]
    Stopping,
}
