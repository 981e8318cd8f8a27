//! The match row of a contract, alone and in lists.

use time::OffsetDateTime;
use tokio_postgres::Row;
use verification::chain::{Address, ChainId};

use super::ContractReader;
use crate::db::DatabaseError;
use crate::db::row::{self, column};
use crate::db::statement::{Statement, statement};
use verification::verdict::MatchLevels;

const FIND_MATCH: Statement = statement!("contracts/find_match");
const LIST_ON_ALL_CHAINS: Statement = statement!("contracts/list_on_all_chains");
const LIST_ASCENDING: Statement = statement!("contracts/list_ascending");
const LIST_DESCENDING: Statement = statement!("contracts/list_descending");
const FIND_METADATA: Statement = statement!("contracts/find_metadata");

/// The best match of a contract: all that the minimal document needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchRow {
    pub match_id: i64,
    pub verified_contract_id: i64,
    pub chain_id: ChainId,
    pub address: Address,
    pub levels: MatchLevels,
    pub verified_at: OffsetDateTime,
    /// When the match became better, or was made.
    pub updated_at: OffsetDateTime,
}

/// By match id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    Ascending,
    Descending,
}

/// A part of a chain's list. An id is the cursor, since offsets shift under new rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub order: SortOrder,
    /// Only what comes after this id, in the given order.
    pub after_match_id: Option<i64>,
    pub limit: u16,
}

impl ContractReader {
    /// The match of one contract.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn find_match(
        &self,
        chain_id: ChainId,
        address: &Address,
    ) -> Result<Option<MatchRow>, DatabaseError> {
        let row = self
            .connection
            .query_opt(FIND_MATCH, &[&chain_id.as_i64(), &address.as_bytes()])
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The matches of an address, by chain.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn list_on_all_chains(
        &self,
        address: &Address,
    ) -> Result<Vec<MatchRow>, DatabaseError> {
        let rows = self
            .connection
            .query(LIST_ON_ALL_CHAINS, &[&address.as_bytes()])
            .await?;
        rows.iter().map(read).collect()
    }

    /// One page of a chain's matches.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn list_matches(
        &self,
        chain_id: ChainId,
        page: Page,
    ) -> Result<Vec<MatchRow>, DatabaseError> {
        let (statement, start) = match page.order {
            SortOrder::Ascending => (LIST_ASCENDING, i64::MIN),
            SortOrder::Descending => (LIST_DESCENDING, i64::MAX),
        };
        let after = page.after_match_id.unwrap_or(start);
        let rows = self
            .connection
            .query(
                statement,
                &[&chain_id.as_i64(), &after, &i64::from(page.limit)],
            )
            .await?;
        rows.iter().map(read).collect()
    }

    /// The compiler's metadata of a match, as text. Apart from the row, because it can be long.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn find_metadata(&self, match_id: i64) -> Result<Option<String>, DatabaseError> {
        let row = self
            .connection
            .query_opt(FIND_METADATA, &[&match_id])
            .await?;
        row.map_or(Ok(None), |row| column(&row, "metadata"))
    }
}

fn read(row: &Row) -> Result<MatchRow, DatabaseError> {
    Ok(MatchRow {
        match_id: column(row, "id")?,
        verified_contract_id: column(row, "verified_contract_id")?,
        chain_id: row::chain_id(row, "chain_id")?,
        address: row::address(row, "address")?,
        levels: MatchLevels {
            creation: row::match_status_if_any(row, "creation_match")?,
            runtime: row::match_status_if_any(row, "runtime_match")?,
        },
        verified_at: column(row, "created_at")?,
        updated_at: column(row, "updated_at")?,
    })
}
