//! Rules for a whole document, whatever it says.

use serde_json::Value;

/// Whether any string or key of the document holds U+0000, which the database can't keep.
#[must_use]
pub fn holds_nul(document: &Value) -> bool {
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) if text.contains('\0') => return true,
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                if members.keys().any(|key| key.contains('\0')) {
                    return true;
                }
                open.extend(members.values());
            }
            _ => {}
        }
    }
    false
}

/// Whether objects and lists lie within each other more often than that. Walked without recursion,
/// since that is the danger looked for.
pub(super) fn is_deeper_than(limit: usize, document: &Value) -> bool {
    let mut level = vec![document];
    for _ in 0..limit {
        level = level.into_iter().flat_map(members).collect();
        level.retain(|value| value.is_object() || value.is_array());
    }
    !level.is_empty()
}

fn members(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => Box::new(std::iter::empty()),
    }
}
