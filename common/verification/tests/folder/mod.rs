//! Cases as files: all are judged, and those that differ are told together.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// `judge` gives what was found and what was wanted. Fewer files than that are a mistake.
pub(crate) fn judge_all<T: PartialEq + std::fmt::Debug>(
    folder: &str,
    at_least: usize,
    judge: impl Fn(&Value) -> (T, T),
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut differing = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        count += 1;
        let case: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let (found, wanted) = judge(&case);
        if found != wanted {
            let shows = &case["shows"];
            let name = path.file_stem().unwrap().to_string_lossy();
            differing.push(format!(
                "{name}: {shows}\n  found  {found:?}\n  wanted {wanted:?}"
            ));
        }
    }
    assert!(count >= at_least, "only {count} cases were read");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
