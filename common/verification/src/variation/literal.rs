//! How a compiler writes a source into its metadata: as a JSON string, by its own escapes.
//!
//! solc has escaped in four ways so far: 0.4.11 writes UTF-8 and `\u000B`, 0.4.24 only ASCII and
//! `\u000b`, 0.8.26 escapes U+007F too. So they are not listed, but learnt from the text itself: a
//! variation has no character that the original lacks, apart from line endings.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Escapes(BTreeMap<char, String>);

impl Escapes {
    /// Reads a literal, without its quotes, along with what it means. Nothing if they don't agree.
    pub(super) fn learn(content: &str, literal: &str) -> Option<Self> {
        let mut escapes = BTreeMap::from([('\n', "\\n".to_owned()), ('\r', "\\r".to_owned())]);
        let mut rest = literal;
        for character in content.chars() {
            let length = token_length(rest, character)?;
            let (token, after) = rest.split_at_checked(length)?;
            rest = after;
            if token.starts_with('\\') {
                escapes.insert(character, token.to_owned());
            }
        }
        let learnt = Self(escapes);
        (rest.is_empty() && learnt.write(content) == literal).then_some(learnt)
    }

    pub(super) fn write(&self, content: &str) -> String {
        let mut literal = String::with_capacity(content.len());
        for character in content.chars() {
            match self.0.get(&character) {
                Some(escape) => literal.push_str(escape),
                None => literal.push(character),
            }
        }
        literal
    }
}

/// Bytes of the literal that stand for this character.
fn token_length(literal: &str, character: char) -> Option<usize> {
    if literal.starts_with(character) && character != '\\' {
        return Some(character.len_utf8());
    }
    let escape = literal.strip_prefix('\\')?;
    match (escape.starts_with('u'), character.len_utf16()) {
        (false, _) => Some(2),
        (true, 1) => Some(6),
        (true, _) => Some(12),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_the_text() {
        let content = "é😀\u{b}\"\\n\r\n\u{7f}\t/";
        for literal in [
            r#"\u00e9\ud83d\ude00\u000b\"\\n\r\n\u007f\t/"#,
            "é😀\\u000B\\\"\\\\n\\r\\n\u{7f}\\t/",
            "é😀\\u000B\\\"\\\\n\\r\\n\u{7f}\\t\\/",
        ] {
            let escapes = Escapes::learn(content, literal).unwrap();
            let varied = content.replace("\r\n", "\n");
            assert_eq!(escapes.write(&varied), literal.replace("\\r\\n", "\\n"));
        }
        for (content, literal) in [
            ("a", "b"),
            ("a", "ab"),
            ("ab", "a"),
            ("é", "\\u"),
            ("éé", "\\u00e9é"),
        ] {
            assert_eq!(Escapes::learn(content, literal), None, "{literal}");
        }
    }
}
