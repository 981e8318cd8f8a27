//! The transaction that records a verification, step by step.

use tokio_postgres::Row;
use uuid::Uuid;

use super::codes::Codes;
use super::{NewMatch, SideMatch, compilation, deployment};
use crate::db::jobs::{Ended, Evidence, JobFailure, Lease, fail_in, how_it_ended, succeed_in};
use crate::db::row::{self, column};
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError, Ending, Transaction, Work};
use verification::verdict::{MatchLevels, MatchStatus};

const LOCK_JOB: Statement = statement!("jobs/lock");
const LOCK_MATCH: Statement = statement!("matches/lock");
const STORE_VERIFIED: Statement = statement!("matches/store_verified_contract");
const INSERT_MATCH: Statement = statement!("matches/insert");
const IMPROVE_MATCH: Statement = statement!("matches/improve");
const FIND_OF_VERIFIED: Statement = statement!("matches/find_of_verified_contract");

const ALREADY_VERIFIED: &str = "already_verified";

/// How the attempt to store a match ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOutcome {
    /// The match is the contract's best; the job succeeded.
    Stored(StoredMatch),
    /// What is stored is as good or better; the job failed with `already_verified`.
    AlreadyVerified { error_id: Uuid },
    /// Somebody else has the job; nothing was written.
    LeaseLost,
}

/// The row that now shows the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredMatch {
    /// The API's `matchId`; the same as before when a match improved.
    pub match_id: i64,
    pub verified_contract_id: i64,
}

/// Records a match for the contract of the lease, and ends the job. All of it happens or nothing.
/// Stop the heartbeat before: it would wait for the row and then find the lease gone.
///
/// # Errors
/// A fault of the database, or a document that its checks refuse; nothing was written. A commit whose
/// answer was lost is looked up before the transaction is run again.
pub async fn store_match(
    database: &Database,
    lease: &Lease,
    new: &NewMatch,
) -> Result<StoreOutcome, DatabaseError> {
    // Made here, so that a repeated transaction can recognise its own end.
    let error_id = Uuid::new_v4();
    let work = Store {
        lease,
        new,
        error_id,
    };
    loop {
        match database.transaction(&work).await {
            // The lease is lost perhaps to our own commit, of this call or of one before whose answer was lost.
            Err(DatabaseError::CommitUnknown { .. }) | Ok(StoreOutcome::LeaseLost) => {}
            known => return known,
        }
        match how_it_ended(database, lease).await? {
            // The lease is ours as before: the commit did not happen.
            Ended::No => {}
            Ended::Succeeded {
                verified_contract_id,
            } => return find_stored(database, verified_contract_id).await,
            Ended::Failed { error_id: id } if id == error_id => {
                return Ok(StoreOutcome::AlreadyVerified { error_id });
            }
            Ended::Failed { .. } | Ended::LeaseLost => return Ok(StoreOutcome::LeaseLost),
        }
    }
}

struct Store<'a> {
    lease: &'a Lease,
    new: &'a NewMatch,
    error_id: Uuid,
}

impl Work for Store<'_> {
    const NAME: &'static str = "store_match";
    type Output = StoreOutcome;

    async fn run(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<Ending<StoreOutcome>, DatabaseError> {
        let (lease, new) = (self.lease, self.new);
        let is_ours = transaction
            .query_opt(LOCK_JOB, &[&lease.job().0, &lease.token()])
            .await?
            .is_some();
        if !is_ours {
            return Ok(Ending::RollBack(StoreOutcome::LeaseLost));
        }
        let stored = lock_match(transaction, lease).await?;
        let is_better = stored.is_none_or(|(_id, levels)| new.levels().is_better_than(levels));
        let (is_ended, outcome) = if is_better {
            let match_id = stored.map(|(id, _levels)| id);
            store(transaction, lease, new, match_id).await?
        } else {
            let failure = no_better(new, self.error_id);
            let error_id = self.error_id;
            (
                fail_in(transaction, lease, &failure).await?,
                StoreOutcome::AlreadyVerified { error_id },
            )
        };
        Ok(match is_ended {
            true => Ending::Commit(outcome),
            false => Ending::RollBack(StoreOutcome::LeaseLost),
        })
    }
}

/// Everything that is new, then the match row, which may be there already, then the end of the job.
async fn store(
    transaction: &Transaction<'_>,
    lease: &Lease,
    new: &NewMatch,
    match_id: Option<i64>,
) -> Result<(bool, StoreOutcome), DatabaseError> {
    let codes = Codes::of(new);
    codes.insert(transaction).await?;
    let deployment_id = deployment::store(transaction, lease, &new.deployment, &codes).await?;
    let compilation_id = compilation::store(transaction, &new.compilation, &codes).await?;
    let verified_contract_id =
        store_verified(transaction, new, deployment_id, compilation_id).await?;
    let match_id = match match_id {
        Some(id) => improve(transaction, id, verified_contract_id, new).await?,
        None => insert(transaction, lease, verified_contract_id, new).await?,
    };
    let compilation_time_ms = new.compilation_time_ms;
    let is_ended = succeed_in(
        transaction,
        lease,
        verified_contract_id,
        new.levels(),
        compilation_time_ms,
    )
    .await?;
    let stored = StoredMatch {
        match_id,
        verified_contract_id,
    };
    Ok((is_ended, StoreOutcome::Stored(stored)))
}

async fn lock_match(
    transaction: &Transaction<'_>,
    lease: &Lease,
) -> Result<Option<(i64, MatchLevels)>, DatabaseError> {
    let row = transaction
        .query_opt(
            LOCK_MATCH,
            &[&lease.chain_id().as_i64(), &lease.address().as_bytes()],
        )
        .await?;
    let read = |row: &Row| -> Result<_, DatabaseError> {
        let levels = MatchLevels {
            creation: row::match_status_if_any(row, "creation_match")?,
            runtime: row::match_status_if_any(row, "runtime_match")?,
        };
        Ok((column(row, "id")?, levels))
    };
    row.as_ref().map(read).transpose()
}

fn no_better(new: &NewMatch, error_id: Uuid) -> JobFailure {
    let transaction = new.deployment.creation_transaction;
    JobFailure {
        error_code: ALREADY_VERIFIED.to_owned(),
        error_id,
        error_data: None,
        compilation_time_ms: Some(new.compilation_time_ms),
        evidence: Evidence {
            recompiled_creation_code: Some(new.compilation.creation_code.clone()),
            recompiled_runtime_code: Some(new.compilation.runtime_code.clone()),
            onchain_creation_code: new.deployment.onchain_creation_code.clone(),
            onchain_runtime_code: Some(new.deployment.onchain_runtime_code.clone()),
            creation_transaction_hash: transaction.map(|transaction| transaction.hash),
        },
    }
}

/// The sides of one pair: whether they match, how, and whether the metadata matches too. A pair that
/// is stored already is replaced, since only something better comes this far.
async fn store_verified(
    transaction: &Transaction<'_>,
    new: &NewMatch,
    deployment_id: Uuid,
    compilation_id: Uuid,
) -> Result<i64, DatabaseError> {
    let creation = new.creation_match.as_ref();
    let runtime = new.runtime_match.as_ref();
    let is_exact = |side: &SideMatch| side.level == MatchStatus::ExactMatch;
    let row = transaction
        .query_one(
            STORE_VERIFIED,
            &[
                &deployment_id,
                &compilation_id,
                &creation.map(|side| &side.transformations),
                &creation.map(|side| &side.values),
                &creation.map(is_exact),
                &runtime.map(|side| &side.transformations),
                &runtime.map(|side| &side.values),
                &runtime.map(is_exact),
            ],
        )
        .await?;
    column(&row, "id")
}

async fn insert(
    transaction: &Transaction<'_>,
    lease: &Lease,
    verified_contract_id: i64,
    new: &NewMatch,
) -> Result<i64, DatabaseError> {
    let levels = new.levels();
    let row = transaction
        .query_opt(
            INSERT_MATCH,
            &[
                &verified_contract_id,
                &lease.chain_id().as_i64(),
                &lease.address().as_bytes(),
                &levels.creation.map(MatchStatus::stored_name),
                &levels.runtime.map(MatchStatus::stored_name),
                &new.metadata,
            ],
        )
        .await?;
    // There was no row to lock before, and now there is: an import brought one.
    let row = row.ok_or(DatabaseError::Overtaken {
        statement: INSERT_MATCH.name(),
    })?;
    column(&row, "id")
}

async fn improve(
    transaction: &Transaction<'_>,
    match_id: i64,
    verified_contract_id: i64,
    new: &NewMatch,
) -> Result<i64, DatabaseError> {
    let levels = new.levels();
    let row = transaction
        .query_one(
            IMPROVE_MATCH,
            &[
                &match_id,
                &verified_contract_id,
                &levels.creation.map(MatchStatus::stored_name),
                &levels.runtime.map(MatchStatus::stored_name),
                &new.metadata,
            ],
        )
        .await?;
    column(&row, "id")
}

async fn find_stored(
    database: &Database,
    verified_contract_id: i64,
) -> Result<StoreOutcome, DatabaseError> {
    let connection = database.connection().await?;
    let row = connection
        .query_opt(FIND_OF_VERIFIED, &[&verified_contract_id])
        .await?;
    match row {
        Some(row) => Ok(StoreOutcome::Stored(StoredMatch {
            match_id: column(&row, "id")?,
            verified_contract_id,
        })),
        // Only a later and better match takes the row away, so another worker ended this job.
        None => Ok(StoreOutcome::LeaseLost),
    }
}
