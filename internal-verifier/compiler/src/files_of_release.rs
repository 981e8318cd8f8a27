//! Where a release lies, how much room it takes, and how it goes.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Files and folders of one release.
#[derive(Debug, Default)]
pub(crate) struct FilesOfRelease {
    paths: Vec<PathBuf>,
    bytes: u64,
}

/// One that has its name still.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` can't be moved out of the way")]
pub(crate) struct NotMoved {
    path: PathBuf,
    source: io::Error,
}

impl FilesOfRelease {
    /// What can't be looked at takes no room.
    pub(crate) fn measure(paths: Vec<PathBuf>) -> Self {
        let bytes = paths.iter().map(|path| size(path)).sum();
        Self { paths, bytes }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes them out of everybody's sight at once, and gives what is to be deleted. An open file stays
    /// what it is to those who opened it.
    pub(crate) fn set_aside(self) -> Vec<Result<PathBuf, NotMoved>> {
        let aside = |path: PathBuf| {
            let aside = name_aside(&path);
            match fs::rename(&path, &aside) {
                Ok(()) => Ok(aside),
                Err(source) => Err(NotMoved { path, source }),
            }
        };
        self.paths.into_iter().map(aside).collect()
    }
}

/// Never twice the same, and ending in digits as all names do that belong to one process.
fn name_aside(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = OsString::from(path);
    name.push(format!(".{}{count:06}", std::process::id()));
    PathBuf::from(name)
}

/// Takes a while for a folder of a thousand files. What somebody else deletes meanwhile is gone, too.
pub(crate) fn delete(path: &Path) -> io::Result<()> {
    let deleted = match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match deleted {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Of a file, or of all files in a folder.
fn size(path: &Path) -> u64 {
    let Ok(about) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !about.is_dir() {
        return about.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size(&entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_as_large_as_all_in_it_and_goes_whole() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("packages");
        fs::create_dir_all(folder.join("inner")).unwrap();
        fs::write(folder.join("a"), b"12345").unwrap();
        fs::write(folder.join("inner/b"), b"678").unwrap();
        let files = FilesOfRelease::measure(vec![folder.clone()]);
        assert_eq!(files.bytes(), 8);
        let aside = files.set_aside();
        assert!(!folder.exists());
        for path in aside {
            delete(&path.unwrap()).unwrap();
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_gone_already_is_told() {
        let place = tempfile::tempdir().unwrap();
        let files = FilesOfRelease::measure(vec![place.path().join("code")]);
        assert_eq!(files.bytes(), 0);
        assert!(files.set_aside()[0].is_err());
        delete(&place.path().join("code")).unwrap();
    }

    #[test]
    fn the_same_release_can_go_twice_before_it_is_deleted() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("packages");
        for _ in 0..2 {
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("a"), b"1").unwrap();
            let files = FilesOfRelease::measure(vec![folder.clone()]);
            assert!(files.set_aside()[0].is_ok());
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }
}
