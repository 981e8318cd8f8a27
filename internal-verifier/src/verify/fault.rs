//! Why we could not look.

use std::time::Duration;

use compiler::{CompileError, Release};
use verification::explorer::NotAnImport;
use verification::failure::VerificationFailure;

use crate::outputs::NotCompiled;
use common::chains::ChainFault;
use common::db::DatabaseError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the chain could not be asked")]
    Chain {
        #[source]
        source: ChainFault,
    },
    #[error("the compiler could not be run")]
    Compiler {
        #[source]
        source: NotCompiled,
    },
    #[error("the job's input cannot be read")]
    Input {
        #[source]
        source: serde_json::Error,
    },
    #[error("what the explorer had cannot be read any more")]
    Import {
        #[source]
        source: NotAnImport,
    },
    #[error("stored contracts could not be looked at")]
    Database {
        #[source]
        source: DatabaseError,
    },
    #[error("what was found could not be stored")]
    Store {
        #[source]
        source: DatabaseError,
    },
    #[error("the comparison crashed")]
    Crashed {
        #[source]
        source: tokio::task::JoinError,
    },
    #[error("the job was not done within its deadline")]
    Deadline,
}

/// Another machine needs half a minute for a release, and has to be told first: the attempts of a job that
/// waits for it reach over five minutes, not over half a one.
const TIMES_LONGER_FOR_A_COMPILER: u32 = 10;

impl Fault {
    /// How long the job rests after a first attempt, where others rest for so long.
    pub(crate) fn first_pause(&self, usual: Duration) -> Duration {
        match self.compiler_not_ready() {
            Some(_) => usual.saturating_mul(TIMES_LONGER_FOR_A_COMPILER),
            None => usual,
        }
    }

    fn compiler_not_ready(&self) -> Option<&Release> {
        match self {
            Self::Compiler {
                source: NotCompiled::Compiler(CompileError::NotReady { release, .. }),
            } => Some(release),
            _ => None,
        }
    }

    /// What ends the job when no attempt is left. A chain that cannot be reached has a word of its
    /// own, and so has a compiler that nobody prepared; everything else is ours, and the log knows it.
    pub(crate) fn last_word(&self) -> VerificationFailure {
        if let Some(release) = self.compiler_not_ready() {
            let compiler_version = release.long_version().to_owned();
            return VerificationFailure::CompilerNotReady { compiler_version };
        }
        match self {
            Self::Chain { .. } => VerificationFailure::CannotFetchBytecode,
            Self::Compiler { .. }
            | Self::Input { .. }
            | Self::Import { .. }
            | Self::Database { .. }
            | Self::Store { .. }
            | Self::Crashed { .. }
            | Self::Deadline => VerificationFailure::InternalError,
        }
    }
}
