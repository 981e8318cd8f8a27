//! A stored match as its API document.
//!
//! One question per list and none that is not asked for: a join of sources and signatures would
//! multiply them. Nobody but the database is asked, unless a proxy's resolution is asked for by name.

mod artifacts;
mod document;
mod load;
mod proxy;
mod selection;
mod std_json;
mod stored;
mod version;

use verification::chain::{Address, ChainId};
use verification::verdict::MatchLevels;

use crate::api::contract::{ContractDocument, ContractList, Matches, MinimalContract, NotVerified};
use crate::api::time;
use crate::db::contracts::{ContractReader, MatchRow, Page};
use crate::db::{Database, DatabaseError};

use artifacts::Artifacts;
use load::Loaded;
pub use proxy::ProxyQuestions;
pub use selection::{NotASelection, Selection};
pub use stored::StoredContract;
pub use version::Version;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("what is stored of the contract could not be read")]
    Database {
        #[from]
        source: DatabaseError,
    },
    #[error("a document could not be read or written")]
    Document {
        #[from]
        source: serde_json::Error,
    },
    #[error("match {match_id} changed each of {READINGS} times that it was read")]
    KeepsChanging { match_id: i64 },
}

/// A match changes a few times in its life.
const READINGS: usize = 3;

/// A contract's document, as JSON.
#[derive(Debug)]
pub struct Document {
    pub json: Vec<u8>,
    /// Of the very state that the document shows, see [`Found::version`].
    pub version: Option<Version>,
}

/// A verified contract that was found, with the connection it was found on.
#[derive(Debug)]
pub struct Found {
    reader: ContractReader,
    row: MatchRow,
}

/// The contract's match; nothing if it is not verified.
///
/// # Errors
/// A fault of the database.
pub async fn find(
    database: &Database,
    chain_id: ChainId,
    address: Address,
) -> Result<Option<Found>, DatabaseError> {
    let reader = ContractReader::new(database).await?;
    let row = reader.find_match(chain_id, &address).await?;
    Ok(row.map(|row| Found { reader, row }))
}

impl Found {
    /// What the document is made from. While it is the same, so is the document; nothing is said of
    /// what may change behind our back, the resolution of a proxy.
    #[must_use]
    pub fn version(&self, selection: &Selection) -> Option<Version> {
        (!selection.has("proxyResolution")).then(|| Version::of(&self.row))
    }

    /// The document. Of a match that became better since it was found, that of the better one.
    ///
    /// # Errors
    /// A fault of the database, or of the document.
    pub async fn into_document(
        mut self,
        database: &Database,
        selection: &Selection,
        questions: &ProxyQuestions<'_>,
    ) -> Result<Document, LookupError> {
        if selection.is_minimal() {
            return Ok(Document {
                json: serde_json::to_vec(&minimal(&self.row))?,
                version: self.version(selection),
            });
        }
        let loaded = self.load(selection).await?;
        let (basic, version) = (minimal(&self.row), self.version(selection));
        // Asking the chain takes its time; others can use the connection meanwhile.
        drop(self.reader);
        let proxy_resolution =
            proxy::resolution(database, &self.row, &loaded, selection, questions).await?;
        let artifacts = Artifacts::of(&loaded.compilation)?;
        let document = ContractDocument {
            proxy_resolution,
            ..document::render(basic, &loaded, &artifacts, selection)
        };
        Ok(Document {
            json: serde_json::to_vec(&document)?,
            version,
        })
    }

    /// What hangs on the row, and the row to which it belongs: each statement sees the database as it
    /// is by then, and a row that is still the same was the same in between.
    async fn load(&mut self, selection: &Selection) -> Result<Loaded, LookupError> {
        for _ in 0..READINGS {
            let loaded = load::load(&self.reader, &self.row, selection).await?;
            let (chain_id, address) = (self.row.chain_id, self.row.address);
            match self.reader.find_match(chain_id, &address).await? {
                Some(row) if row != self.row => self.row = row,
                // As it was, or taken away by hand: what we have was true.
                _ => return Ok(loaded),
            }
        }
        Err(LookupError::KeepsChanging {
            match_id: self.row.match_id,
        })
    }
}

/// The matches of an address on all chains, also on those that take no new verifications.
///
/// # Errors
/// A fault of the database.
pub async fn on_all_chains(
    database: &Database,
    address: Address,
) -> Result<ContractList, DatabaseError> {
    Ok(list(&matches_on_all_chains(database, address).await?))
}

/// The same, not yet as the API shows them.
///
/// # Errors
/// A fault of the database.
pub async fn matches_on_all_chains(
    database: &Database,
    address: Address,
) -> Result<Vec<MatchRow>, DatabaseError> {
    let reader = ContractReader::new(database).await?;
    reader.list_on_all_chains(&address).await
}

/// A part of the list of a chain's matches.
///
/// # Errors
/// A fault of the database.
pub async fn on_chain(
    database: &Database,
    chain_id: ChainId,
    page: Page,
) -> Result<ContractList, DatabaseError> {
    let reader = ContractReader::new(database).await?;
    Ok(list(&reader.list_matches(chain_id, page).await?))
}

/// The document of a contract that is not verified: the basic fields, without a match.
#[must_use]
pub fn not_verified(chain_id: ChainId, address: Address) -> NotVerified {
    NotVerified {
        matches: Matches::from(MatchLevels::default()),
        chain_id: chain_id.to_string(),
        address: address.to_string(),
    }
}

fn list(rows: &[MatchRow]) -> ContractList {
    ContractList {
        results: rows.iter().map(minimal).collect(),
    }
}

fn minimal(row: &MatchRow) -> MinimalContract {
    MinimalContract {
        matches: Matches::from(row.levels),
        chain_id: row.chain_id.to_string(),
        address: row.address.to_string(),
        match_id: row.match_id.to_string(),
        verified_at: time::render(row.verified_at),
    }
}
