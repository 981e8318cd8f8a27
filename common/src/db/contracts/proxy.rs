//! The last resolution of a proxy that somebody asked for. It may be out of date: a proxy can be
//! upgraded at any time, so whoever names it in a question gets a new one.

use serde_json::Value;
use time::OffsetDateTime;
use verification::chain::{Address, ChainId};

use super::ContractReader;
use crate::api::contract::ProxyType;
use crate::db::row::{column, unreadable};
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};

const FIND_PROXY_RESOLUTION: Statement = statement!("contracts/find_proxy_resolution");
const STORE_PROXY_RESOLUTION: Statement = statement!("contracts/store_proxy_resolution");

/// What a contract forwards to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyResolution {
    /// `None`: no proxy.
    pub proxy_type: Option<ProxyType>,
    pub implementations: Vec<Address>,
    /// Set by the database.
    pub resolved_at: OffsetDateTime,
}

impl ContractReader {
    /// The last stored resolution of a contract; nothing if it is of a kind that we don't know.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn find_proxy_resolution(
        &self,
        chain_id: ChainId,
        address: &Address,
    ) -> Result<Option<ProxyResolution>, DatabaseError> {
        let row = self
            .connection
            .query_opt(
                FIND_PROXY_RESOLUTION,
                &[&chain_id.as_i64(), &address.as_bytes()],
            )
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let proxy_type = match column::<Option<&str>>(&row, "proxy_type")? {
            None => None,
            Some(name) => match ProxyType::from_name(name) {
                Some(kind) => Some(kind),
                // A newer program, or an import, knows more kinds: for us nobody has asked yet.
                None => return Ok(None),
            },
        };
        let implementations: Value = column(&row, "implementations")?;
        Ok(Some(ProxyResolution {
            proxy_type,
            implementations: read_addresses(&implementations)?,
            resolved_at: column(&row, "resolved_at")?,
        }))
    }
}

/// Keeps a resolution in place of an older one.
///
/// # Errors
/// A fault of the database.
pub async fn store_proxy_resolution(
    database: &Database,
    chain_id: ChainId,
    address: &Address,
    proxy_type: Option<ProxyType>,
    implementations: &[Address],
) -> Result<(), DatabaseError> {
    let implementations: Value = implementations
        .iter()
        .map(|implementation| implementation.to_lower_hex())
        .collect();
    let connection = database.connection().await?;
    connection
        .execute(
            STORE_PROXY_RESOLUTION,
            &[
                &chain_id.as_i64(),
                &address.as_bytes(),
                &proxy_type.map(ProxyType::name),
                &implementations,
            ],
        )
        .await?;
    Ok(())
}

fn read_addresses(json: &Value) -> Result<Vec<Address>, DatabaseError> {
    let texts: Vec<String> = serde_json::from_value(json.clone())
        .map_err(|source| unreadable("implementations", source))?;
    texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(|source| unreadable("implementations", source))
}
