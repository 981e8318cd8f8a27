//! What verified contracts are called.

use verification::chain::{Address, ChainId};

use crate::db::row::{self, column};
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};

const LIST_NAMES: Statement = statement!("contracts/list_names");

/// The names of those contracts that are verified on this chain.
///
/// # Errors
/// A fault of the database.
pub async fn list_names(
    database: &Database,
    chain_id: ChainId,
    addresses: &[Address],
) -> Result<Vec<(Address, String)>, DatabaseError> {
    let addresses: Vec<&[u8]> = addresses.iter().map(Address::as_bytes).collect();
    let connection = database.connection().await?;
    let rows = connection
        .query(LIST_NAMES, &[&chain_id.as_i64(), &addresses])
        .await?;
    rows.iter()
        .map(|row| Ok((row::address(row, "address")?, column(row, "name")?)))
        .collect()
}
