//! The end of a job under its lease: with an answer that is no match, or, for `db::matches`, as the
//! last statement of the transaction that stores one.

use serde_json::Value;
use uuid::Uuid;
use verification::chain::TransactionHash;
use verification::verdict::{MatchLevels, MatchStatus};

use super::{JobId, Lease};
use crate::db::row::{self, column};
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError, Ending, Transaction, Work};

const FAIL: Statement = statement!("jobs/fail");
const SUCCEED: Statement = statement!("jobs/succeed");
const INSERT_EVIDENCE: Statement = statement!("jobs/insert_evidence");
const DELETE_INPUT: Statement = statement!("jobs/delete_input");
const HOW_IT_ENDED: Statement = statement!("jobs/how_it_ended");

/// Why a job ended without a match, and what was known then.
#[derive(Debug, Clone)]
pub struct JobFailure {
    /// The API's `customCode`.
    pub error_code: String,
    /// Also in the log line that tells of this end.
    pub error_id: Uuid,
    /// What the message is made of when it is read; without chain and address.
    pub error_data: Option<Value>,
    pub compilation_time_ms: Option<u64>,
    pub evidence: Evidence,
}

/// What the job document shows of a failure until it is purged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    pub recompiled_creation_code: Option<Vec<u8>>,
    pub recompiled_runtime_code: Option<Vec<u8>>,
    pub onchain_creation_code: Option<Vec<u8>>,
    pub onchain_runtime_code: Option<Vec<u8>>,
    pub creation_transaction_hash: Option<TransactionHash>,
}

impl Evidence {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Ends the job as failed: evidence written, input deleted, waiting requests woken.
///
/// # Errors
/// A fault of the database; nothing was written. A commit whose answer was lost is looked up first.
pub async fn fail(
    database: &Database,
    lease: &Lease,
    failure: &JobFailure,
) -> Result<bool, DatabaseError> {
    loop {
        match database.transaction(&Fail { lease, failure }).await {
            // The lease is lost perhaps to our own commit, of this call or of one before whose answer was lost.
            Err(DatabaseError::CommitUnknown { .. }) | Ok(false) => {}
            known => return known,
        }
        match how_it_ended(database, lease).await? {
            // The lease is ours as before: the commit did not happen.
            Ended::No => {}
            Ended::Failed { error_id } => return Ok(error_id == failure.error_id),
            Ended::Succeeded { .. } | Ended::LeaseLost => return Ok(false),
        }
    }
}

struct Fail<'a> {
    lease: &'a Lease,
    failure: &'a JobFailure,
}

impl Work for Fail<'_> {
    const NAME: &'static str = "fail";
    type Output = bool;

    async fn run(&self, transaction: &Transaction<'_>) -> Result<Ending<bool>, DatabaseError> {
        Ok(
            match fail_in(transaction, self.lease, self.failure).await? {
                true => Ending::Commit(true),
                false => Ending::RollBack(false),
            },
        )
    }
}

/// The same as a part of a transaction. `false`: the lease is lost, the transaction must roll back.
pub(in crate::db) async fn fail_in(
    transaction: &Transaction<'_>,
    lease: &Lease,
    failure: &JobFailure,
) -> Result<bool, DatabaseError> {
    let changed = transaction
        .execute(
            FAIL,
            &[
                &lease.job().0,
                &lease.token(),
                &failure.error_code,
                &failure.error_id,
                &failure.error_data,
                &failure
                    .compilation_time_ms
                    .and_then(|ms| i64::try_from(ms).ok()),
            ],
        )
        .await?;
    if changed == 0 {
        return Ok(false);
    }
    let evidence = &failure.evidence;
    if !evidence.is_empty() {
        let transaction_hash = evidence.creation_transaction_hash;
        transaction
            .execute(
                INSERT_EVIDENCE,
                &[
                    &lease.job().0,
                    &evidence.recompiled_creation_code,
                    &evidence.recompiled_runtime_code,
                    &evidence.onchain_creation_code,
                    &evidence.onchain_runtime_code,
                    &transaction_hash.as_ref().map(TransactionHash::as_bytes),
                ],
            )
            .await?;
    }
    delete_input(transaction, lease.job()).await?;
    Ok(true)
}

/// Ends the job with its result. `false`: the lease is lost, the transaction must roll back.
pub(in crate::db) async fn succeed_in(
    transaction: &Transaction<'_>,
    lease: &Lease,
    verified_contract_id: i64,
    levels: MatchLevels,
    compilation_time_ms: u64,
) -> Result<bool, DatabaseError> {
    let changed = transaction
        .execute(
            SUCCEED,
            &[
                &lease.job().0,
                &lease.token(),
                &verified_contract_id,
                &i64::try_from(compilation_time_ms).ok(),
                &levels.creation.map(MatchStatus::stored_name),
                &levels.runtime.map(MatchStatus::stored_name),
            ],
        )
        .await?;
    if changed == 0 {
        return Ok(false);
    }
    delete_input(transaction, lease.job()).await?;
    Ok(true)
}

async fn delete_input(transaction: &Transaction<'_>, job: JobId) -> Result<(), DatabaseError> {
    transaction.execute(DELETE_INPUT, &[&job.0]).await?;
    Ok(())
}

/// What a row says of this attempt, after a commit whose answer was lost.
pub(in crate::db) enum Ended {
    No,
    LeaseLost,
    Succeeded { verified_contract_id: i64 },
    Failed { error_id: Uuid },
}

pub(in crate::db) async fn how_it_ended(
    database: &Database,
    lease: &Lease,
) -> Result<Ended, DatabaseError> {
    let connection = database.connection().await?;
    let found = connection
        .query_opt(HOW_IT_ENDED, &[&lease.job().0])
        .await?;
    let Some(row) = found else {
        return Ok(Ended::LeaseLost);
    };
    let token: Option<Uuid> = column(&row, "lease_token")?;
    let verified: Option<i64> = column(&row, "verified_contract_id")?;
    let error_id: Option<Uuid> = column(&row, "error_id")?;
    let attempt: u16 = row::count::<i16, _>(&row, "attempt")?;
    let is_of_ours = attempt == lease.attempt();
    Ok(match (verified, error_id) {
        (Some(verified_contract_id), _) if is_of_ours => Ended::Succeeded {
            verified_contract_id,
        },
        (None, Some(error_id)) if is_of_ours => Ended::Failed { error_id },
        _ if token == Some(lease.token()) => Ended::No,
        _ => Ended::LeaseLost,
    })
}
