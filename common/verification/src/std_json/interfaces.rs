//! Vyper's interfaces apart from the sources.
//!
//! From 0.4 on a text given as an interface lies in the same bundle as the sources, and code may
//! come from it. So whatever of it reaches the compiler is shown with a verified contract: texts
//! among the sources, JSON in the additional input.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NotAStdJsonInput;

/// By path.
pub(super) type Interfaces = BTreeMap<String, Interface>;

/// What the compiler is given, as it stands in standard JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Interface {
    /// Vyper's own language.
    Text { content: String },
    /// A list of an ABI's items; an object that has one as `abi`; or one that has several by name
    /// as `contractTypes`, which is a manifest of EIP-2678.
    Abi(Value),
}

impl Interface {
    fn parse(given: &Value) -> Option<Self> {
        let abi = || Self::Abi(given.clone());
        match (
            given.get("content"),
            given.get("abi"),
            given.get("contractTypes"),
        ) {
            (Some(Value::String(content)), None, None) => Some(Self::Text {
                content: content.clone(),
            }),
            (None, Some(Value::Array(_)), None)
            | (None, None | Some(Value::Array(_)), Some(Value::Object(_))) => Some(abi()),
            (None, None, None) => given.is_array().then(abi),
            _ => None,
        }
    }
}

/// None at all is as good as an empty object.
pub(super) fn parse(
    given: Option<&Value>,
    sources: &BTreeMap<String, String>,
) -> Result<Interfaces, NotAStdJsonInput> {
    let given = match given {
        None | Some(Value::Null) => return Ok(Interfaces::new()),
        Some(given) => given
            .as_object()
            .ok_or(NotAStdJsonInput::InterfacesAreNoObject)?,
    };
    super::check_paths(given.keys(), given.len().saturating_add(sources.len()))?;
    let parse = |(path, given): (&String, &Value)| {
        let interface = Interface::parse(given)
            .ok_or_else(|| NotAStdJsonInput::UnknownInterface(path.clone()))?;
        match (&interface, sources.get(path)) {
            (Interface::Text { content }, Some(source)) if content != source => {
                Err(NotAStdJsonInput::InterfaceIsAnotherSource(path.clone()))
            }
            _ => Ok((path.clone(), interface)),
        }
    };
    given.iter().map(parse).collect()
}

/// The texts, as sources.
pub(super) fn texts(interfaces: &Interfaces) -> impl Iterator<Item = (&String, &String)> {
    interfaces
        .iter()
        .filter_map(|(path, interface)| match interface {
            Interface::Text { content } => Some((path, content)),
            Interface::Abi(_) => None,
        })
}

/// The others by path, as they were given.
pub(super) fn abis(interfaces: &Interfaces) -> BTreeMap<&String, &Value> {
    interfaces
        .iter()
        .filter_map(|(path, interface)| match interface {
            Interface::Abi(given) => Some((path, given)),
            Interface::Text { .. } => None,
        })
        .collect()
}
