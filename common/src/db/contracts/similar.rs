//! Verified contracts whose code is the same as another's, or begins in the same way.

use sha2::{Digest, Sha256};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::ContractReader;
use crate::db::DatabaseError;
use crate::db::row::column;
use crate::db::statement::{Statement, statement};

const LIST_WITH_CODE: Statement = statement!("contracts/list_with_code");
const LIST_BEGINNING_LIKE: Statement = statement!("contracts/list_beginning_like");
const FIND_METADATA_OF: Statement = statement!("contracts/find_metadata_of");

/// A compilation, and the best contract that it verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub compilation_id: Uuid,
    pub verified_contract_id: i64,
    pub match_id: i64,
}

impl ContractReader {
    /// The compilations of contracts that have this very runtime code on a chain: best match first,
    /// then newest.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn list_with_code(
        &self,
        runtime_code: &[u8],
        limit: usize,
    ) -> Result<Vec<Candidate>, DatabaseError> {
        let hash: [u8; 32] = Sha256::digest(runtime_code).into();
        self.list_candidates(LIST_WITH_CODE, &hash, limit).await
    }

    /// The compilations whose recompiled runtime code has the same first 75 bytes: best match first,
    /// then newest.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn list_beginning_like(
        &self,
        runtime_code: &[u8],
        limit: usize,
    ) -> Result<Vec<Candidate>, DatabaseError> {
        self.list_candidates(LIST_BEGINNING_LIKE, runtime_code, limit)
            .await
    }

    /// The metadata of a candidate's compilation, as text; that may be none. Nothing at all if the match
    /// shows another contract by now.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn find_metadata_of(
        &self,
        candidate: Candidate,
    ) -> Result<Option<Option<String>>, DatabaseError> {
        let shown: [&(dyn ToSql + Sync); 2] =
            [&candidate.match_id, &candidate.verified_contract_id];
        let row = self.connection.query_opt(FIND_METADATA_OF, &shown).await?;
        row.map(|row| column(&row, "metadata")).transpose()
    }

    async fn list_candidates(
        &self,
        statement: Statement,
        wanted: &[u8],
        limit: usize,
    ) -> Result<Vec<Candidate>, DatabaseError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.connection.query(statement, &[&wanted, &limit]).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<Candidate, DatabaseError> {
    Ok(Candidate {
        compilation_id: column(row, "compilation_id")?,
        verified_contract_id: column(row, "verified_contract_id")?,
        match_id: column(row, "match_id")?,
    })
}
