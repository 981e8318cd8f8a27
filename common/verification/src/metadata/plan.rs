//! Which content each source has, as far as it is at hand, and where the rest may lie.

use std::collections::{BTreeMap, HashMap};

use super::{ContentHash, MetadataSource, SourcePlace};
use crate::failure::VerificationFailure;
use crate::variation::Variation;

/// What is known of the sources of a metadata document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourcePlan {
    found: BTreeMap<String, String>,
    /// Paths whose literal content is not what its hash says.
    invalid: Vec<String>,
    wanted: BTreeMap<ContentHash, WantedSource>,
    /// Provided files that are none of the sources, by their given paths.
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

    /// Provided files that the metadata does not name. Some releases give other code with them than
    /// without (sourcify #618).
    #[must_use]
    pub fn unused(&self) -> &BTreeMap<String, String> {
        &self.unused
    }

    /// All sources by path, or the failure that some are lacking.
    pub fn complete(
        self,
        fetched: &BTreeMap<ContentHash, String>,
    ) -> Result<BTreeMap<String, String>, VerificationFailure> {
        let mut sources = self.found;
        let mut missing_sources = Vec::new();
        for wanted in self.wanted.into_values() {
            match fetched.get(&wanted.hash) {
                Some(content) => {
                    sources.extend(wanted.paths.into_iter().map(|path| (path, content.clone())));
                }
                None => missing_sources.extend(wanted.paths),
            }
        }
        missing_sources.sort();
        if !self.invalid.is_empty() {
            return Err(VerificationFailure::MissingOrInvalidSource {
                missing_sources,
                invalid_sources: self.invalid,
            });
        }
        match missing_sources.is_empty() {
            true => Ok(sources),
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
            .filter(|(path, _)| !named.contains_key(*path))
            .map(|(path, content)| (path.clone(), content.clone()))
            .collect(),
        ..SourcePlan::default()
    };
    let mut files = Files::new(provided);
    for (path, source) in named {
        if let Some(literal) = &source.content {
            match ContentHash::of(literal.as_bytes()) == source.keccak256 {
                true => plan.take(path, literal.clone()),
                false => plan.invalid.push(path.clone()),
            }
        } else if let Some((given_path, content)) = files.find(source.keccak256) {
            plan.unused.remove(given_path);
            plan.take(path, content);
        } else {
            plan.want(path, source);
        }
    }
    plan
}

impl SourcePlan {
    fn take(&mut self, path: &str, content: String) {
        self.found.insert(path.to_owned(), content);
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

/// The provided files by hash.
struct Files<'a> {
    provided: &'a BTreeMap<String, String>,
    as_they_are: HashMap<ContentHash, (&'a str, &'a str)>,
    /// Only hashed when something is not there as it is.
    varied: Option<HashMap<ContentHash, (&'a str, &'a str, Variation)>>,
}

impl<'a> Files<'a> {
    fn new(provided: &'a BTreeMap<String, String>) -> Self {
        let hashed = |(path, content): (&'a String, &'a String)| {
            let hash = ContentHash::of(content.as_bytes());
            (hash, (path.as_str(), content.as_str()))
        };
        Self {
            provided,
            as_they_are: provided.iter().map(hashed).collect(),
            varied: None,
        }
    }

    /// The path under which it was given, and the content itself.
    fn find(&mut self, hash: ContentHash) -> Option<(&'a str, String)> {
        if let Some((path, content)) = self.as_they_are.get(&hash) {
            return Some((path, (*content).to_owned()));
        }
        let varied = self.varied.get_or_insert_with(|| vary(self.provided));
        let (path, content, variation) = varied.get(&hash)?;
        Some((path, variation.of(content)))
    }
}

fn vary(provided: &BTreeMap<String, String>) -> HashMap<ContentHash, (&str, &str, Variation)> {
    let mut varied = HashMap::new();
    for (path, content) in provided {
        for variation in Variation::all() {
            let hash = ContentHash::of(variation.of(content).as_bytes());
            varied
                .entry(hash)
                .or_insert((path.as_str(), content.as_str(), variation));
        }
    }
    varied
}
