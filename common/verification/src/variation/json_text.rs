//! Where the parts of a JSON text lie, so that some can be exchanged and all else stays as it is.
//!
//! A parsed document can't be written back the same: key order and escapes are the writer's.

use std::ops::Range;

use serde::de::{Deserialize, IgnoredAny};

/// Keys and places of the values, in order, of the object at this place. Nothing if there is none.
pub(super) fn members(text: &str, at: usize) -> Option<Vec<(String, Range<usize>)>> {
    let mut cursor = Cursor { text, at };
    let mut members = Vec::new();
    cursor.take(b'{')?;
    while !cursor.closes(b'}', members.is_empty())? {
        let (key, _) = cursor.value::<String>()?;
        cursor.take(b':')?;
        let (IgnoredAny, place) = cursor.value()?;
        members.push((key, place));
    }
    Some(members)
}

/// Places of the items of the list at this place.
pub(super) fn items(text: &str, at: usize) -> Option<Vec<Range<usize>>> {
    let mut cursor = Cursor { text, at };
    let mut items = Vec::new();
    cursor.take(b'[')?;
    while !cursor.closes(b']', items.is_empty())? {
        let (IgnoredAny, place) = cursor.value()?;
        items.push(place);
    }
    Some(items)
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// What is left, without white space before it.
    fn rest(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.at..)?;
        let trimmed = rest.trim_start_matches([' ', '\n', '\r', '\t']);
        self.at = self.text.len().checked_sub(trimmed.len())?;
        Some(trimmed)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        let is_there = self.rest()?.as_bytes().first() == Some(&byte);
        is_there.then(|| self.at = self.at.saturating_add(1))
    }

    /// Takes the closing bracket, or the comma that must stand between two parts.
    fn closes(&mut self, bracket: u8, is_first: bool) -> Option<bool> {
        if self.take(bracket).is_some() {
            return Some(true);
        }
        if !is_first {
            self.take(b',')?;
        }
        Some(false)
    }

    fn value<T: Deserialize<'a>>(&mut self) -> Option<(T, Range<usize>)> {
        let rest = self.rest()?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let value = values.next()?.ok()?;
        let start = self.at;
        self.at = start.checked_add(values.byte_offset())?;
        Some((value, start..self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_where_they_stand() {
        let text = r#"x { "a\u00e9" : [1, "}",{}] ,"b":-1.5e3,"a":null}]"#;
        let found: Vec<_> = members(text, 1)
            .unwrap()
            .into_iter()
            .map(|(key, place)| (key, &text[place]))
            .collect();
        let wanted = [
            ("aé".to_owned(), r#"[1, "}",{}]"#),
            ("b".to_owned(), "-1.5e3"),
            ("a".to_owned(), "null"),
        ];
        assert_eq!(found, wanted);
        let list = text.find('[').unwrap();
        let found: Vec<_> = items(text, list).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(&text[found[1].clone()], r#""}""#);
        assert_eq!(members("{}", 0), Some(Vec::new()));
        for broken in [
            "", "{", "[]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{1:1}",
        ] {
            assert_eq!(members(broken, 0), None, "{broken}");
        }
        assert_eq!(members("é", 1), None);
        assert_eq!(items("[1 2]", 0), None);
    }

    #[test]
    fn depth_does_not_matter() {
        let text = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(members(&text, 0).unwrap().len(), 1);
    }
}
