//! What is stored of a contract, for those who show it to people.

use super::Found;
use crate::db::DatabaseError;
use crate::db::contracts::{Compilation, MatchRow, SourceFile, VerifiedContract};

/// A contract in its parts.
#[derive(Debug)]
pub struct StoredContract {
    pub matched: MatchRow,
    pub verified: VerifiedContract,
    pub compilation: Compilation,
    /// `None`: they are longer than was asked for.
    pub sources: Option<Vec<SourceFile>>,
}

impl Found {
    /// The parts, with the sources unless they are longer than this. Then they are not even read.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn into_stored(
        self,
        max_source_bytes: usize,
    ) -> Result<StoredContract, DatabaseError> {
        let Self { reader, row } = self;
        let verified = reader.get_verified(row.verified_contract_id).await?;
        let id = verified.compilation_id;
        let (compilation, bytes) =
            tokio::try_join!(reader.get_compilation(id), reader.get_source_bytes(id))?;
        let sources = match bytes <= max_source_bytes {
            true => Some(reader.list_sources(id).await?),
            false => None,
        };
        Ok(StoredContract {
            matched: row,
            verified,
            compilation,
            sources,
        })
    }
}
