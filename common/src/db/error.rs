//! What can go wrong between us and the database. Each of these is a fault, never an answer.

use std::error::Error;
use std::io;
use std::time::Duration;

use deadpool_postgres::{BuildError, PoolError};
use tokio_postgres::error::SqlState;

use super::tls::TlsError;

/// A fault of the database, or of the way to it.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("the database URL cannot be read")]
    Url {
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("the connections to the database cannot be encrypted")]
    Tls {
        #[source]
        source: TlsError,
    },
    #[error("the pool of database connections cannot be made")]
    Pool {
        #[source]
        source: BuildError,
    },
    #[error("no database connection could be had")]
    Connect {
        #[source]
        source: PoolError,
    },
    #[error("no connection to the database")]
    ConnectOnce {
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("transaction `{transaction}` could not begin")]
    Begin {
        transaction: &'static str,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("statement `{statement}` failed")]
    Statement {
        statement: &'static str,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("{what} got no answer from the database within {} ms", patience.as_millis())]
    NoAnswer {
        what: &'static str,
        patience: Duration,
    },
    #[error("the commit of transaction `{transaction}` was refused")]
    Commit {
        transaction: &'static str,
        #[source]
        source: tokio_postgres::Error,
    },
    /// Neither "done" nor "not done": only the rows themselves can tell, over another connection.
    #[error("the connection was lost during the commit of transaction `{transaction}`")]
    CommitUnknown { transaction: &'static str },
    #[error("column `{column}` holds something that this program cannot read")]
    Column {
        column: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Somebody else inserted the same row between our look and our insert.
    #[error("statement `{statement}` met a row that came in between")]
    Overtaken { statement: &'static str },
    #[error("what statement `{statement}` needs is not in the database")]
    Missing { statement: &'static str },
}

impl DatabaseError {
    /// Whether the same transaction may well pass when it is run again from its start.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Overtaken { .. } => true,
            _ => self.sql_state().is_some_and(|state| {
                *state == SqlState::T_R_SERIALIZATION_FAILURE
                    || *state == SqlState::T_R_DEADLOCK_DETECTED
            }),
        }
    }

    /// Whether the database is away or overwhelmed, and the statement itself is not to blame.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::NoAnswer { .. } | Self::CommitUnknown { .. } => true,
            Self::Begin { source, .. }
            | Self::Statement { source, .. }
            | Self::Commit { source, .. } => source
                .code()
                .is_none_or(|state| ["08", "53", "57"].contains(&class(state))),
            _ => false,
        }
    }

    /// Whether the connection went away under a transaction that had not come to its commit. The server
    /// rolls such a one back, so it may be run again over another connection.
    pub(super) fn is_lost_before_commit(&self) -> bool {
        match self {
            Self::Begin { source, .. } | Self::Statement { source, .. } => is_lost(source),
            _ => false,
        }
    }

    pub(super) fn sql_state(&self) -> Option<&SqlState> {
        match self {
            Self::Begin { source, .. }
            | Self::Statement { source, .. }
            | Self::Commit { source, .. } => source.code(),
            _ => None,
        }
    }
}

/// Whether this error was the connection's last word, or there was none.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(state) => ends_the_connection(state),
        None => {
            error.is_closed()
                || error
                    .source()
                    .is_some_and(|source| source.is::<io::Error>())
        }
    }
}

/// A server that is stopped says so and hangs up, also behind an answer it has given already.
fn ends_the_connection(state: &SqlState) -> bool {
    class(state) == "08"
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(state)
}

/// The first two characters: 08 connection, 53 resources, 57 operator intervention.
fn class(state: &SqlState) -> &str {
    state.code().get(..2).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_stops_is_told_from_one_that_refuses() {
        for (code, is_an_end) in [
            ("57P01", true),
            ("57P02", true),
            ("57P03", true),
            ("25P03", true),
            ("08006", true),
            ("57014", false),
            ("40001", false),
            ("53300", false),
        ] {
            assert_eq!(
                ends_the_connection(&SqlState::from_code(code)),
                is_an_end,
                "{code}"
            );
        }
    }
}
