//! A folder of packages as one file, since a bucket is slow with many small ones.
//!
//! Packed the same way whenever it is packed: names in order, no times, no owners. Unpacking trusts no
//! name and no length in the archive.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// A release has 20 MB in 2,000 files.
const MAX_BYTES: u64 = 1 << 30;
const MAX_FILES: usize = 100_000;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the archive can't be read")]
    Read(#[source] io::Error),
    #[error("`{0}` can't be unpacked")]
    Write(PathBuf, #[source] io::Error),
    #[error("the archive has `{0}`, which is no name of a file in it")]
    Name(String),
    #[error("the archive has `{0}`, which is neither a file nor a folder")]
    Kind(String),
    #[error("the archive has more in it than any release")]
    TooLarge,
}

/// Everything in a folder. Only files and folders can be packed.
pub(crate) fn pack(folder: &Path, to: &mut File) -> io::Result<()> {
    let mut archive = tar::Builder::new(GzEncoder::new(to, Compression::default()));
    for path in files_of(folder)? {
        let name = path.strip_prefix(folder).map_err(io::Error::other)?;
        let file = File::open(&path)?;
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(file.metadata()?.len());
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, file)?;
    }
    archive.into_inner()?.finish()?;
    Ok(())
}

/// In order. Empty folders don't count, as in the hash over all files.
fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            } else {
                let path = entry.path().display().to_string();
                return Err(io::Error::other(format!("`{path}` is no file")));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Into a folder that is made for it.
pub(crate) fn unpack(archive: impl Read, folder: &Path) -> Result<(), ArchiveError> {
    let unwritable = |path: &Path, error| ArchiveError::Write(path.to_owned(), error);
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    // A byte more than there may be: whoever needs it has too much.
    let unpacked = GzDecoder::new(archive).take(MAX_BYTES.saturating_add(1));
    let mut archive = tar::Archive::new(unpacked);
    let mut bytes_left = MAX_BYTES;
    let entries = archive.entries().map_err(ArchiveError::Read)?;
    for (number, entry) in entries.enumerate() {
        let mut entry = entry.map_err(ArchiveError::Read)?;
        let (size, kind) = (entry.size(), entry.header().entry_type());
        bytes_left = bytes_left.checked_sub(size).ok_or(ArchiveError::TooLarge)?;
        if number >= MAX_FILES {
            return Err(ArchiveError::TooLarge);
        }
        let name = entry.path().map_err(ArchiveError::Read)?.into_owned();
        let told = || name.display().to_string();
        if !kind.is_file() {
            return Err(ArchiveError::Kind(told()));
        }
        if !is_inside(&name) {
            return Err(ArchiveError::Name(told()));
        }
        let path = folder.join(&name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| unwritable(parent, error))?;
        }
        // Nothing but files and folders is ever made here, so no name leads elsewhere.
        let mut file = File::create_new(&path).map_err(|error| unwritable(&path, error))?;
        let written = io::copy(&mut entry, &mut file).map_err(|error| unwritable(&path, error))?;
        if written != size {
            let early = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(ArchiveError::Read(early));
        }
    }
    Ok(())
}

/// Names alone: nothing absolute, no way up.
fn is_inside(name: &Path) -> bool {
    let mut parts = name.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("c.py"), "1").unwrap();
        fs::write(folder.path().join(format!("{}.py", "long".repeat(40))), "2").unwrap();
        folder
    }

    fn packed(folder: &Path) -> Vec<u8> {
        let mut file = tempfile::tempfile().unwrap();
        pack(folder, &mut file).unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// An archive as no packer of ours makes it.
    fn forged(change: impl FnOnce(&mut tar::Header)) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.set_entry_type(tar::EntryType::Regular);
        change(&mut header);
        header.set_cksum();
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        archive.append(&header, &b"x"[..]).unwrap();
        archive.into_inner().unwrap().finish().unwrap()
    }

    fn named(name: &str) -> Vec<u8> {
        forged(|header| {
            let field = &mut header.as_old_mut().name;
            field[..name.len()].copy_from_slice(name.as_bytes());
        })
    }

    fn error(archive: &[u8]) -> ArchiveError {
        let to = tempfile::tempdir().unwrap();
        let inside = to.path().join("inside");
        let error = unpack(archive, &inside).unwrap_err();
        let outside = fs::read_dir(to.path()).unwrap().count();
        assert_eq!(outside, 1, "something lies beside the folder");
        error
    }

    #[test]
    fn a_folder_comes_back_as_it_was() {
        let (from, to) = (folder(), tempfile::tempdir().unwrap());
        let archive = packed(from.path());
        unpack(&archive[..], to.path()).unwrap();
        let hash = |folder: &Path| crate::vyper::sha256_of_folder(folder).unwrap();
        assert_eq!(hash(from.path()), hash(to.path()));
        assert!(packed(to.path()) == archive, "packed in another way");
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["../x", "/etc/x", "a/../../x", "..", "."] {
            let error = error(&named(name));
            assert!(matches!(error, ArchiveError::Name(_)), "{name}: {error:?}");
        }
        unpack(&named("a/x")[..], tempfile::tempdir().unwrap().path()).unwrap();
    }

    #[test]
    fn links_and_devices_are_refused() {
        for kind in [
            tar::EntryType::Symlink,
            tar::EntryType::Link,
            tar::EntryType::Char,
            tar::EntryType::Fifo,
        ] {
            let archive = forged(|header| {
                header.set_path("a").unwrap();
                header.set_entry_type(kind);
                header.set_link_name("/etc/passwd").unwrap();
            });
            let error = error(&archive);
            assert!(matches!(error, ArchiveError::Kind(_)), "{error:?}");
        }
    }

    #[test]
    fn lengths_that_nobody_has_are_refused() {
        let archive = forged(|header| {
            header.set_path("a").unwrap();
            header.set_size(1 << 40);
        });
        assert!(matches!(error(&archive), ArchiveError::TooLarge));
    }

    #[test]
    fn an_archive_that_ends_early_is_noticed() {
        let whole = packed(folder().path());
        for bytes in [0, 1, whole.len() / 2] {
            let error = error(&whole[..bytes]);
            let told = matches!(error, ArchiveError::Read(_) | ArchiveError::Write(..));
            assert!(told, "{bytes}: {error:?}");
        }
    }

    #[test]
    fn one_name_twice_is_refused() {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for _ in 0..2 {
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            archive.append_data(&mut header, "a", &b"x"[..]).unwrap();
        }
        let archive = archive.into_inner().unwrap().finish().unwrap();
        assert!(matches!(error(&archive), ArchiveError::Write(..)));
    }
}
