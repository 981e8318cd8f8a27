//! A stored match as its API document.
//!
//! One question per list and none that is not asked for: a join of sources and signatures would
//! multiply them. Nobody but the database is asked, so an answer needs no chain and no compiler.

mod document;
mod proxy;
mod selection;
mod std_json;

use serde_json::{Map, Value};
use verification::chain::{Address, ChainId};
use verification::verdict::{MatchLevels, MatchStatus};

use crate::api::time;
use crate::db::contracts::{ContractReader, MatchRow};
use crate::db::{Database, DatabaseError};

pub use selection::{NotASelection, Selection};

/// The document of a contract with the selected fields; nothing if it is not verified.
///
/// # Errors
/// A fault of the database.
pub async fn find(
    database: &Database,
    chain_id: ChainId,
    address: Address,
    selection: &Selection,
) -> Result<Option<Value>, DatabaseError> {
    let reader = ContractReader::new(database).await?;
    let Some(found) = reader.find_match(chain_id, &address).await? else {
        return Ok(None);
    };
    let mut document = minimal(&found);
    if !selection.is_minimal() {
        document::extend(&mut document, &reader, &found, selection).await?;
    }
    Ok(Some(document.into()))
}

/// The document of a contract that is not verified: the basic fields, without a match.
#[must_use]
pub fn not_verified(chain_id: ChainId, address: Address) -> Value {
    basic(chain_id, address, MatchLevels::default()).into()
}

fn minimal(found: &MatchRow) -> Map<String, Value> {
    let mut document = basic(found.chain_id, found.address, found.levels);
    document.insert("matchId".to_owned(), found.match_id.to_string().into());
    document.insert(
        "verifiedAt".to_owned(),
        time::render(found.verified_at).into(),
    );
    document
}

fn basic(chain_id: ChainId, address: Address, levels: MatchLevels) -> Map<String, Value> {
    Map::from_iter([
        ("match".to_owned(), name(levels.best())),
        ("creationMatch".to_owned(), name(levels.creation)),
        ("runtimeMatch".to_owned(), name(levels.runtime)),
        ("chainId".to_owned(), chain_id.to_string().into()),
        ("address".to_owned(), address.to_string().into()),
    ])
}

fn name(level: Option<MatchStatus>) -> Value {
    level.map_or(Value::Null, |level| level.name().into())
}
