//! The blobs solc names in its assembly output.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

mod pushed;

use pushed::Pushed;

/// Assemblies within each other that are read; a contract that makes another is two. Each costs two
/// of the levels at which the JSON reader gives up, and a tree cut here loses positions, where an
/// output that can't be read loses everything.
const MAX_NESTING: usize = 50;

/// An assembly's own blob, and the assemblies listed in it by index. Nearly everything else of the
/// output, which is most of it, is skipped while reading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assembly {
    pub auxdata: Option<Vec<u8>>,
    pub nested: BTreeMap<u64, Assembly>,
    /// Indices of those that its code holds. The others are listed only: the optimizer may drop
    /// what refers to an assembly, and the compiler appends nothing that isn't referred to.
    pub pushed: BTreeSet<u64>,
    /// There is more below than was read.
    pub is_cut: bool,
}

/// A blob of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blob<'a> {
    pub(super) id: u32,
    pub(super) value: &'a [u8],
    /// Index of the assembly below the root that holds it; none for the root's own.
    pub(super) branch: Option<u64>,
    /// Whether each assembly on the way from the root down to it is pushed by the one above.
    pub(super) is_in_root: bool,
    /// The same from its branch down.
    pub(super) is_in_branch: bool,
}

/// An assembly of the tree that is yet to be looked at.
struct Open<'a> {
    assembly: &'a Assembly,
    branch: Option<u64>,
    is_in_root: bool,
    is_in_branch: bool,
}

impl<'a> Open<'a> {
    fn root(assembly: &'a Assembly) -> Self {
        Self {
            assembly,
            branch: None,
            is_in_root: true,
            is_in_branch: true,
        }
    }

    fn below(&self, index: u64, assembly: &'a Assembly) -> Self {
        let is_pushed = self.assembly.pushed.contains(&index);
        Self {
            assembly,
            branch: self.branch.or(Some(index)),
            is_in_root: self.is_in_root && is_pushed,
            // A branch is all of its own code, whether or not the root pushes it.
            is_in_branch: self.is_in_branch && (self.branch.is_none() || is_pushed),
        }
    }
}

impl Assembly {
    /// Whether any blob of the tree may be missing.
    pub(super) fn is_incomplete(&self) -> bool {
        self.is_cut || self.nested.values().any(Self::is_incomplete)
    }

    /// Parents before children, children by index; the n-th has id n.
    pub(super) fn blobs(&self) -> Vec<Blob<'_>> {
        let mut blobs = Vec::new();
        let mut open = vec![Open::root(self)];
        while let Some(next) = open.pop() {
            if let Some(value) = &next.assembly.auxdata {
                let id = u32::try_from(blobs.len())
                    .unwrap_or(u32::MAX)
                    .saturating_add(1);
                blobs.push(Blob {
                    id,
                    value,
                    branch: next.branch,
                    is_in_root: next.is_in_root,
                    is_in_branch: next.is_in_branch,
                });
            }
            // Last in, first out: pushed from the end, taken from the start.
            let nested = next.assembly.nested.iter().rev();
            open.extend(nested.map(|(index, assembly)| next.below(*index, assembly)));
        }
        blobs
    }
}

impl<'de> Deserialize<'de> for Assembly {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let nesting_left = MAX_NESTING;
        AssemblyReader { nesting_left }.deserialize(deserializer)
    }
}

/// Anything that is no object is an assembly without blobs: null, or data in hexadecimal.
struct AssemblyReader {
    nesting_left: usize,
}

impl<'de> DeserializeSeed<'de> for AssemblyReader {
    type Value = Assembly;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Assembly, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AssemblyReader {
    type Value = Assembly;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an assembly")
    }

    fn visit_unit<E: Error>(self) -> Result<Assembly, E> {
        Ok(Assembly::default())
    }

    fn visit_str<E: Error>(self, _data: &str) -> Result<Assembly, E> {
        Ok(Assembly::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Assembly, A::Error> {
        let mut assembly = Assembly::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                ".auxdata" => {
                    let digits: String = map.next_value()?;
                    let blob = hex::decode(digits).map_err(Error::custom)?;
                    assembly.auxdata = Some(blob).filter(|blob| !blob.is_empty());
                }
                ".code" => {
                    let Pushed(indices) = map.next_value()?;
                    assembly.pushed = indices;
                }
                ".data" => match self.nesting_left.checked_sub(1) {
                    Some(nesting_left) => {
                        assembly.nested = map.next_value_seed(DataReader { nesting_left })?;
                    }
                    None => {
                        map.next_value::<IgnoredAny>()?;
                        assembly.is_cut = true;
                    }
                },
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(assembly)
    }
}

/// The embedded assemblies; other data is skipped.
struct DataReader {
    nesting_left: usize,
}

impl<'de> DeserializeSeed<'de> for DataReader {
    type Value = BTreeMap<u64, Assembly>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DataReader {
    type Value = BTreeMap<u64, Assembly>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of an assembly")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let nesting_left = self.nesting_left;
        let mut nested = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            match index(&key) {
                Some(index) => {
                    let assembly = map.next_value_seed(AssemblyReader { nesting_left })?;
                    nested.insert(index, assembly);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(nested)
    }
}

/// Keys are lower-case hexadecimal indices; the hashes of data are longer.
fn index(key: &str) -> Option<u64> {
    let is_index = key.len() <= 8 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_index
        .then(|| u64::from_str_radix(key, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blobs_are_counted_parents_first_and_by_index() {
        let nested = |blob: &str| json!({".auxdata": blob});
        let assembly: Assembly = serde_json::from_value(json!({
            ".code": [{"name": "PUSH", "value": "80"}],
            ".data": {
                "0": {".auxdata": "a1", ".data": {"1": nested("a3"), "0": nested("a2")}},
                "2": nested("a4"),
                "10": nested("a7"),
                "9": nested("a5"),
                "a": nested("a6"),
                "0e5c4e0a9bb9c0fb5a2b7ba8a7f3a3a3a4a0a0b0c0d0e0f0010203040506070809": "00ff",
            },
        }))
        .unwrap();
        let blobs = assembly.blobs();
        let found: Vec<_> = blobs
            .iter()
            .map(|blob| (blob.id, hex::encode(blob.value), blob.branch))
            .collect();
        let wanted = [
            (1, "a1", Some(0)),
            (2, "a2", Some(0)),
            (3, "a3", Some(0)),
            (4, "a4", Some(2)),
            (5, "a5", Some(9)),
            (6, "a6", Some(10)),
            (7, "a7", Some(16)),
        ];
        let wanted = wanted.map(|(id, value, branch)| (id, value.to_owned(), branch));
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_blob_is_in_a_code_that_pushes_all_assemblies_down_to_it() {
        let push = |name: &str, index: &str| json!({"name": name, "value": index});
        let assembly: Assembly = serde_json::from_value(json!({
            ".auxdata": "a1",
            ".code": [
                push("PUSH #[$]", &format!("{:064x}", 1)),
                push("PUSH [$]", &format!("{:064x}", 2)),
                push("PUSH [$]", &format!("{:064x}", u64::MAX)),
                push("PUSH", "0"),
                push("PUSH [$]", &"f".repeat(64)),
                {"begin": 1, "source": [], "name": "POP"},
            ],
            ".data": {
                "0": {
                    ".auxdata": "a2",
                    ".code": [push("PUSH [$]", "0")],
                    ".data": {"0": {".auxdata": "a3", ".data": {"0": {".auxdata": "a4"}}}},
                },
                "1": {".auxdata": "a5", ".code": null},
                "2": {
                    ".code": [push("PUSH [$]", "a")],
                    ".data": {"a": {".auxdata": "a6"}, "b": {".auxdata": "a7"}},
                },
            },
        }))
        .unwrap();
        let found: Vec<_> = assembly
            .blobs()
            .iter()
            .map(|blob| (hex::encode(blob.value), blob.is_in_root, blob.is_in_branch))
            .collect();
        let wanted = [
            ("a1", true, true),
            ("a2", false, true),
            ("a3", false, true),
            ("a4", false, false),
            ("a5", false, true),
            ("a6", true, true),
            ("a7", false, false),
        ];
        let wanted = wanted.map(|(value, root, branch)| (value.to_owned(), root, branch));
        assert_eq!(found, wanted);
    }

    #[test]
    fn no_assembly_has_no_blobs() {
        for document in [json!(null), json!({}), json!({".data": {}}), json!("00")] {
            let assembly: Assembly = serde_json::from_value(document).unwrap();
            assert!(assembly.blobs().is_empty());
        }
        assert!(serde_json::from_value::<Assembly>(json!({".auxdata": "0g"})).is_err());
    }
}
