//! What `public-api` and `internal-verifier` say to each other.
//!
//! The call carries an id and nothing else: what to do is read from the database.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub const VERIFY_PATH: &str = "/internal_api_verify";

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyCall {
    pub verification_id: Uuid,
}

/// How the call ended. Only for the log: the job's row is the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyAnswer {
    /// The job has its end.
    Finished,
    /// Nothing to do: another instance has it, it has ended, or it is unknown.
    Skipped,
    /// We could not look; the job is due again later.
    GivenBack,
    /// Another run took the job over, or it is stopping; nothing was written.
    Stopped,
}
