//! What compilers answered, by the hash of what they were given: a memory that all instances share.
//!
//! What the bytes mean is known to whoever wrote them. Losing a row costs a compile, nothing else.

use std::time::Duration;

use super::row::column;
use super::statement::{Statement, statement};
use super::{Database, DatabaseError};

const FIND: Statement = statement!("outputs/find");
const STORE: Statement = statement!("outputs/store");
const PURGE: Statement = statement!("outputs/purge");

/// Rows may hold megabytes, and a statement has its time limit.
const PURGED_AT_ONCE: u16 = 100;

/// The SHA-256 of everything that an output follows from.
pub type OutputKey = [u8; 32];

/// # Errors
/// A fault of the database.
pub async fn find_output(
    database: &Database,
    key: &OutputKey,
) -> Result<Option<Vec<u8>>, DatabaseError> {
    let connection = database.connection().await?;
    let row = connection.query_opt(FIND, &[&key.as_slice()]).await?;
    row.map(|row| column(&row, "output")).transpose()
}

/// Keeps an output, in place of the one that may be there.
///
/// # Errors
/// A fault of the database.
pub async fn store_output(
    database: &Database,
    key: &OutputKey,
    output: &[u8],
) -> Result<(), DatabaseError> {
    let connection = database.connection().await?;
    connection
        .execute(STORE, &[&key.as_slice(), &output])
        .await?;
    Ok(())
}

/// Deletes what nobody used for so long. Answers how many rows that were.
///
/// # Errors
/// A fault of the database; what was deleted until then stays deleted.
pub async fn purge_outputs(database: &Database, unused: Duration) -> Result<u64, DatabaseError> {
    database.purge(PURGE, unused, PURGED_AT_ONCE).await
}
