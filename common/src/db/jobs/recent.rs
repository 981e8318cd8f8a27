//! What the last jobs took.

use std::time::Duration;

use crate::db::row::{self, column};
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};

const LIST_RECENT: Statement = statement!("jobs/list_recent");

/// A job that ended, as far as it tells how long another one will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentJob {
    pub input_bytes: u64,
    /// From acceptance to the end, its waiting included.
    pub took: Duration,
}

/// The jobs that ended last, the latest first.
///
/// # Errors
/// A fault of the database.
pub async fn list_recent(database: &Database, limit: u16) -> Result<Vec<RecentJob>, DatabaseError> {
    let connection = database.connection().await?;
    let rows = connection.query(LIST_RECENT, &[&i64::from(limit)]).await?;
    rows.iter()
        .map(|row| {
            Ok(RecentJob {
                input_bytes: row::count::<i64, _>(row, "input_bytes")?,
                took: row::seconds(column(row, "seconds")?),
            })
        })
        .collect()
}
