//! What lies beside a release while it is taken in, and stays behind when the intake is killed.
//!
//! What lies beside the release's lock has a name that begins like it, and the lock's holder may remove what others
//! left. Fetched files have their temporaries in the repository, where nobody but the next fetch looks.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = ".new-";
const COPY: &str = ".copy";

/// How names of folders begin that become the release's.
pub(super) fn folder_prefix(lock: &Path) -> String {
    format!("{}{FOLDER}", stem(lock))
}

/// Where data of the store is read to.
pub(super) fn copy_path(lock: &Path) -> PathBuf {
    lock.with_file_name(format!("{}{COPY}", stem(lock)))
}

/// Removes what a killed process left here. Only for the holder of the lock.
pub(super) fn remove(lock: &Path) {
    let Some(folder) = lock.parent() else { return };
    // What can't be looked at or removed takes room, and does no other harm.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let stem = stem(lock);
    for entry in entries.flatten() {
        let name = entry.file_name();
        let of_release = name.to_str().and_then(|name| name.strip_prefix(&stem));
        if of_release.is_some_and(is_leftover) {
            drop(crate::files_of_release::delete(&entry.path()));
        }
    }
}

/// A name without the release's: a folder, a copy, or a file that bears its writer's process id.
fn is_leftover(rest: &str) -> bool {
    let is_number = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    let bears_an_id = rest.rsplit_once('.').is_some_and(|(_, id)| is_number(id));
    rest.starts_with(FOLDER) || rest == COPY || bears_an_id
}

/// The lock's name without its `.lock`.
fn stem(lock: &Path) -> String {
    let stem = lock.file_stem().map(OsString::from).unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_of_a_release_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let lock = place.path().join("0.8.2+commit.661d1103.lock");
        let left = [
            "0.8.2+commit.661d1103.cwasm.4711",
            "0.8.2+commit.661d1103.json.4711",
            "0.8.2+commit.661d1103.4711",
            "0.8.2+commit.661d1103.copy",
        ];
        let kept = [
            "0.8.2+commit.661d1103.lock",
            "0.8.2+commit.661d1103.json",
            "0.8.2+commit.661d1103.cwasm",
            "0.8.2+commit.661d1103.map.json",
            "0.8.28+commit.7893614a.cwasm.4711",
            "list.json",
        ];
        for name in left.iter().chain(&kept) {
            fs::write(place.path().join(name), b"").unwrap();
        }
        let folder = place.path().join(folder_prefix(&lock) + "x7Yz");
        fs::create_dir_all(folder.join("packages")).unwrap();
        assert!(is_leftover(COPY) && copy_path(&lock).is_file());
        remove(&lock);
        let entries = fs::read_dir(place.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        let mut kept = kept.map(str::to_owned);
        kept.sort_unstable();
        assert_eq!(names, kept);
    }
}
