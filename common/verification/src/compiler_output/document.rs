//! Reads the document and skips every contract but one.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{Contract, Source};
use crate::compilation_target::CompilationTarget;

#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) errors: Vec<Value>,
    pub(super) sources: Option<BTreeMap<String, Source>>,
    pub(super) contract: Option<Contract>,
}

pub(super) fn read(text: &str, target: &CompilationTarget) -> Result<Document, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document = deserializer.deserialize_map(DocumentVisitor { target })?;
    deserializer.end()?;
    Ok(document)
}

struct DocumentVisitor<'a> {
    target: &'a CompilationTarget,
}

impl<'de> Visitor<'de> for DocumentVisitor<'_> {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a compiler's output")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut document = Document::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "errors" => {
                    document.errors = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                "sources" => document.sources = map.next_value()?,
                "contracts" => {
                    let name = Only {
                        key: &self.target.name,
                        value: Leaf,
                    };
                    let path = Only {
                        key: &self.target.path,
                        value: name,
                    };
                    document.contract = map.next_value_seed(path)?.flatten();
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(document)
    }
}

/// The value of one key of an object; all others are skipped.
#[derive(Clone, Copy)]
struct Only<'a, S> {
    key: &'a str,
    value: S,
}

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for Only<'_, S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for Only<'_, S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == self.key {
                found = Some(map.next_value_seed(self.value)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[derive(Clone, Copy)]
struct Leaf;

impl<'de> DeserializeSeed<'de> for Leaf {
    type Value = Contract;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Contract, D::Error> {
        serde::Deserialize::deserialize(deserializer)
    }
}
