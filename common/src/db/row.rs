//! From a column to a type of ours. What the schema promises is still checked: a row may have come
//! from another program.

use std::time::Duration;

use serde::Deserialize;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Json};
use verification::chain::{Address, ChainId, TransactionHash};
use verification::verdict::MatchStatus;

use super::DatabaseError;

pub(super) fn column<'a, T: FromSql<'a>>(
    row: &'a Row,
    column: &'static str,
) -> Result<T, DatabaseError> {
    row.try_get(column)
        .map_err(|source| unreadable(column, source))
}

/// A document of a json or jsonb column, read as what it is made of.
pub(super) fn document<'a, T: Deserialize<'a>>(
    row: &'a Row,
    name: &'static str,
) -> Result<T, DatabaseError> {
    column::<Json<T>>(row, name).map(|Json(document)| document)
}

pub(super) fn document_if_any<'a, T: Deserialize<'a>>(
    row: &'a Row,
    name: &'static str,
) -> Result<Option<T>, DatabaseError> {
    let document = column::<Option<Json<T>>>(row, name)?;
    Ok(document.map(|Json(document)| document))
}

pub(super) fn chain_id(row: &Row, name: &'static str) -> Result<ChainId, DatabaseError> {
    ChainId::try_from(column::<i64>(row, name)?).map_err(|source| unreadable(name, source))
}

/// `perfect`, `partial` or NULL.
pub(super) fn match_status_if_any(
    row: &Row,
    name: &'static str,
) -> Result<Option<MatchStatus>, DatabaseError> {
    let Some(text) = column::<Option<&str>>(row, name)? else {
        return Ok(None);
    };
    let status = MatchStatus::from_stored_name(text);
    status
        .map(Some)
        .ok_or_else(|| unreadable(name, text.to_owned()))
}

pub(super) fn address(row: &Row, name: &'static str) -> Result<Address, DatabaseError> {
    Address::try_from(column::<&[u8]>(row, name)?).map_err(|source| unreadable(name, source))
}

pub(super) fn address_if_any(
    row: &Row,
    name: &'static str,
) -> Result<Option<Address>, DatabaseError> {
    column::<Option<&[u8]>>(row, name)?
        .map(Address::try_from)
        .transpose()
        .map_err(|source| unreadable(name, source))
}

pub(super) fn transaction_hash_if_any(
    row: &Row,
    name: &'static str,
) -> Result<Option<TransactionHash>, DatabaseError> {
    column::<Option<&[u8]>>(row, name)?
        .map(TransactionHash::try_from)
        .transpose()
        .map_err(|source| unreadable(name, source))
}

/// A count that the schema keeps at zero or more.
pub(super) fn count<'a, T, N>(row: &'a Row, name: &'static str) -> Result<N, DatabaseError>
where
    T: FromSql<'a>,
    N: TryFrom<T, Error: std::error::Error + Send + Sync + 'static>,
{
    N::try_from(column::<T>(row, name)?).map_err(|source| unreadable(name, source))
}

/// The same where there may be none.
pub(super) fn count_if_any<'a, T, N>(
    row: &'a Row,
    name: &'static str,
) -> Result<Option<N>, DatabaseError>
where
    T: FromSql<'a>,
    N: TryFrom<T, Error: std::error::Error + Send + Sync + 'static>,
{
    column::<Option<T>>(row, name)?
        .map(N::try_from)
        .transpose()
        .map_err(|source| unreadable(name, source))
}

/// A duration that Postgres counted. A clock that was set back makes it none.
pub(super) fn seconds(count: f64) -> Duration {
    Duration::try_from_secs_f64(count).unwrap_or_default()
}

pub(super) fn unreadable(
    column: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> DatabaseError {
    DatabaseError::Column {
        column,
        source: source.into(),
    }
}
