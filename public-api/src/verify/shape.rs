//! The shape of bodies: which members there are, and of which type. Messages are the contract's.

use common::api::problem::Reason;
use serde_json::{Map, Value};
use verification::chain::TransactionHash;

const HASH_PATTERN: &str = "^0x[0-9a-fA-F]{64}$";

pub(super) type Members = Map<String, Value>;

pub(super) fn members(body: &Value) -> Result<&Members, Reason> {
    match body {
        Value::Object(members) => Ok(members),
        _ => Err(invalid("request/body must be object")),
    }
}

/// The first that is missing is the answer.
pub(super) fn require(members: &Members, names: &[&str]) -> Result<(), Reason> {
    match names.iter().find(|name| !members.contains_key(**name)) {
        None => Ok(()),
        Some(name) => Err(Reason::InvalidParameter(format!(
            "request/body must have required property '{name}'"
        ))),
    }
}

pub(super) fn object<'a>(members: &'a Members, name: &str) -> Result<&'a Members, Reason> {
    let object = members.get(name).and_then(Value::as_object);
    object.ok_or_else(|| Reason::InvalidParameter(format!("request/body/{name} must be object")))
}

pub(super) fn text<'a>(members: &'a Members, name: &str) -> Result<Option<&'a str>, Reason> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Reason::InvalidParameter(format!(
            "request/body/{name} must be string"
        ))),
    }
}

pub(super) fn creation_transaction_hash(
    members: &Members,
) -> Result<Option<TransactionHash>, Reason> {
    const NAME: &str = "creationTransactionHash";
    match text(members, NAME)?.map(str::parse) {
        None => Ok(None),
        Some(Ok(hash)) => Ok(Some(hash)),
        Some(Err(verification::chain::NotATransactionHash)) => Err(pattern(NAME, HASH_PATTERN)),
    }
}

pub(super) fn pattern(name: &str, pattern: &str) -> Reason {
    Reason::InvalidParameter(format!(
        "request/body/{name} must match pattern \"{pattern}\""
    ))
}

pub(super) fn invalid(message: &str) -> Reason {
    Reason::InvalidParameter(message.to_owned())
}
