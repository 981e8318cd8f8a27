//! Where a machine keeps the shared libraries that programs load when they start.

use std::path::PathBuf;

/// Folders and the loader's list of what is in them. Nothing in them is anybody's secret.
const PLACES: [&str; 6] = [
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
];

/// Those that this machine has, each once, without links.
pub(crate) fn places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = PLACES
        .iter()
        .filter_map(|place| std::fs::canonicalize(place).ok())
        .collect();
    places.sort();
    places.dedup();
    places
}
