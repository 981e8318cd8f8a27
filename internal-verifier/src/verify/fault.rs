//! Why we could not look.

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

impl Fault {
    /// What ends the job when no attempt is left. A chain that cannot be reached has a word of its
    /// own; everything else is ours, and the log knows it.
    pub(crate) fn last_word(&self) -> VerificationFailure {
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
