//! Addresses of libraries as explorers name them, mostly without their files.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::declarations::{Kind, declarations};
use super::{NotAnImport, malformed, shown};
use crate::metadata::insert_library;

/// `Name:address`, separated by semicolons, under the file that declares the library: from 0.7.5 on solc
/// links nothing under the file without a name. Of several files it is the first; of none it is that
/// without a name.
pub(super) fn placed(
    said: &str,
    files: &Map<String, Value>,
) -> Result<Map<String, Value>, NotAnImport> {
    let mut libraries = Map::new();
    let mut declaring = None;
    for entry in said.split(';').map(str::trim) {
        if entry.is_empty() {
            continue;
        }
        let (name, address) = entry
            .rsplit_once(':')
            .ok_or_else(|| malformed(format!("library {}", shown(entry))))?;
        let name = name.trim();
        let declaring = declaring.get_or_insert_with(|| declaring_files(files));
        // A name with a file is none of them.
        let full_name = match declaring.get(name) {
            Some(path) => format!("{path}:{name}"),
            None => name.to_owned(),
        };
        let digits = address.trim().trim_start_matches("0x");
        insert_library(&mut libraries, &full_name, format!("0x{digits}").into());
    }
    Ok(libraries)
}

/// Each library with the first file that declares it.
fn declaring_files(files: &Map<String, Value>) -> BTreeMap<&str, &str> {
    let mut declaring = BTreeMap::new();
    for (path, file) in files {
        let content = file.get("content").and_then(Value::as_str);
        for (kind, name) in content.into_iter().flat_map(declarations) {
            if kind == Kind::Library {
                declaring.entry(name).or_insert(path.as_str());
            }
        }
    }
    declaring
}
