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

/// What became of the call. Only for the log: the job's row is the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyAnswer {
    /// Nothing to do: another instance has the job, it has ended, or it is unknown.
    pub skipped: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RunEnd>,
}

impl VerifyAnswer {
    pub const SKIPPED: Self = Self {
        skipped: true,
        end: None,
    };

    #[must_use]
    pub fn ended(end: RunEnd) -> Self {
        Self {
            skipped: false,
            end: Some(end),
        }
    }
}

/// How a run of a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// The job has its end.
    Finished,
    /// We could not look; the job is due again later.
    GivenBack,
    /// Somebody else runs the job now; nothing was written.
    LeaseLost,
}
