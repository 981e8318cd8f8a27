//! The files that came with a metadata document, by the hashes of their contents.

use std::collections::{BTreeMap, HashMap};

use super::ContentHash;
use crate::variation::Variation;

pub(super) struct ProvidedFiles<'a> {
    provided: &'a BTreeMap<String, String>,
    as_they_are: ByHash<'a>,
    /// Only hashed when something is not there as it is.
    varied: Option<ByHash<'a>>,
}

type ByHash<'a> = HashMap<ContentHash, Vec<ProvidedFile<'a>>>;

/// A file that has a hash, maybe with other line endings than it was given with.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProvidedFile<'a> {
    /// Under which it was given.
    pub(super) path: &'a str,
    /// Of the content, in bytes.
    pub(super) length: usize,
    given: &'a str,
    variation: Option<Variation>,
}

impl ProvidedFile<'_> {
    pub(super) fn to_content(self) -> String {
        match self.variation {
            Some(variation) => variation.of(self.given),
            None => self.given.to_owned(),
        }
    }
}

impl<'a> ProvidedFiles<'a> {
    pub(super) fn new(provided: &'a BTreeMap<String, String>) -> Self {
        let mut as_they_are = ByHash::new();
        for (path, given) in provided {
            let file = ProvidedFile {
                path,
                length: given.len(),
                given,
                variation: None,
            };
            let hash = ContentHash::of(given.as_bytes());
            as_they_are.entry(hash).or_default().push(file);
        }
        Self {
            provided,
            as_they_are,
            varied: None,
        }
    }

    /// Of equal files the one that was given under this path, else one that is still unused: the other
    /// may be a file of its own.
    pub(super) fn find(
        &mut self,
        hash: ContentHash,
        path: &str,
        unused: &BTreeMap<String, String>,
    ) -> Option<ProvidedFile<'a>> {
        let files = match self.as_they_are.get(&hash) {
            Some(files) => files,
            None => {
                let varied = self.varied.get_or_insert_with(|| vary(self.provided));
                varied.get(&hash)?
            }
        };
        let so_named = || files.iter().find(|file| file.path == path);
        let still_unused = || files.iter().find(|file| unused.contains_key(file.path));
        so_named()
            .or_else(still_unused)
            .or_else(|| files.first())
            .copied()
    }
}

fn vary(provided: &BTreeMap<String, String>) -> ByHash<'_> {
    let mut varied = ByHash::new();
    for (path, given) in provided {
        for variation in Variation::all() {
            let content = variation.of(given);
            let hash = ContentHash::of(content.as_bytes());
            varied.entry(hash).or_default().push(ProvidedFile {
                path,
                length: content.len(),
                given,
                variation: Some(variation),
            });
        }
    }
    varied
}
