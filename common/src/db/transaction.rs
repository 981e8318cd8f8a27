//! A transaction has a name, is short, may run twice, and never waits for another server.
//!
//! A serialisation failure or a deadlock says nothing about the work, nor does a connection that ends
//! before the commit: the work is run again from its start. Whether its rows stay, the work says with an
//! [`Ending`]; a fault always rolls back.

use std::time::Duration;

use tokio_postgres::Row;
use tracing::Instrument;

use super::connection::{self, Parameters, Silence};
use super::error::is_lost;
use super::span::{span, tell_end};
use super::statement::Statement;
use super::{Database, DatabaseError};

const ATTEMPTS: u32 = 5;
/// A database that is away is somebody else's to wait for; this is for connections that died meanwhile.
const ATTEMPTS_WHEN_LOST: u32 = 3;
const PAUSE: Duration = Duration::from_millis(10);

/// How a transaction ends when nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending<T> {
    Commit(T),
    /// Nothing of it stays, and yet there is something to tell.
    RollBack(T),
}

/// Something done in one transaction. A trait and not a closure, because the compiler can only tell of
/// this that the work of a spawned task is `Send`.
pub(super) trait Work: Sync {
    /// What faults and logs call it.
    const NAME: &'static str;
    type Output: Send;

    /// All statements of the transaction. It may run several times, each time on a database that
    /// knows nothing of the times before.
    fn run(
        &self,
        transaction: &Transaction<'_>,
    ) -> impl Future<Output = Result<Ending<Self::Output>, DatabaseError>> + Send;
}

/// One transaction, as its work sees it.
pub(super) struct Transaction<'a> {
    client: deadpool_postgres::Transaction<'a>,
    silence: &'a Silence,
}

impl Database {
    /// Runs the work in a transaction, and again after a serialisation failure, a deadlock, or a connection
    /// lost before the commit. After [`DatabaseError::CommitUnknown`] only the rows can tell what holds.
    pub(super) async fn transaction<W: Work>(&self, work: &W) -> Result<W::Output, DatabaseError> {
        let mut attempt = 1;
        loop {
            match self.traced(work).await {
                Err(fault) if attempt < attempts(&fault) => {
                    tracing::info!(
                        event = "transaction_repeated",
                        transaction = W::NAME,
                        attempt,
                        "running transaction `{}` again: {fault}",
                        W::NAME
                    );
                }
                ended => return ended,
            }
            tokio::time::sleep(PAUSE.saturating_mul(attempt)).await;
            attempt = attempt.saturating_add(1);
        }
    }

    async fn traced<W: Work>(&self, work: &W) -> Result<W::Output, DatabaseError> {
        let span = span(W::NAME);
        let ended = self.once(work).instrument(span.clone()).await;
        tell_end(&span, &ended);
        ended
    }

    async fn once<W: Work>(&self, work: &W) -> Result<W::Output, DatabaseError> {
        let mut connection = self.connection().await?;
        let (client, silence) = connection.parts()?;
        let begun = async {
            client
                .transaction()
                .await
                .map_err(|source| DatabaseError::Begin {
                    transaction: W::NAME,
                    source,
                })
        };
        let transaction = Transaction {
            client: silence.bounded(W::NAME, begun).await?,
            silence,
        };
        match work.run(&transaction).await? {
            Ending::Commit(result) => transaction.commit(W::NAME).await.map(|()| result),
            // Dropping a transaction rolls it back, before the connection's next statement.
            Ending::RollBack(result) => Ok(result),
        }
    }
}

/// How often a transaction may be run that ends with this fault.
fn attempts(fault: &DatabaseError) -> u32 {
    if fault.is_repeatable() {
        ATTEMPTS
    } else if fault.is_lost_before_commit() {
        ATTEMPTS_WHEN_LOST
    } else {
        1
    }
}

impl Transaction<'_> {
    pub(super) async fn query(
        &self,
        statement: Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, DatabaseError> {
        connection::query(&self.client, self.silence, statement, parameters).await
    }

    pub(super) async fn query_opt(
        &self,
        statement: Statement,
        parameters: Parameters<'_>,
    ) -> Result<Option<Row>, DatabaseError> {
        Ok(self.query(statement, parameters).await?.pop())
    }

    pub(super) async fn query_one(
        &self,
        statement: Statement,
        parameters: Parameters<'_>,
    ) -> Result<Row, DatabaseError> {
        let row = self.query_opt(statement, parameters).await?;
        row.ok_or(DatabaseError::Missing {
            statement: statement.name(),
        })
    }

    /// How many rows changed.
    pub(super) async fn execute(
        &self,
        statement: Statement,
        parameters: Parameters<'_>,
    ) -> Result<u64, DatabaseError> {
        connection::execute(&self.client, self.silence, statement, parameters).await
    }

    /// A refusal has a code, and the connection goes on. Else the answer was lost, and the commit may stand.
    async fn commit(self, name: &'static str) -> Result<(), DatabaseError> {
        let unknown = DatabaseError::CommitUnknown { transaction: name };
        let committed = async { Ok(self.client.commit().await) };
        match self.silence.bounded(name, committed).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) if source.code().is_some() && !is_lost(&source) => {
                Err(DatabaseError::Commit {
                    transaction: name,
                    source,
                })
            }
            Ok(Err(_lost)) => Err(unknown),
            Err(_no_answer) => Err(unknown),
        }
    }
}
