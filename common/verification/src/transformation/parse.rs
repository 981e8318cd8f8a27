//! Stored transformations read back. As strict as the database's own checks.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use serde_json::{Map, Value};

use super::{Transformation, TransformationValues};

/// Not what the Verifier Alliance's documents look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotATransformation {
    #[error("a list of transformations or an object of values has another shape")]
    Shape,
    #[error("a transformation has a type and reason that don't go together")]
    Kind,
    #[error("a transformation lacks a member, or has one too many")]
    Members,
    #[error("a value is not hexadecimal of the right length")]
    Hex,
}

/// Members taken one by one; what is left over at the end is one too many.
struct Members<'a> {
    of: &'a Map<String, Value>,
    taken: usize,
}

impl<'a> Members<'a> {
    fn find(&mut self, key: &str) -> Option<&'a Value> {
        let found = self.of.get(key)?;
        self.taken = self.taken.saturating_add(1);
        Some(found)
    }

    fn text(&mut self, key: &str) -> Result<&'a str, NotATransformation> {
        let text = self.find(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
            .ok_or(NotATransformation::Members)
    }

    fn number(&mut self, key: &str) -> Result<usize, NotATransformation> {
        self.find(key)
            .and_then(Value::as_u64)
            .and_then(|number| usize::try_from(number).ok())
            .ok_or(NotATransformation::Members)
    }

    fn length(&mut self) -> Result<usize, NotATransformation> {
        match self.number("length")? {
            0 => Err(NotATransformation::Members),
            length => Ok(length),
        }
    }
}

pub(super) fn transformation(element: &Value) -> Result<Transformation, NotATransformation> {
    let of = element.as_object().ok_or(NotATransformation::Shape)?;
    let mut members = Members { of, taken: 0 };
    let (kind, reason) = (members.text("type")?, members.text("reason")?);
    let offset = members.number("offset")?;
    let read = match (reason, kind) {
        ("callProtection", "replace") if offset == 1 => Transformation::CallProtection,
        ("immutable", "replace") => Transformation::ImmutableReplaced {
            offset,
            id: members.text("id")?.to_owned(),
        },
        ("immutable", "insert") => Transformation::ImmutableInserted {
            offset,
            id: members.text("id")?.to_owned(),
        },
        ("library", "replace") => Transformation::Library {
            offset,
            id: members.text("id")?.to_owned(),
        },
        ("cborAuxdata", "replace") => Transformation::AuxdataReplaced {
            offset,
            id: members.text("id")?.to_owned(),
            length: of
                .contains_key("length")
                .then(|| members.length())
                .transpose()?,
        },
        ("cborAuxdata", "delete") => Transformation::AuxdataDeleted {
            offset,
            length: members.length()?,
        },
        ("constructorArguments", "insert") => Transformation::ConstructorArguments { offset },
        _ => return Err(NotATransformation::Kind),
    };
    if members.taken == of.len() {
        Ok(read)
    } else {
        Err(NotATransformation::Members)
    }
}

pub(super) fn values(document: &Value) -> Result<TransformationValues, NotATransformation> {
    let mut values = TransformationValues::default();
    for (key, value) in document.as_object().ok_or(NotATransformation::Shape)? {
        match key.as_str() {
            "constructorArguments" => values.constructor_arguments = Some(bytes(value)?),
            "libraries" => values.libraries = map(value, address)?,
            "immutables" => values.immutables = map(value, bytes)?,
            "cborAuxdata" => values.cbor_auxdata = map(value, bytes)?,
            "callProtection" => values.call_protection = Some(address(value)?),
            _ => return Err(NotATransformation::Members),
        }
    }
    Ok(values)
}

fn map<T>(
    value: &Value,
    read: fn(&Value) -> Result<T, NotATransformation>,
) -> Result<BTreeMap<String, T>, NotATransformation> {
    let members = value.as_object().ok_or(NotATransformation::Shape)?;
    if members.contains_key("") {
        return Err(NotATransformation::Members);
    }
    members
        .iter()
        .map(|(key, value)| Ok((key.clone(), read(value)?)))
        .collect()
}

fn bytes(value: &Value) -> Result<Vec<u8>, NotATransformation> {
    value
        .as_str()
        .and_then(|text| text.strip_prefix("0x"))
        .and_then(|digits| hex::decode(digits).ok())
        .filter(|bytes| !bytes.is_empty())
        .ok_or(NotATransformation::Hex)
}

fn address(value: &Value) -> Result<Address, NotATransformation> {
    let bytes = bytes(value)?;
    Address::try_from(bytes.as_slice())
        .ok()
        .ok_or(NotATransformation::Hex)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transformation::{transformations_from_json, transformations_to_json};

    #[test]
    fn every_shape_is_read_back_as_it_was_written() {
        let list = json!([
            {"type": "replace", "reason": "callProtection", "offset": 1},
            {"type": "replace", "reason": "immutable", "offset": 176, "id": "7"},
            {"type": "insert", "reason": "immutable", "offset": 167, "id": "0"},
            {"type": "replace", "reason": "library", "offset": 9, "id": "a.sol:L"},
            {"type": "replace", "reason": "cborAuxdata", "offset": 282, "id": "1"},
            {"type": "replace", "reason": "cborAuxdata", "offset": 282, "id": "1", "length": 53},
            {"type": "delete", "reason": "cborAuxdata", "offset": 282, "length": 54},
            {"type": "insert", "reason": "constructorArguments", "offset": 245},
        ]);
        let read = transformations_from_json(&list).unwrap();
        assert_eq!(transformations_to_json(&read), list);

        let values = json!({
            "constructorArguments": "0x00ff",
            "libraries": {"a.sol:L": "0x1111111111111111111111111111111111111111"},
            "immutables": {"7": "0x01"},
            "cborAuxdata": {"1": "0xa1"},
            "callProtection": "0x2222222222222222222222222222222222222222",
        });
        let read = TransformationValues::from_json(&values).unwrap();
        assert_eq!(read.to_json(), values);
        let empty = TransformationValues::from_json(&json!({"cborAuxdata": {}})).unwrap();
        assert_eq!(empty.to_json(), json!({}));
    }

    #[test]
    fn other_shapes_are_refused() {
        for element in [
            json!(5),
            json!({}),
            json!({"type": "replace", "reason": "bogus", "offset": 1}),
            json!({"type": "insert", "reason": "library", "offset": 1, "id": "L"}),
            json!({"type": "replace", "reason": "library", "offset": 1}),
            json!({"type": "replace", "reason": "library", "offset": 1, "id": ""}),
            json!({"type": "replace", "reason": "library", "offset": -1, "id": "L"}),
            json!({"type": "replace", "reason": "library", "offset": 1.5, "id": "L"}),
            json!({"type": "replace", "reason": "library", "offset": 1, "id": "L", "more": 1}),
            json!({"type": "replace", "reason": "callProtection", "offset": 2}),
            json!({"type": "delete", "reason": "cborAuxdata", "offset": 1}),
            json!({"type": "delete", "reason": "cborAuxdata", "offset": 1, "length": 0}),
            json!({"type": "insert", "reason": "constructorArguments", "offset": 1e30}),
        ] {
            assert!(Transformation::from_json(&element).is_err(), "{element}");
        }
        for values in [
            json!([]),
            json!({"more": {}}),
            json!({"constructorArguments": "0x"}),
            json!({"constructorArguments": "00"}),
            json!({"libraries": {"L": "0x11"}}),
            json!({"immutables": {"": "0x11"}}),
            json!({"immutables": {"7": "0x|1"}}),
            json!({"cborAuxdata": ["0x11"]}),
        ] {
            assert!(
                TransformationValues::from_json(&values).is_err(),
                "{values}"
            );
        }
    }
}
