//! Reading what is stored about a contract: one statement per list, each by primary key.
//!
//! A join of sources and signatures would multiply them, so every list is its own question; over one
//! connection they travel together. This module gives columns as typed fields and leaves the shape of
//! answers to its callers.

mod compilation;
mod matches;
mod names;
mod proxy;
mod similar;
mod verified;

use super::{Connection, Database, DatabaseError};

pub use compilation::{Compilation, SourceFile};
pub use matches::{MatchRow, Page, SortOrder};
pub use names::list_names;
pub use proxy::{ProxyResolution, store_proxy_resolution};
pub use similar::Candidate;
pub use verified::{Codes, Deployment, SideTransformations, VerifiedContract};

/// One connection with the questions one can ask about contracts. Questions asked at the same time
/// (`tokio::try_join!`) are sent together.
#[derive(Debug)]
pub struct ContractReader {
    connection: Connection,
}

impl ContractReader {
    /// Takes a connection of the pool for as long as the reader lives.
    ///
    /// # Errors
    /// No connection could be had.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        Ok(Self {
            connection: database.connection().await?,
        })
    }
}
