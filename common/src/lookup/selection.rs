//! Which fields of a contract's document a client wants: `fields`, or `omit`, or neither.

use std::collections::{BTreeMap, BTreeSet};

const CODE: [&str; 7] = [
    "onchainBytecode",
    "recompiledBytecode",
    "sourceMap",
    "linkReferences",
    "cborAuxdata",
    "transformations",
    "transformationValues",
];

/// Every selector and its sub selectors. The last seven are always there and may be named.
const FIELDS: [(&str, &[&str]); 23] = [
    ("creationBytecode", &CODE),
    (
        "runtimeBytecode",
        &[
            "onchainBytecode",
            "recompiledBytecode",
            "sourceMap",
            "linkReferences",
            "cborAuxdata",
            "transformations",
            "transformationValues",
            "immutableReferences",
        ],
    ),
    (
        "deployment",
        &[
            "transactionHash",
            "blockNumber",
            "transactionIndex",
            "deployer",
        ],
    ),
    ("sources", &[]),
    (
        "compilation",
        &[
            "language",
            "compiler",
            "compilerVersion",
            "compilerSettings",
            "name",
            "fullyQualifiedName",
        ],
    ),
    ("abi", &[]),
    ("metadata", &[]),
    ("storageLayout", &[]),
    ("transientStorageLayout", &[]),
    ("userdoc", &[]),
    ("devdoc", &[]),
    ("sourceIds", &[]),
    ("stdJsonInput", &[]),
    ("stdJsonOutput", &[]),
    ("signatures", &["function", "event", "error"]),
    ("proxyResolution", &[]),
    ("match", &[]),
    ("matchId", &[]),
    ("creationMatch", &[]),
    ("runtimeMatch", &[]),
    ("verifiedAt", &[]),
    ("chainId", &[]),
    ("address", &[]),
];
const BASIC_FIELDS: usize = 7;

/// The selected fields with their selected parts; a field without parts has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    parts: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Whether `proxyResolution` was asked for by its name.
    names_proxy: bool,
}

/// Displays as what the API answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASelection {
    #[error("Cannot specify both fields and omit")]
    Both,
    #[error("Cannot specify 'all' with other fields")]
    AllWithOthers,
    #[error("Field selector cannot have more than one level subselectors: {0}")]
    TooDeep(String),
    #[error("Field selector {0} is not a valid field")]
    Unknown(String),
}

impl Selection {
    /// From the values of the query's `fields` and `omit`.
    pub fn parse(fields: Option<&str>, omit: Option<&str>) -> Result<Self, NotASelection> {
        match (fields, omit) {
            (Some(_), Some(_)) => Err(NotASelection::Both),
            (None, None) => Ok(Self::default()),
            (Some("all"), None) => Ok(Self::everything()),
            (Some(list), None) if list.split(',').any(|field| field == "all") => {
                Err(NotASelection::AllWithOthers)
            }
            (Some(list), None) => {
                let mut selection = Self::default();
                for text in list.split(',') {
                    let (field, parts) = selector(text)?;
                    selection.names_proxy |= field == "proxyResolution";
                    selection.parts.entry(field).or_default().extend(parts);
                }
                Ok(selection)
            }
            (None, Some(list)) => {
                let mut selection = Self::everything();
                for text in list.split(',') {
                    let (field, omitted) = selector(text)?;
                    selection.leave_out(field, &omitted);
                }
                Ok(selection)
            }
        }
    }

    fn everything() -> Self {
        let parts = FIELDS
            .iter()
            .map(|(field, parts)| (*field, parts.iter().copied().collect()));
        Self {
            parts: parts.collect(),
            names_proxy: false,
        }
    }

    fn leave_out(&mut self, field: &str, omitted: &[&str]) {
        if let Some(parts) = self.parts.get_mut(field) {
            parts.retain(|part| !omitted.contains(part));
            if parts.is_empty() {
                self.parts.remove(field);
            }
        }
    }

    /// Nothing but what is always there.
    #[must_use]
    pub fn is_minimal(&self) -> bool {
        let (more, _basic) = FIELDS.split_at(FIELDS.len() - BASIC_FIELDS);
        !more.iter().any(|(field, _)| self.has(field))
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.parts.contains_key(field)
    }

    pub(super) fn has_part(&self, field: &str, part: &str) -> bool {
        self.parts
            .get(field)
            .is_some_and(|parts| parts.contains(part))
    }

    pub(super) fn names_proxy(&self) -> bool {
        self.names_proxy
    }
}

/// The field and the parts that one selector means.
fn selector(text: &str) -> Result<(&'static str, Vec<&'static str>), NotASelection> {
    let mut names = text.split('.');
    let (field, part, deeper) = (names.next().unwrap_or_default(), names.next(), names.next());
    if deeper.is_some() {
        return Err(NotASelection::TooDeep(text.to_owned()));
    }
    let unknown = || NotASelection::Unknown(text.to_owned());
    let (field, parts) = FIELDS
        .iter()
        .find(|(name, _)| *name == field)
        .ok_or_else(unknown)?;
    match part {
        None => Ok((field, parts.to_vec())),
        Some(part) => {
            let part = parts
                .iter()
                .find(|name| **name == part)
                .ok_or_else(unknown)?;
            Ok((field, vec![part]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_is_the_minimal_document() {
        assert!(Selection::parse(None, None).unwrap().is_minimal());
        assert!(
            Selection::parse(Some("matchId,match,verifiedAt"), None)
                .unwrap()
                .is_minimal()
        );
    }

    #[test]
    fn fields_are_named_whole_or_in_part() {
        let selection =
            Selection::parse(Some("abi,compilation.name,compilation.name,sources"), None).unwrap();
        assert!(selection.has("abi") && selection.has("sources") && selection.has("compilation"));
        assert!(selection.has_part("compilation", "name"));
        assert!(!selection.has_part("compilation", "language"));
        assert!(!selection.has("metadata"));
    }

    #[test]
    fn all_is_everything_and_omit_takes_away() {
        let all = Selection::parse(Some("all"), None).unwrap();
        assert!(all.has("proxyResolution") && !all.names_proxy());
        assert!(all.has_part("runtimeBytecode", "immutableReferences"));
        let most = Selection::parse(None, Some("sources,deployment.deployer")).unwrap();
        assert!(!most.has("sources") && !most.has_part("deployment", "deployer"));
        assert!(most.has_part("deployment", "blockNumber"));
        let parts = "signatures.function,signatures.event,signatures.error";
        assert!(
            !Selection::parse(None, Some(parts))
                .unwrap()
                .has("signatures")
        );
    }

    #[test]
    fn each_wrong_selection_has_its_message() {
        for (fields, omit, message) in [
            (
                Some("abi"),
                Some("abi"),
                "Cannot specify both fields and omit",
            ),
            (
                Some("all,abi"),
                None,
                "Cannot specify 'all' with other fields",
            ),
            (
                Some("a.b.c"),
                None,
                "Field selector cannot have more than one level subselectors: a.b.c",
            ),
            (Some("foo"), None, "Field selector foo is not a valid field"),
            (
                Some("abi.x"),
                None,
                "Field selector abi.x is not a valid field",
            ),
            (Some("abi,"), None, "Field selector  is not a valid field"),
            (None, Some("all"), "Field selector all is not a valid field"),
            (
                None,
                Some("creationBytecode.immutableReferences"),
                "Field selector creationBytecode.immutableReferences is not a valid field",
            ),
        ] {
            assert_eq!(
                Selection::parse(fields, omit).unwrap_err().to_string(),
                message
            );
        }
    }
}
