//! Why we could not look.

use verification::failure::VerificationFailure;

use crate::outputs::NotCompiled;
use common::chains::ChainFault;

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
    #[error("this program does not know jobs of kind `{0}`")]
    Kind(&'static str),
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
            | Self::Kind(_)
            | Self::Crashed { .. }
            | Self::Deadline => VerificationFailure::InternalError,
        }
    }
}
