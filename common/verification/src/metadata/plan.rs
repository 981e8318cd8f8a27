//! Which content each source has, as far as it is at hand, and where the rest may lie.

use std::collections::BTreeMap;

use super::provided::ProvidedFiles;
use super::{ContentHash, MetadataSource, SourcePlace};
use crate::failure::VerificationFailure;

/// What is known of the sources of a metadata document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourcePlan {
    found: FoundSources,
    /// Paths whose literal content is not what its hash says, or for which there was no room left.
    invalid: Vec<String>,
    wanted: BTreeMap<ContentHash, WantedSource>,
    /// Provided programs that are none of the sources, by their given paths.
    unused: BTreeMap<String, String>,
}

/// A content that is not at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSource {
    pub hash: ContentHash,
    /// In the order in which they are looked at; none if the metadata names none that we know.
    pub places: Vec<SourcePlace>,
    paths: Vec<String>,
}

impl WantedSource {
    /// What was found at a place, if it is the content: of that hash, and a text that can be kept.
    #[must_use]
    pub fn read(&self, found: Vec<u8>) -> Option<String> {
        if ContentHash::of(&found) != self.hash {
            return None;
        }
        let text = String::from_utf8(found).ok()?;
        (!text.contains('\0')).then_some(text)
    }
}

impl SourcePlan {
    /// What somebody should look for, each content once.
    pub fn wanted(&self) -> impl Iterator<Item = &WantedSource> {
        self.wanted.values()
    }

    /// Provided programs that the metadata does not name. Some releases give other code with them
    /// than without (sourcify #618).
    #[must_use]
    pub fn unused(&self) -> &BTreeMap<String, String> {
        &self.unused
    }

    /// All sources by path, or the failure that some are lacking.
    pub fn complete(
        self,
        fetched: &BTreeMap<ContentHash, String>,
    ) -> Result<BTreeMap<String, String>, VerificationFailure> {
        let (mut sources, mut invalid_sources) = (self.found, self.invalid);
        let mut missing_sources = Vec::new();
        for wanted in self.wanted.into_values() {
            let Some(content) = fetched.get(&wanted.hash) else {
                missing_sources.extend(wanted.paths);
                continue;
            };
            for path in wanted.paths {
                match sources.has_room_for(content.len()) {
                    true => sources.insert(&path, content.clone()),
                    false => invalid_sources.push(path),
                }
            }
        }
        missing_sources.sort();
        if !invalid_sources.is_empty() {
            invalid_sources.sort();
            return Err(VerificationFailure::MissingOrInvalidSource {
                missing_sources,
                invalid_sources,
            });
        }
        match missing_sources.is_empty() {
            true => Ok(sources.by_path),
            false => Err(VerificationFailure::MissingSource { missing_sources }),
        }
    }
}

pub(super) fn plan(
    named: &BTreeMap<String, MetadataSource>,
    provided: &BTreeMap<String, String>,
) -> SourcePlan {
    let mut plan = SourcePlan {
        unused: provided
            .iter()
            .filter(|(path, _)| !named.contains_key(*path) && is_program(path))
            .map(|(path, content)| (path.clone(), content.clone()))
            .collect(),
        ..SourcePlan::default()
    };
    let mut files = ProvidedFiles::new(provided);
    for (path, source) in named {
        if let Some(literal) = &source.content {
            match ContentHash::of(literal.as_bytes()) == source.keccak256 {
                true => plan.take(path, literal.len(), || literal.clone()),
                false => plan.invalid.push(path.clone()),
            }
        } else if let Some(file) = files.find(source.keccak256, path, &plan.unused) {
            plan.unused.remove(file.path);
            plan.take(path, file.length, || file.to_content());
        } else {
            plan.want(path, source);
        }
    }
    plan
}

/// Whether solc can read it, as far as its name tells: one file that it can't read, such as a document
/// beside the programs, fails them all.
fn is_program(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| {
        ending.eq_ignore_ascii_case("sol") || ending.eq_ignore_ascii_case("yul")
    })
}

impl SourcePlan {
    /// The content is only made if there is room for it.
    fn take(&mut self, path: &str, length: usize, content: impl FnOnce() -> String) {
        match self.found.has_room_for(length) {
            true => self.found.insert(path, content()),
            false => self.invalid.push(path.to_owned()),
        }
    }

    fn want(&mut self, path: &str, source: &MetadataSource) {
        let hash = source.keccak256;
        let wanted = self.wanted.entry(hash).or_insert_with(|| WantedSource {
            hash,
            places: Vec::new(),
            paths: Vec::new(),
        });
        let texts = std::iter::once(path).chain(source.urls.iter().map(String::as_str));
        for place in texts.filter_map(SourcePlace::parse) {
            // More than a few say the same, or lead astray.
            if wanted.places.len() < MAX_PLACES && !wanted.places.contains(&place) {
                wanted.places.push(place);
            }
        }
        wanted.paths.push(path.to_owned());
    }
}

const MAX_PLACES: usize = 4;

/// Of all sources together: what a request may hold. Metadata names a content by its hash, and may name
/// one under thousands of paths.
const MAX_BYTES: usize = 30 << 20;

/// The sources that are at hand, by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct FoundSources {
    by_path: BTreeMap<String, String>,
    bytes: usize,
}

impl FoundSources {
    fn has_room_for(&self, length: usize) -> bool {
        self.bytes.saturating_add(length) <= MAX_BYTES
    }

    fn insert(&mut self, path: &str, content: String) {
        self.bytes = self.bytes.saturating_add(content.len());
        self.by_path.insert(path.to_owned(), content);
    }
}
