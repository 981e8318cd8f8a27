//! Addresses of libraries: one text each in metadata, grouped by file in standard JSON.

use serde_json::{Map, Value};

/// `{"path:Lib": address}` becomes `{path: {Lib: address}}`. Metadata of solc before 0.4.9 names no
/// files; those libraries go to the file without a name, which means all files.
pub(super) fn by_file(libraries: &Value) -> Value {
    let mut files = Map::new();
    for (name, address) in libraries.as_object().into_iter().flatten() {
        match address {
            // Already as standard JSON has it.
            Value::Object(_) => {
                files.insert(name.clone(), address.clone());
            }
            _ => insert_library(&mut files, name, address.clone()),
        }
    }
    files.into()
}

/// The path may hold colons, the name can't.
pub(crate) fn insert_library(files: &mut Map<String, Value>, name: &str, address: Value) {
    let (path, name) = name.rsplit_once(':').unwrap_or(("", name));
    let file = files
        .entry(path)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(libraries) = file.as_object_mut() {
        libraries.insert(name.to_owned(), address);
    }
}
