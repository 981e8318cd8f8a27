//! The right to work on a job: taken, renewed, given up.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;
use verification::chain::{Address, ChainId};

use super::{JobId, JobKind, MAX_ATTEMPTS};
use crate::db::row::{self, column, unreadable};
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};

const LEASE: Statement = statement!("jobs/lease");
const HEARTBEAT: Statement = statement!("jobs/heartbeat");
const RELEASE: Statement = statement!("jobs/release");
const GIVE_BACK: Statement = statement!("jobs/give_back");

/// Who works, as the row tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The instance.
    pub owner: String,
    /// `cloud_run:<revision>`, or `unknown`.
    pub hardware: String,
}

/// The right to finish one job. Only [`lease`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    job: JobId,
    token: Uuid,
    attempt: u16,
    chain_id: ChainId,
    address: Address,
}

impl Lease {
    #[must_use]
    pub fn job(&self) -> JobId {
        self.job
    }

    /// 1 for the first.
    #[must_use]
    pub fn attempt(&self) -> u16 {
        self.attempt
    }

    /// A fault in this attempt ends the job, since nobody will lease it again.
    #[must_use]
    pub fn is_last_attempt(&self) -> bool {
        self.attempt >= MAX_ATTEMPTS
    }

    #[must_use]
    pub fn chain_id(&self) -> ChainId {
        self.chain_id
    }

    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    pub(in crate::db) fn token(&self) -> Uuid {
        self.token
    }
}

/// All that an attempt needs.
#[derive(Debug, Clone)]
pub struct LeasedJob {
    pub lease: Lease,
    pub kind: JobKind,
    /// As it was accepted.
    pub input: Value,
    pub endpoint: String,
    pub traceparent: Option<String>,
    /// Since its acceptance, if this is its first lease.
    pub waited: Option<Duration>,
}

/// Takes the lease of a pending job, or of a running one whose lease ran out. Nothing to take, be
/// it that somebody works on it, that it ended or that it never was: `None`, which is normal.
///
/// # Errors
/// A fault of the database.
pub async fn lease(
    database: &Database,
    job: JobId,
    worker: &Worker,
    duration: Duration,
) -> Result<Option<LeasedJob>, DatabaseError> {
    let connection = database.connection().await?;
    let row = connection
        .query_opt(
            LEASE,
            &[
                &job.0,
                &worker.owner,
                &worker.hardware,
                &duration.as_secs_f64(),
                &i32::from(MAX_ATTEMPTS),
            ],
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let kind: &str = column(&row, "kind")?;
    let waited: Option<f64> = column(&row, "waited_seconds")?;
    Ok(Some(LeasedJob {
        lease: Lease {
            job,
            token: column(&row, "lease_token")?,
            attempt: row::count::<i16, _>(&row, "attempt")?,
            chain_id: row::chain_id(&row, "chain_id")?,
            address: row::address(&row, "contract_address")?,
        },
        kind: JobKind::from_name(kind).ok_or_else(|| unreadable("kind", kind.to_owned()))?,
        input: column(&row, "input")?,
        endpoint: column(&row, "verification_endpoint")?,
        traceparent: column(&row, "traceparent")?,
        waited: waited.map(row::seconds),
    }))
}

/// Extends the lease from now on. A late one still counts if nobody took over meanwhile.
///
/// # Errors
/// A fault of the database; the lease may still be ours.
pub async fn heartbeat(
    database: &Database,
    lease: &Lease,
    duration: Duration,
) -> Result<bool, DatabaseError> {
    let connection = database.connection().await?;
    let changed = connection
        .execute(
            HEARTBEAT,
            &[&lease.job.0, &lease.token, &duration.as_secs_f64()],
        )
        .await?;
    Ok(changed == 1)
}

/// Gives the job up for a reason that is not its own, the end of this process: the attempt does not
/// count, and the job is due at once.
///
/// # Errors
/// A fault of the database; the lease then runs out by itself.
pub async fn release(database: &Database, lease: &Lease) -> Result<bool, DatabaseError> {
    let connection = database.connection().await?;
    let changed = connection
        .execute(RELEASE, &[&lease.job.0, &lease.token])
        .await?;
    Ok(changed == 1)
}

/// Gives the job up after a transient fault: the attempt counts, and the job is due after the delay.
/// After the last attempt a job must be failed instead.
///
/// # Errors
/// A fault of the database; the lease then runs out by itself.
pub async fn give_back(
    database: &Database,
    lease: &Lease,
    delay: Duration,
) -> Result<bool, DatabaseError> {
    let connection = database.connection().await?;
    let changed = connection
        .execute(
            GIVE_BACK,
            &[&lease.job.0, &lease.token, &delay.as_secs_f64()],
        )
        .await?;
    Ok(changed == 1)
}
