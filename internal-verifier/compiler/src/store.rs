//! Prepared compilers that many machines share: a folder, in the cloud a bucket that is mounted as one.
//!
//! ```text
//! <store>/wasmtime-<version>/<class of CPU>-<format>/<long version>.json   an entry: what it is, of what it was made
//!                                                    <SHA-256>             its data, under the name of its contents
//!         vyper/python<version>-<machine>-<format>/                        the packages of a release are one archive
//!         emscripten-asmjs/, linux-amd64/                                  files as their project publishes them
//! ```
//!
//! Data is written before the entry that names it, and both appear under their names only when they are
//! whole: who finds an entry finds its data, and what a crash leaves behind is read by nobody. Nothing
//! here needs a lock, a link or the renaming of a folder, since a mounted bucket has none of them. Two
//! writers at once do the same work twice; the last entry holds, and the data of both is whole.
//!
//! **What is trusted.** A prepared compiler is machine code, or a program. Whoever may write to the store
//! decides what runs in the sandboxed child that meets untrusted input anyway, and so decides verdicts. The
//! hash in an entry protects from damage, not from them. An entry must also name the pinned files that this
//! program's list of releases has: this catches a store that was filled for another list, not a liar. asm.js
//! and solc's own builds are those pinned files themselves, and there even a liar gets nowhere. Nothing of
//! the store is run outside the child, not even to ask it who it is. So: one writer, the job that prepares;
//! everybody else reads.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::artefacts;
use crate::engine::Engine;
use crate::python::Python;
use crate::release::{Platform, Release};
use crate::vyper;

pub(crate) mod archive;
mod entry;

pub(crate) use entry::{Contents, Entry};

/// An entry has a few hundred bytes, Vyper's a few thousand.
const MAX_ENTRY_BYTES: u64 = 1 << 20;

/// Machine code has 78 MB at most so far.
const MAX_DATA_BYTES: u64 = 1 << 30;

/// Readers may be other users than the one who writes.
const MODE: u32 = 0o644;

/// A folder with prepared compilers.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// One release for one engine, on machines like this one.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) release: Release,
    pub(crate) engine: Engine,
    /// Packages are compiled for one; nothing else needs any.
    pub(crate) python: Option<Python>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("`{0}` can't be read")]
    Read(PathBuf, #[source] io::Error),
    #[error("`{0}` can't be written")]
    Write(PathBuf, #[source] io::Error),
    #[error("`{0}` is not an entry of a store")]
    Entry(PathBuf, #[source] serde_json::Error),
    #[error("`{path}` is not for this program: {why}")]
    Other { path: PathBuf, why: String },
    #[error("`{path}` is not whole: it has {has} bytes of {recorded}")]
    Length {
        path: PathBuf,
        has: u64,
        recorded: u64,
    },
    #[error("`{path}` is damaged: its SHA-256 is {has}")]
    Differs { path: PathBuf, has: String },
    #[error("what the intake made is not what it recorded: {has} in place of {recorded}")]
    Source { has: String, recorded: String },
}

impl Store {
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The entry of a release; `None` if it was never put here.
    pub(crate) fn find(&self, wanted: &Wanted) -> Result<Option<Entry>, StoreError> {
        let path = self.entry_path(wanted);
        let unreadable = |error| StoreError::Read(path.clone(), error);
        let file = match File::open(&path) {
            Ok(file) => file,
            // Without a store nothing is prepared; with one that is not there, something is wrong.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.root.is_dir() => {
                return Ok(None);
            }
            Err(error) => return Err(unreadable(error)),
        };
        let mut json = Vec::new();
        let read = file.take(MAX_ENTRY_BYTES).read_to_end(&mut json);
        read.map_err(unreadable)?;
        let entry: Entry = serde_json::from_slice(&json)
            .map_err(|error| StoreError::Entry(path.clone(), error))?;
        match entry.refusal(wanted) {
            None => Ok(Some(entry)),
            Some(why) => Err(StoreError::Other { path, why }),
        }
    }

    /// Whether a release is here with all that belongs to it; its data is measured, not read.
    pub(crate) fn has(&self, wanted: &Wanted) -> Result<bool, StoreError> {
        let Some(entry) = self.find(wanted)? else {
            return Ok(false);
        };
        let path = self.data_path(wanted, &entry.sha256);
        match std::fs::metadata(&path) {
            Ok(data) => Ok(data.len() == entry.bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::Read(path, error)),
        }
    }

    /// Copies the data of an entry to a new file, which is removed again unless all of it is right.
    pub(crate) fn copy(&self, wanted: &Wanted, entry: &Entry, to: &Path) -> Result<(), StoreError> {
        let copied = self.copy_and_check(wanted, entry, to);
        if copied.is_err() {
            // The first error is the one to tell; the next attempt begins with removing it.
            drop(std::fs::remove_file(to));
        }
        copied
    }

    fn copy_and_check(&self, wanted: &Wanted, entry: &Entry, to: &Path) -> Result<(), StoreError> {
        let path = self.data_path(wanted, &entry.sha256);
        let unwritable = |error| StoreError::Write(to.to_owned(), error);
        let data = File::open(&path).map_err(|error| StoreError::Read(path.clone(), error))?;
        // A file of its own: another process may still write to one that was left here.
        match std::fs::remove_file(to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
            _ => {}
        }
        let mut copy = File::create_new(to).map_err(unwritable)?;
        let one_too_many = entry.bytes.saturating_add(1);
        let (bytes, has) = pump(data.take(one_too_many), &mut copy).map_err(|end| match end {
            Broken::Reading(error) => StoreError::Read(path.clone(), error),
            Broken::Writing(error) => unwritable(error),
        })?;
        if bytes != entry.bytes {
            return Err(StoreError::Length {
                path,
                has: bytes,
                recorded: entry.bytes,
            });
        }
        if has != entry.sha256 {
            return Err(StoreError::Differs { path, has });
        }
        Ok(())
    }

    /// Puts a release here: data, then the entry that names it.
    pub(crate) fn put(
        &self,
        wanted: &Wanted,
        contents: Contents,
        data: impl Read,
    ) -> Result<(), StoreError> {
        let folder = self.folder(wanted);
        std::fs::create_dir_all(&folder)
            .map_err(|error| StoreError::Write(folder.clone(), error))?;
        let mut whole = NewFile::in_folder(&folder)?;
        let (bytes, sha256) = pump(data, whole.file()).map_err(|end| match end {
            Broken::Reading(error) => StoreError::Read(wanted.name(), error),
            Broken::Writing(error) => StoreError::Write(folder.clone(), error),
        })?;
        if let Some(recorded) = contents.recorded_sha256().filter(|hash| *hash != sha256) {
            let recorded = recorded.to_owned();
            let has = sha256;
            return Err(StoreError::Source { has, recorded });
        }
        whole.appear_as(&self.data_path(wanted, &sha256))?;
        let path = self.entry_path(wanted);
        let entry = Entry::of(wanted, contents, sha256, bytes);
        if let Some(why) = entry.refusal(wanted) {
            return Err(StoreError::Other { path, why });
        }
        let json = serde_json::to_vec_pretty(&entry)
            .map_err(|error| StoreError::Write(path.clone(), error.into()))?;
        let mut whole = NewFile::in_folder(&folder)?;
        let written = whole.file().write_all(&json);
        written.map_err(|error| StoreError::Write(path.clone(), error))?;
        whole.appear_as(&path)
    }

    fn folder(&self, wanted: &Wanted) -> PathBuf {
        let layout = match (Platform::of(wanted.engine), wanted.engine) {
            (_, Engine::Wasm) => artefacts::layout(),
            (Some(platform), _) => PathBuf::from(platform.name()),
            (None, _) => vyper::layout(wanted.python.as_ref()),
        };
        self.root.join(layout)
    }

    fn entry_path(&self, wanted: &Wanted) -> PathBuf {
        let name = format!("{}.json", wanted.release.long_version());
        self.folder(wanted).join(name)
    }

    /// Only for hashes that were looked at: they become a name.
    fn data_path(&self, wanted: &Wanted, sha256: &str) -> PathBuf {
        self.folder(wanted).join(sha256)
    }
}

impl Wanted {
    /// To speak of its files, wherever they are.
    fn name(&self) -> PathBuf {
        PathBuf::from(format!("{} for {}", self.release, self.engine))
    }
}

/// Has no name that anybody looks for until it is whole.
struct NewFile(tempfile::NamedTempFile);

impl NewFile {
    fn in_folder(folder: &Path) -> Result<Self, StoreError> {
        let file = tempfile::Builder::new()
            .prefix("new-")
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(folder);
        file.map(Self)
            .map_err(|error| StoreError::Write(folder.to_owned(), error))
    }

    fn file(&mut self) -> &mut File {
        self.0.as_file_mut()
    }

    /// A mounted bucket says only now whether it took what was written.
    fn appear_as(self, path: &Path) -> Result<(), StoreError> {
        let unwritable = |error| StoreError::Write(path.to_owned(), error);
        self.0.as_file().sync_all().map_err(unwritable)?;
        let kept = self.0.into_temp_path();
        kept.persist(path).map_err(|error| unwritable(error.error))
    }
}

/// Which side of a copy failed.
enum Broken {
    Reading(io::Error),
    Writing(io::Error),
}

/// Copies everything, and gives its length and its SHA-256 in hexadecimal.
fn pump(mut from: impl Read, to: &mut File) -> Result<(u64, String), Broken> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    let mut bytes = 0_u64;
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => return Ok((bytes, hex::encode(hasher.finalize()))),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Broken::Reading(error)),
        };
        let piece = chunk.get(..read).unwrap_or_default();
        hasher.update(piece);
        to.write_all(piece).map_err(Broken::Writing)?;
        bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests;
