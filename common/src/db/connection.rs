//! The pool, and one connection of it, as the rooms of `db` use them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::{GenericClient, Object, Pool};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tracing::Instrument;

use super::connect::HAD_WITHIN;
use super::span::{span, tell_end};
use super::statement::Statement;
use super::{DatabaseConfig, DatabaseError};
use crate::telemetry::metrics;

pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The way to one database. Cheap to clone; all clones share one pool.
#[derive(Debug, Clone)]
pub struct Database {
    pool: Pool,
    config: DatabaseConfig,
}

impl Database {
    /// Reads the configuration and makes the pool. Nothing is connected yet: a database that is
    /// away shows itself with the first statement, as it would later.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn new(config: DatabaseConfig) -> Result<Self, DatabaseError> {
        let pool = config.pool()?;
        Ok(Self { pool, config })
    }

    /// Shows in the metrics how much of the pool is used. Once in a process, whose only pool this is.
    pub fn show_in_metrics(&self) {
        let pool = self.pool.clone();
        metrics::watch("db_pool_in_use", move || {
            let status = pool.status();
            float(status.size.saturating_sub(status.available))
        });
        let size = float(self.config.pool_size);
        metrics::watch("db_pool_size", move || size);
    }

    /// One connection, for several reads after each other or at once.
    ///
    /// # Errors
    /// None is free in time, or the database cannot be reached.
    pub async fn connection(&self) -> Result<Connection, DatabaseError> {
        let began = Instant::now();
        let got = tokio::time::timeout(HAD_WITHIN, self.pool.get()).await;
        metrics::observe_seconds("db_pool_wait_seconds", began.elapsed().as_secs_f64(), &[]);
        let client = got
            .map_err(|_elapsed| DatabaseError::NoAnswer {
                what: "connecting",
                patience: HAD_WITHIN,
            })?
            .map_err(|source| DatabaseError::Connect { source })?;
        Ok(Connection {
            client: Some(client),
            silence: Silence::new(self.config.patience()),
        })
    }

    /// Whether the database answers: what a readiness route asks.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        let ping = Statement::new("SELECT 1");
        self.connection().await?.execute(ping, &[]).await?;
        Ok(())
    }

    pub(super) fn config(&self) -> &DatabaseConfig {
        &self.config
    }
}

/// A connection of the pool; it goes back when dropped, unless it still owes an answer.
#[derive(Debug)]
pub struct Connection {
    /// Absent only while it is dropped.
    client: Option<Object>,
    silence: Silence,
}

/// How long an answer may take, and how many never came: waited for in vain, or not waited for,
/// because whoever asked was cancelled.
#[derive(Debug)]
pub(super) struct Silence {
    patience: Duration,
    unanswered: AtomicU32,
}

impl Silence {
    fn new(patience: Duration) -> Self {
        Self {
            patience,
            unanswered: AtomicU32::new(0),
        }
    }

    /// Waits as long as our patience lasts.
    pub(super) async fn bounded<T>(
        &self,
        what: &'static str,
        answer: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        match tokio::time::timeout(self.patience, answer).await {
            Ok(result) => {
                self.unanswered.fetch_sub(1, Ordering::Relaxed);
                result
            }
            Err(_elapsed) => Err(DatabaseError::NoAnswer {
                what,
                patience: self.patience,
            }),
        }
    }
}

impl Connection {
    pub(super) async fn query(
        &self,
        statement: Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, DatabaseError> {
        query(self.client()?, &self.silence, statement, parameters).await
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
        execute(self.client()?, &self.silence, statement, parameters).await
    }

    fn client(&self) -> Result<&Object, DatabaseError> {
        self.client.as_ref().ok_or(DatabaseError::Missing {
            statement: "connection",
        })
    }

    /// The driver's client, to begin a transaction or to migrate, with the limits beside it.
    pub(super) fn parts(&mut self) -> Result<(&mut Object, &Silence), DatabaseError> {
        match &mut self.client {
            Some(client) => Ok((client, &self.silence)),
            None => Err(DatabaseError::Missing {
                statement: "connection",
            }),
        }
    }
}

impl Drop for Connection {
    /// A connection that owes an answer would make its next user wait for that too.
    fn drop(&mut self) {
        if self.silence.unanswered.load(Ordering::Relaxed) > 0
            && let Some(client) = self.client.take()
        {
            drop(Object::take(client));
        }
    }
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

pub(super) async fn query(
    client: &impl GenericClient,
    silence: &Silence,
    statement: Statement,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, DatabaseError> {
    let answer = async {
        let prepared = client.prepare_cached(statement.sql).await?;
        client.query(&prepared, parameters).await
    };
    traced(silence, statement, answer).await
}

pub(super) async fn execute(
    client: &impl GenericClient,
    silence: &Silence,
    statement: Statement,
    parameters: Parameters<'_>,
) -> Result<u64, DatabaseError> {
    let answer = async {
        let prepared = client.prepare_cached(statement.sql).await?;
        client.execute(&prepared, parameters).await
    };
    traced(silence, statement, answer).await
}

async fn traced<T>(
    silence: &Silence,
    statement: Statement,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, DatabaseError> {
    let span = span(statement.name());
    let named = async { answer.await.map_err(|source| failed(statement, source)) };
    let answered = silence.bounded(statement.name(), named);
    let ended = answered.instrument(span.clone()).await;
    tell_end(&span, &ended);
    ended
}

fn failed(statement: Statement, source: tokio_postgres::Error) -> DatabaseError {
    DatabaseError::Statement {
        statement: statement.name(),
        source,
    }
}
