//! The database: connections, transactions, the schema, and one room for each thing that is kept.
//!
//! The row is the truth here, so everything that must hold is held by the schema (`sql/migrations`),
//! and code relies on it without repeating it. Statements live in `sql/queries`, one per file;
//! Postgres sees their first line, so `pg_stat_activity` speaks our names. This module does not
//! decide what a match is and does not shape answers for the API.

mod connect;
mod connection;
pub mod contracts;
mod error;
pub mod jobs;
pub mod matches;
pub mod outputs;
mod purge;
pub mod rights;
mod row;
pub mod schema;
mod span;
mod statement;
mod tls;
mod transaction;

pub use connect::DatabaseConfig;
pub use connection::{Connection, Database};
pub use error::DatabaseError;
use transaction::{Ending, Transaction, Work};

#[cfg(test)]
mod tests {
    use super::{Database, jobs, matches};

    /// A worker runs in a spawned task, so what it awaits must be `Send`; the compiler checks it.
    #[test]
    fn a_worker_can_be_spawned() {
        fn must_be_send<T: Send>(_work: impl FnOnce(Database, jobs::Lease) -> T) {}
        must_be_send(|database, lease| async move {
            let new: matches::NewMatch = std::future::pending().await;
            matches::store_match(&database, &lease, &new).await
        });
        must_be_send(|database, lease| async move {
            let failure: jobs::JobFailure = std::future::pending().await;
            jobs::fail(&database, &lease, &failure).await
        });
        must_be_send(|database, _lease| async move {
            let job: jobs::NewJob = std::future::pending().await;
            jobs::accept(&database, &job).await
        });
    }
}
