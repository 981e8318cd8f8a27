//! A job as it can be shown, whatever its state.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;
use verification::chain::{Address, ChainId};

use super::{Evidence, JobId, Stage};
use crate::db::row::{self, column, unreadable};
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};
use verification::verdict::{MatchLevels, MatchStatus};

const FIND_JOB: Statement = statement!("jobs/find_job");

/// A job, from its row and from what belongs to its end.
#[derive(Debug, Clone)]
pub struct JobRecord {
    pub id: JobId,
    pub chain_id: ChainId,
    pub address: Address,
    /// The time of acceptance.
    pub started_at: OffsetDateTime,
    /// From then until it was read, by the database's clock.
    pub age: Duration,
    /// Of the request; unknown for jobs of older programs.
    pub input_bytes: Option<u64>,
    pub progress: Progress,
}

impl JobRecord {
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(
            self.progress,
            Progress::Succeeded { .. } | Progress::Failed { .. }
        )
    }
}

/// How far a job is, with what is known only then.
#[derive(Debug, Clone)]
pub enum Progress {
    Pending,
    Running {
        attempt: u16,
        stage: Stage,
    },
    Succeeded {
        finished_at: OffsetDateTime,
        compilation_time_ms: Option<u64>,
        /// What *this* job found; the contract's match may have become better since.
        levels: MatchLevels,
        /// Of the contract's match row.
        match_id: i64,
        verified_at: OffsetDateTime,
    },
    Failed {
        finished_at: OffsetDateTime,
        compilation_time_ms: Option<u64>,
        error_code: String,
        error_id: Uuid,
        error_data: Option<Value>,
        /// Empty once purged.
        evidence: Evidence,
    },
}

/// The job of this id, in whatever state.
///
/// # Errors
/// A fault of the database.
pub async fn find_job(database: &Database, id: JobId) -> Result<Option<JobRecord>, DatabaseError> {
    let connection = database.connection().await?;
    let row = connection.query_opt(FIND_JOB, &[&id.0]).await?;
    row.map(|row| read(id, &row)).transpose()
}

fn read(id: JobId, row: &Row) -> Result<JobRecord, DatabaseError> {
    let state: &str = column(row, "state")?;
    let progress = match state {
        "pending" => Progress::Pending,
        "running" => Progress::Running {
            attempt: row::count::<i16, _>(row, "attempt")?,
            stage: running_stage(row)?,
        },
        "succeeded" => Progress::Succeeded {
            finished_at: column(row, "completed_at")?,
            compilation_time_ms: compilation_time_ms(row)?,
            levels: levels(row)?,
            match_id: column(row, "match_id")?,
            verified_at: column(row, "verified_at")?,
        },
        "failed" => Progress::Failed {
            finished_at: column(row, "completed_at")?,
            compilation_time_ms: compilation_time_ms(row)?,
            error_code: column(row, "error_code")?,
            error_id: column(row, "error_id")?,
            error_data: column(row, "error_data")?,
            evidence: Evidence {
                recompiled_creation_code: column(row, "recompiled_creation_code")?,
                recompiled_runtime_code: column(row, "recompiled_runtime_code")?,
                onchain_creation_code: column(row, "onchain_creation_code")?,
                onchain_runtime_code: column(row, "onchain_runtime_code")?,
                creation_transaction_hash: row::transaction_hash_if_any(
                    row,
                    "creation_transaction_hash",
                )?,
            },
        },
        other => return Err(unreadable("state", other.to_owned())),
    };
    Ok(JobRecord {
        id,
        chain_id: row::chain_id(row, "chain_id")?,
        address: row::address(row, "contract_address")?,
        started_at: column(row, "started_at")?,
        age: row::seconds(column(row, "age_seconds")?),
        input_bytes: row::count_if_any::<i64, _>(row, "input_bytes")?,
        progress,
    })
}

/// A verifier from before there were events takes a job without saying so.
fn running_stage(row: &Row) -> Result<Stage, DatabaseError> {
    let said: Option<&str> = column(row, "stage")?;
    Ok(match said.map(Stage::from_name) {
        None | Some(Stage::Queued) => Stage::Started,
        Some(stage) => stage,
    })
}

fn compilation_time_ms(row: &Row) -> Result<Option<u64>, DatabaseError> {
    row::count_if_any::<i64, _>(row, "compilation_time")
}

/// A verified contract keeps a match and an exact one as two booleans per side.
/// What this job found; of a success that an older program wrote, what its match is now.
fn levels(row: &Row) -> Result<MatchLevels, DatabaseError> {
    let found = MatchLevels {
        creation: row::match_status_if_any(row, "creation_match")?,
        runtime: row::match_status_if_any(row, "runtime_match")?,
    };
    match found.best() {
        Some(_) => Ok(found),
        None => levels_of_verified(row),
    }
}

fn levels_of_verified(row: &Row) -> Result<MatchLevels, DatabaseError> {
    let level = |has_exact_metadata: Option<bool>| {
        has_exact_metadata.map(|exact| match exact {
            true => MatchStatus::ExactMatch,
            false => MatchStatus::Match,
        })
    };
    Ok(MatchLevels {
        creation: level(column(row, "creation_metadata_match")?),
        runtime: level(column(row, "runtime_metadata_match")?),
    })
}
