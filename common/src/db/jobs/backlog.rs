//! How much is waiting, for the alert on the oldest job.

use std::time::Duration;

use crate::db::row::{self, column};
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};

const BACKLOG: Statement = statement!("jobs/backlog");

/// The open jobs of all instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    pub pending: u64,
    pub running: u64,
    /// Since its acceptance; none is open: `None`.
    pub oldest: Option<Duration>,
}

/// Counts the open jobs.
///
/// # Errors
/// A fault of the database.
pub async fn backlog(database: &Database) -> Result<Backlog, DatabaseError> {
    let connection = database.connection().await?;
    let row = connection.query_one(BACKLOG, &[]).await?;
    let oldest: Option<f64> = column(&row, "oldest_seconds")?;
    Ok(Backlog {
        pending: row::count::<i64, _>(&row, "pending")?,
        running: row::count::<i64, _>(&row, "running")?,
        oldest: oldest.map(row::seconds),
    })
}
