//! What keeps every promise: rows that are due are found again, rows without hope get an end.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::{JobId, MAX_ATTEMPTS};
use crate::db::row::column;
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError, Ending, Transaction, Work};

const TAKE_DUE: Statement = statement!("jobs/take_due");
const ABANDON_LAPSED: Statement = statement!("jobs/abandon_lapsed");
const TRY_LOCK_SWEEP: Statement = statement!("jobs/try_lock_sweep");
const LIST_IDLE: Statement = statement!("jobs/list_idle");
const MAKE_DUE: Statement = statement!("jobs/make_due");
const PUT_OFF: Statement = statement!("jobs/put_off");

/// A row whose time has come: call the verifier with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJob {
    pub id: JobId,
    pub traceparent: Option<String>,
    /// Whoever ran it has died, or cannot be heard; nobody has been told this before.
    pub lease_expired: bool,
}

/// A job that ended with `job_abandoned`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abandoned {
    pub id: JobId,
    pub error_id: Uuid,
    /// Its last worker has died, or cannot be heard, and did not give it back.
    pub lease_expired: bool,
}

/// Takes up to `limit` due rows and moves each on by `again_after` **before** it is called: a crash
/// after this costs that much time.
///
/// Clients take turns, and within a turn the oldest job comes first. Two takers never get the same row.
///
/// # Errors
/// A fault of the database. If its answer was lost, the rows are due again after `again_after`.
pub async fn take_due(
    database: &Database,
    limit: u16,
    again_after: Duration,
) -> Result<Vec<DueJob>, DatabaseError> {
    let connection = database.connection().await?;
    let rows = connection
        .query(
            TAKE_DUE,
            &[
                &i64::from(limit),
                &i32::from(MAX_ATTEMPTS),
                &again_after.as_secs_f64(),
            ],
        )
        .await?;
    rows.iter().map(due_job).collect()
}

/// Ends every job that nobody may lease any more: five workers were lost over it. If somebody else is doing
/// that in this moment, there is nothing to do.
///
/// # Errors
/// A fault of the database; nothing ended, or the log does not tell of it.
pub async fn abandon_lapsed(database: &Database) -> Result<Vec<Abandoned>, DatabaseError> {
    database.transaction(&AbandonLapsed).await
}

struct AbandonLapsed;

impl Work for AbandonLapsed {
    const NAME: &'static str = "abandon_lapsed";
    type Output = Vec<Abandoned>;

    async fn run(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<Ending<Vec<Abandoned>>, DatabaseError> {
        let lock = transaction.query_one(TRY_LOCK_SWEEP, &[]).await?;
        if !column::<bool>(&lock, "is_ours")? {
            return Ok(Ending::RollBack(Vec::new()));
        }
        let rows = transaction
            .query(ABANDON_LAPSED, &[&i32::from(MAX_ATTEMPTS)])
            .await?;
        let abandoned = rows.iter().map(abandoned_job);
        Ok(Ending::Commit(abandoned.collect::<Result<_, _>>()?))
    }
}

fn due_job(row: &Row) -> Result<DueJob, DatabaseError> {
    Ok(DueJob {
        id: JobId(column(row, "id")?),
        traceparent: column(row, "traceparent")?,
        lease_expired: column(row, "lease_expired")?,
    })
}

fn abandoned_job(row: &Row) -> Result<Abandoned, DatabaseError> {
    Ok(Abandoned {
        id: JobId(column(row, "id")?),
        error_id: column(row, "error_id")?,
        lease_expired: column(row, "lease_expired")?,
    })
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

/// Makes a pending job due only after so long: the platform asked for it. Answers how many there were.
///
/// # Errors
/// A fault of the database; the job is then due at its own time.
pub async fn put_off(database: &Database, job: JobId, by: Duration) -> Result<u64, DatabaseError> {
    let connection = database.connection().await?;
    connection
        .execute(PUT_OFF, &[&job.0, &by.as_secs_f64()])
        .await
}

/// Those of some jobs on which nobody works: whoever waits for a worker's answer waits in vain.
///
/// # Errors
/// A fault of the database.
pub async fn list_idle(database: &Database, jobs: &[JobId]) -> Result<Vec<JobId>, DatabaseError> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.0).collect();
    let connection = database.connection().await?;
    let rows = connection.query(LIST_IDLE, &[&ids]).await?;
    rows.iter()
        .map(|row| Ok(JobId(column(row, "id")?)))
        .collect()
}
