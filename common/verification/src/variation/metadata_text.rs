//! The compiler's own metadata text, edited to what it would be for other contents.
//!
//! Only what says something about a content is exchanged: its hash, the addresses made from hashes,
//! the content itself. All else stays as the compiler wrote it, since a document that is parsed and
//! written again has other bytes. Files are told apart by their paths; two may have one content.
//!
//! What can't be reproduced for the contents we have is not understood, and then nothing is edited.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::hashes::Address;
use super::json_text::{items, members};
use super::literal::Escapes;

#[derive(Debug)]
pub(super) struct MetadataText<'a> {
    text: &'a str,
    /// In the order of the text.
    edits: Vec<Edit<'a>>,
    addresses: Addresses,
}

/// A string of the text, its quotes included, that follows from a source's content.
#[derive(Debug)]
struct Edit<'a> {
    place: Range<usize>,
    content: &'a str,
    written: Written,
}

#[derive(Debug, Clone)]
enum Written {
    Address(Address),
    Content(Escapes),
}

impl<'a> MetadataText<'a> {
    pub(super) fn read(text: &'a str, sources: &'a BTreeMap<String, String>) -> Option<Self> {
        let mut read = Self {
            text,
            edits: Vec::new(),
            addresses: Addresses::default(),
        };
        let (_, place) = members(text, 0)?
            .into_iter()
            .find(|(key, _)| key == "sources")?;
        for (path, place) in members(text, place.start)? {
            read.source(sources.get(&path)?, place)?;
        }
        Some(read)
    }

    fn source(&mut self, content: &'a str, place: Range<usize>) -> Option<()> {
        for (key, place) in members(self.text, place.start)? {
            match key.as_str() {
                "keccak256" => self.address(content, place)?,
                "urls" => {
                    for place in items(self.text, place.start)? {
                        self.address(content, place)?;
                    }
                }
                "content" => {
                    let escapes = Escapes::learn(content, quoted(self.text, &place)?)?;
                    self.push(content, place, Written::Content(escapes));
                }
                _ => {}
            }
        }
        Some(())
    }

    fn address(&mut self, content: &'a str, place: Range<usize>) -> Option<()> {
        let found = quoted(self.text, &place)?;
        // solc up to 0.6.4 leaves the IPFS address of a large file empty.
        if found.is_empty() {
            return Some(());
        }
        let address = Address::ALL
            .into_iter()
            .filter(|address| found.starts_with(address.prefix()))
            .find(|address| self.addresses.get(content, *address) == found)?;
        self.push(content, place, Written::Address(address));
        Some(())
    }

    fn push(&mut self, content: &'a str, place: Range<usize>, written: Written) {
        self.edits.push(Edit {
            place,
            content,
            written,
        });
    }

    /// The text for these sources with their contents varied.
    pub(super) fn with_contents(&mut self, vary: impl Fn(&str) -> String) -> Option<String> {
        let mut edited = String::with_capacity(self.text.len());
        let mut from = 0;
        for edit in &self.edits {
            let varied = vary(edit.content);
            edited.push_str(self.text.get(from..edit.place.start)?);
            edited.push('"');
            match &edit.written {
                Written::Address(address) => edited.push_str(self.addresses.get(&varied, *address)),
                Written::Content(escapes) => edited.push_str(&escapes.write(&varied)),
            }
            edited.push('"');
            from = edit.place.end;
        }
        edited.push_str(self.text.get(from..)?);
        Some(edited)
    }
}

/// What stands between the quotes of a string.
fn quoted<'a>(text: &'a str, place: &Range<usize>) -> Option<&'a str> {
    text.get(place.clone())?
        .strip_prefix('"')?
        .strip_suffix('"')
}

/// Every address of a content is made once, however many files and variations share the content.
///
/// Contents are told apart by a short hash, so that a large project isn't kept twelve times. Were two
/// taken for one, an address would be wrong, and with it the metadata's hash: not found.
#[derive(Debug, Default)]
struct Addresses(BTreeMap<(u64, usize, Address), String>);

impl Addresses {
    fn get(&mut self, content: &str, address: Address) -> &str {
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let made = self.0.entry((hasher.finish(), content.len(), address));
        made.or_insert_with(|| address.of(content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> BTreeMap<String, String> {
        [("a.sol", "contract A {}\n"), ("b.sol", "")]
            .map(|(path, content)| (path.to_owned(), content.to_owned()))
            .into()
    }

    #[test]
    fn only_what_follows_from_contents_is_edited() {
        let keccak = |content: &str| Address::Keccak256.of(content);
        let text = |content: &str| {
            format!(
                r#"{{ "x": "{}", "sources" : {{"a\u002esol": {{"keccak256": "{}", "license": "MIT\/", "urls": [""]}}}},"b.sol":1}}"#,
                keccak("contract A {}\n"),
                keccak(content)
            )
        };
        let (sources, before) = (sources(), text("contract A {}\n"));
        let mut metadata = MetadataText::read(&before, &sources).unwrap();
        let edited = metadata.with_contents(|content| content.trim_end().to_owned());
        assert_eq!(edited, Some(text("contract A {}")));
    }

    #[test]
    fn what_cannot_be_reproduced_is_not_edited() {
        let address = Address::Keccak256.of("");
        let of_b = |members: &str| format!(r#"{{"sources":{{"b.sol":{{{members}}}}}}}"#);
        let sources = sources();
        for (text, is_read) in [
            (of_b(&format!(r#""keccak256":"{address}""#)), true),
            (of_b(&format!(r#""keccak256":"{address}0""#)), false),
            (of_b(r#""keccak256":5"#), false),
            (of_b(r#""urls":"dweb:/ipfs/""#), false),
            (of_b(r#""urls":["dweb:/ipfs/Qm"]"#), false),
            (of_b(r#""urls":["https://example.com"]"#), false),
            (of_b(r#""content":"""#), true),
            (of_b(r#""content":" ""#), false),
            (of_b("").replace("b.sol", "c.sol"), false),
            (String::new(), false),
            ("{}".to_owned(), false),
            (r#"{"sources":[]}"#.to_owned(), false),
        ] {
            let read = MetadataText::read(&text, &sources);
            assert_eq!(read.is_some(), is_read, "{text}");
        }
    }
}
