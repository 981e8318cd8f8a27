//! What keeps every promise: rows that are due are found again, rows without hope get an end.

use std::time::Duration;

use uuid::Uuid;

use super::{JobId, MAX_ATTEMPTS};
use crate::db::row::column;
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};

const SWEEP: Statement = statement!("jobs/sweep");
const ABANDON_LAPSED: Statement = statement!("jobs/abandon_lapsed");
const MAKE_DUE: Statement = statement!("jobs/make_due");

/// Delays that double, up to a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub base: Duration,
    pub cap: Duration,
}

impl Default for Backoff {
    /// Fifteen seconds, at most fifteen minutes.
    fn default() -> Self {
        Self {
            base: Duration::from_secs(15),
            cap: Duration::from_secs(15 * 60),
        }
    }
}

impl Backoff {
    /// The delay after so many tries: `base` × 2^count, at most `cap`.
    #[must_use]
    pub fn after(&self, count: u32) -> Duration {
        let factor = 2_u32.saturating_pow(count.min(10));
        self.base.saturating_mul(factor).min(self.cap)
    }
}

/// A row whose time has come: call the verifier with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJob {
    pub id: JobId,
    pub traceparent: Option<String>,
}

/// A job that ended with `job_abandoned`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abandoned {
    pub id: JobId,
    pub error_id: Uuid,
}

/// Takes up to `limit` due rows and moves each on by its backoff **before** they are called: a crash
/// after this costs one round. Two sweeps at once never get the same row.
///
/// # Errors
/// A fault of the database; nothing moved.
pub async fn sweep(
    database: &Database,
    limit: u16,
    backoff: Backoff,
) -> Result<Vec<DueJob>, DatabaseError> {
    let connection = database.connection().await?;
    let rows = connection
        .query(
            SWEEP,
            &[
                &i64::from(limit),
                &i32::from(MAX_ATTEMPTS),
                &backoff.base.as_secs_f64(),
                &backoff.cap.as_secs_f64(),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(DueJob {
                id: JobId(column(row, "id")?),
                traceparent: column(row, "traceparent")?,
            })
        })
        .collect()
}

/// Ends every job whose last lease ran out: five workers died over it.
///
/// # Errors
/// A fault of the database; nothing ended.
pub async fn abandon_lapsed(database: &Database) -> Result<Vec<Abandoned>, DatabaseError> {
    let connection = database.connection().await?;
    let rows = connection
        .query(ABANDON_LAPSED, &[&i32::from(MAX_ATTEMPTS)])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Abandoned {
                id: JobId(column(row, "id")?),
                error_id: column(row, "error_id")?,
            })
        })
        .collect()
}

/// Makes pending jobs due at once: a process that stops says so for what it accepted and could not
/// send. Answers how many there were.
///
/// # Errors
/// A fault of the database; the jobs are then due at their own time.
pub async fn make_due(database: &Database, jobs: &[JobId]) -> Result<u64, DatabaseError> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.0).collect();
    let connection = database.connection().await?;
    connection.execute(MAKE_DUE, &[&ids]).await
}
