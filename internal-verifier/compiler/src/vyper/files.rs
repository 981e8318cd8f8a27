//! One hash for all files of a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Over names and contents, so that a file that was added, removed or renamed is noticed too. What is
/// neither a file nor a folder counts by its name.
pub(crate) fn sha256_of_folder(folder: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut whole = Sha256::new();
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file);
        whole.update(name.as_os_str().as_encoded_bytes());
        whole.update([0]);
        if file.is_file() {
            whole.update(Sha256::digest(fs::read(&file)?));
        }
    }
    Ok(hex::encode(whole.finalize()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_changes_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::create_dir(place("a")).unwrap();
        fs::write(place("a/b.py"), "1").unwrap();
        let mut seen = vec![sha256_of_folder(folder.path()).unwrap()];
        assert_eq!(seen, [sha256_of_folder(folder.path()).unwrap()]);
        type Change = fn(&dyn Fn(&str) -> PathBuf);
        let changes: [Change; 4] = [
            |place| fs::write(place("a/b.py"), "2").unwrap(),
            |place| fs::write(place("a/c.py"), "").unwrap(),
            |place| fs::rename(place("a/c.py"), place("c.py")).unwrap(),
            |place| fs::remove_file(place("a/b.py")).unwrap(),
        ];
        for change in changes {
            change(&place);
            let now = sha256_of_folder(folder.path()).unwrap();
            assert!(!seen.contains(&now), "{seen:?}");
            seen.push(now);
        }
    }
}
