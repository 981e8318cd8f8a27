//! How much is waiting, and for how long: for the alerts on old jobs.

use std::time::Duration;

use crate::db::row::{self, column, unreadable};
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};

const BACKLOG: Statement = statement!("jobs/backlog");

/// The open jobs of all instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    pub pending: ByAge,
    pub running: ByAge,
    /// Since its acceptance; none is open: `None`.
    pub oldest: Option<Duration>,
}

/// How many there are of each age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByAge([u64; 4]);

impl ByAge {
    const NAMES: [&str; 4] = ["under_10s", "under_1m", "under_10m", "older"];

    /// Each age with its number, also where that is 0.
    pub fn named(self) -> impl Iterator<Item = (&'static str, u64)> {
        Self::NAMES.into_iter().zip(self.0)
    }

    #[must_use]
    pub fn total(self) -> u64 {
        self.0.iter().sum()
    }
}

/// Counts the open jobs.
///
/// # Errors
/// A fault of the database.
pub async fn backlog(database: &Database) -> Result<Backlog, DatabaseError> {
    let connection = database.connection().await?;
    let mut backlog = Backlog::default();
    for row in connection.query(BACKLOG, &[]).await? {
        let state: &str = column(&row, "state")?;
        let ByAge(jobs) = match state {
            "pending" => &mut backlog.pending,
            _ => &mut backlog.running,
        };
        let age: usize = row::count::<i32, _>(&row, "age")?;
        let place = jobs.get_mut(age);
        *place.ok_or_else(|| unreadable("age", age.to_string()))? =
            row::count::<i64, _>(&row, "jobs")?;
        let oldest = row::seconds(column(&row, "oldest_seconds")?);
        backlog.oldest = backlog.oldest.max(Some(oldest));
    }
    Ok(backlog)
}
