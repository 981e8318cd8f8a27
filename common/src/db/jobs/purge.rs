//! What is kept of a job for some time only: its events, the codes it failed with, and a failure itself.
//!
//! A success stays, as the match does that it made.

use std::time::Duration;

use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};

const PURGE_EVENTS: Statement = statement!("jobs/purge_events");
const PURGE_EVIDENCE: Statement = statement!("jobs/purge_evidence");
const PURGE_FAILED: Statement = statement!("jobs/purge_failed");

/// Deletes what happened longer ago than this, and says how many events there were. A job that is open
/// for so long loses the story of its beginning, and goes on with its next number.
///
/// # Errors
/// A fault of the database; what is gone is gone.
pub async fn purge_events(database: &Database, older_than: Duration) -> Result<u64, DatabaseError> {
    database.purge(PURGE_EVENTS, older_than, 5000).await
}

/// Deletes the evidence of failures that ended longer ago than this, and says how many there were.
///
/// # Errors
/// As [`purge_events`].
pub async fn purge_evidence(
    database: &Database,
    older_than: Duration,
) -> Result<u64, DatabaseError> {
    database.purge(PURGE_EVIDENCE, older_than, 500).await
}

/// Deletes jobs that failed longer ago than this, with all that belongs to them, and says how many there
/// were. Whoever asks for such a job is told that there is none.
///
/// # Errors
/// As [`purge_events`].
pub async fn purge_failed(database: &Database, older_than: Duration) -> Result<u64, DatabaseError> {
    database.purge(PURGE_FAILED, older_than, 500).await
}
