//! Accepting a job: the row and its input in one transaction, before anybody is told.
//!
//! The partial unique index on open jobs decides, on any instance, which of several requests for one
//! contract is the job; what is asked before the insert only gives a better answer.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;
use verification::chain::{Address, ChainId};

use super::JobId;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::db::row::column;
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError, Ending, Transaction, Work};

const IS_PERFECTLY_MATCHED: Statement = statement!("jobs/is_perfectly_matched");
const INSERT_JOB: Statement = statement!("jobs/insert_job");
const INSERT_INPUT: Statement = statement!("jobs/insert_input");
const COUNT_OPEN: Statement = statement!("jobs/count_open");
const EXISTS: Statement = statement!("jobs/exists");
const IS_OPEN: Statement = statement!("jobs/is_open");

/// A checked request, ready to become a row.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub id: JobId,
    pub chain_id: ChainId,
    pub address: Address,
    /// Path of the request, as it was sent.
    pub endpoint: String,
    /// Of the accepting request, so that its trace goes on in the verifier.
    pub traceparent: Option<String>,
    pub kind: JobKind,
    /// The checked request without API keys: all that an attempt needs on any instance.
    pub input: Value,
    /// Who asked; nobody if that is not known.
    pub client: Option<IpAddr>,
    pub limits: OpenJobLimits,
    /// When anybody may call the verifier for it: at once, or when the call of whoever accepted it is lost.
    pub due_after: Duration,
}

/// Which of the four requests a job came from, and so how its input is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    StdJson,
    Metadata,
    Etherscan,
    Similarity,
}

impl JobKind {
    const ALL: [Self; 4] = [
        Self::StdJson,
        Self::Metadata,
        Self::Etherscan,
        Self::Similarity,
    ];

    /// As the column `kind` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StdJson => "std_json",
            Self::Metadata => "metadata",
            Self::Etherscan => "etherscan",
            Self::Similarity => "similarity",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What became of a new job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    Accepted,
    /// The contract has an open job already.
    Duplicate,
    /// Both sides of the stored match are exact: nothing could be better.
    AlreadyVerified,
    /// The client has as many open jobs as one may have.
    TooManyOfClient,
    /// There are as many open jobs as there may be.
    TooMany,
}

/// How many jobs may be open at once.
///
/// What is counted are rows, so the limits hold over all instances; requests that are accepted in the very same moment don't see each other and may exceed
/// them by as many as there are connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenJobLimits {
    pub in_all: u32,
    pub per_client: u32,
}

/// Inserts the job and its input, unless the contract is fully verified or has an open job, or too many
/// jobs are open.
///
/// # Errors
/// A fault of the database; then the job was not accepted. A commit whose answer was lost is looked
/// up by the job's id, so an accepted job is not called refused.
pub async fn accept(database: &Database, job: &NewJob) -> Result<Acceptance, DatabaseError> {
    match database.transaction(&Accept { job }).await {
        Err(unknown @ DatabaseError::CommitUnknown { .. }) => {
            let connection = database.connection().await?;
            match connection.query_opt(EXISTS, &[&job.id.0]).await? {
                Some(_) => Ok(Acceptance::Accepted),
                None => Err(unknown),
            }
        }
        known => known,
    }
}

/// What would become of a job now. It spares other servers questions whose answers nobody needs, and
/// decides nothing: [`accept`] does.
///
/// # Errors
/// A fault of the database.
pub async fn foresee(
    database: &Database,
    chain_id: ChainId,
    address: Address,
    client: Option<IpAddr>,
    limits: OpenJobLimits,
) -> Result<Acceptance, DatabaseError> {
    let connection = database.connection().await?;
    let (chain_id, address) = (chain_id.as_i64(), address.as_bytes());
    let matched = connection
        .query_opt(IS_PERFECTLY_MATCHED, &[&chain_id, &address])
        .await?;
    if matched.is_some() {
        return Ok(Acceptance::AlreadyVerified);
    }
    let open = connection
        .query_opt(IS_OPEN, &[&chain_id, &address])
        .await?;
    if open.is_some() {
        return Ok(Acceptance::Duplicate);
    }
    let parameters = limits.parameters(client);
    let open = connection.query_one(COUNT_OPEN, &parameters.each()).await?;
    Ok(limits.exceeded(&open)?.unwrap_or(Acceptance::Accepted))
}

struct Accept<'a> {
    job: &'a NewJob,
}

impl Work for Accept<'_> {
    const NAME: &'static str = "accept";
    type Output = Acceptance;

    async fn run(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<Ending<Acceptance>, DatabaseError> {
        let job = self.job;
        let chain_id = job.chain_id.as_i64();
        let address = job.address.as_bytes();
        let matched = transaction
            .query_opt(IS_PERFECTLY_MATCHED, &[&chain_id, &address])
            .await?;
        if matched.is_some() {
            return Ok(Ending::RollBack(Acceptance::AlreadyVerified));
        }
        let parameters = job.limits.parameters(job.client);
        let open = transaction
            .query_one(COUNT_OPEN, &parameters.each())
            .await?;
        // A duplicate is told that it is one, whatever the limits say.
        let too_many = job.limits.exceeded(&open)?;
        let inserted = transaction
            .query_opt(
                INSERT_JOB,
                &[
                    &job.id.0,
                    &chain_id,
                    &address,
                    &job.endpoint,
                    &job.traceparent,
                    &job.due_after.as_secs_f64(),
                    &size_bytes(&job.input),
                    &job.client,
                ],
            )
            .await?;
        if inserted.is_none() {
            return Ok(Ending::RollBack(Acceptance::Duplicate));
        }
        if let Some(refused) = too_many {
            return Ok(Ending::RollBack(refused));
        }
        transaction
            .execute(
                INSERT_INPUT,
                &[&job.id.0, &job.kind.name(), &job.input, &job.client],
            )
            .await?;
        Ok(Ending::Commit(Acceptance::Accepted))
    }
}

impl OpenJobLimits {
    fn parameters(self, client: Option<IpAddr>) -> Counted {
        Counted {
            client,
            in_all: i64::from(self.in_all),
            per_client: i64::from(self.per_client),
        }
    }

    fn exceeded(self, open: &Row) -> Result<Option<Acceptance>, DatabaseError> {
        Ok(
            if column::<i64>(open, "of_client")? >= i64::from(self.per_client) {
                Some(Acceptance::TooManyOfClient)
            } else if column::<i64>(open, "in_all")? >= i64::from(self.in_all) {
                Some(Acceptance::TooMany)
            } else {
                None
            },
        )
    }
}

/// What `jobs/count_open` is asked.
struct Counted {
    client: Option<IpAddr>,
    in_all: i64,
    per_client: i64,
}

impl Counted {
    fn each(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.client, &self.in_all, &self.per_client]
    }
}

/// Of the document as JSON, without making it.
fn size_bytes(input: &Value) -> Option<i64> {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, input).ok()?;
    i64::try_from(count.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_an_input_is_that_of_its_text() {
        let input = serde_json::json!({"sources": {"ü\n": {"content": "☃"}}, "n": [1.5, null]});
        let text = i64::try_from(input.to_string().len()).unwrap();
        assert_eq!(size_bytes(&input), Some(text));
    }
}
