//! What happened to a job, as numbered events.
//!
//! The end of a job is no event of its own: the ended row is, under the number after the last one here.
//! So there is exactly one end, and it stays when the events before it are purged.

use time::OffsetDateTime;
use tokio_postgres::Row;

use super::{JobId, Stage};
use crate::db::row::{self, column};
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};

const LIST_EVENTS: Statement = statement!("jobs/list_events");

/// The job reached a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobEvent {
    /// From 1, without gaps.
    pub number: u32,
    pub stage: Stage,
    /// Attempts begun by then.
    pub attempt: u16,
    pub at: OffsetDateTime,
}

/// A job's events after some number, all of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLog {
    /// The time of acceptance.
    pub started_at: OffsetDateTime,
    pub input_bytes: Option<u64>,
    /// Of all events so far, also of those that were purged.
    pub last_number: u32,
    pub is_ended: bool,
    /// In order.
    pub events: Vec<JobEvent>,
}

impl EventLog {
    /// The number of the end, once the job has ended.
    #[must_use]
    pub fn end_number(&self) -> Option<u32> {
        self.is_ended.then(|| self.last_number.saturating_add(1))
    }
}

/// What happened after the event of this number; 0 for everything. `None`: there is no such job.
///
/// # Errors
/// A fault of the database.
pub async fn list_events(
    database: &Database,
    id: JobId,
    after: u32,
) -> Result<Option<EventLog>, DatabaseError> {
    let connection = database.connection().await?;
    let after = i32::try_from(after).unwrap_or(i32::MAX);
    let rows = connection.query(LIST_EVENTS, &[&id.0, &after]).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(EventLog {
        started_at: column(first, "started_at")?,
        input_bytes: row::count_if_any::<i64, _>(first, "input_bytes")?,
        last_number: row::count::<i32, _>(first, "last_number")?,
        is_ended: column(first, "is_ended")?,
        events: rows
            .iter()
            .filter_map(|row| event(row).transpose())
            .collect::<Result<_, _>>()?,
    }))
}

fn event(row: &Row) -> Result<Option<JobEvent>, DatabaseError> {
    let Some(number) = row::count_if_any::<i32, _>(row, "number")? else {
        return Ok(None);
    };
    Ok(Some(JobEvent {
        number,
        stage: Stage::from_name(column(row, "stage")?),
        attempt: row::count::<i16, _>(row, "attempt")?,
        at: column(row, "happened_at")?,
    }))
}
