//! solc's own builds for Linux: finding one, making sure that it is what was pinned, and how to start
//! it so that it reads no files.
//!
//! Like machine code, an executable is checked once per process, and the very file that was checked
//! stays open and is started: one that appears under the same name later has no say.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use verification::compiler::ReleaseNumber;

use crate::artefacts::sha256_of;
use crate::engine::Engine;
use crate::prepared::{MemoryRule, Prepared, Program};
use crate::release::{Platform, Release};

#[derive(Debug, thiserror::Error)]
pub(crate) enum NativeError {
    #[error("`{}` can't be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "`{}` is not what was pinned: its SHA-256 is {has}; remove it to have it fetched",
        path.display()
    )]
    NotPinned { path: PathBuf, has: String },
}

/// Where an executable lies in a repository.
pub(crate) fn path(repository: &Path, release: &Release) -> PathBuf {
    let platform = Platform::LinuxAmd64;
    repository
        .join(platform.name())
        .join(platform.file_name(release))
}

/// Whether it is there, and made executable.
pub(crate) fn is_executable(path: &Path) -> bool {
    let mode = std::fs::metadata(path).map(|file| file.permissions().mode());
    mode.is_ok_and(|mode| mode & 0o111 != 0)
}

/// `None` if it is not there, or not made executable: a plain copy of the Solidity project's folder
/// isn't.
pub(crate) fn open(
    repository: &Path,
    empty_folder: &Path,
    release: &Release,
) -> Result<Option<Prepared>, NativeError> {
    let path = path(repository, release);
    let unreadable = |source| NativeError::Read {
        path: path.clone(),
        source,
    };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let has = sha256_of(&mut file).map_err(unreadable)?;
    let pin = release.pin(Engine::Native);
    if !pin.is_some_and(|pin| pin.accepts(&has)) {
        return Err(NativeError::NotPinned { path, has });
    }
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & 0o111 == 0 {
        return Ok(None);
    }
    let program = Program {
        path,
        arguments: arguments(release.number(), empty_folder),
        // It is one static file.
        readable: Vec::new(),
        memory: MemoryRule::AddressSpace,
    };
    Ok(Some(Prepared::Checked { file, program }))
}

/// How a release is started.
pub(crate) fn maker(release: &Release) -> String {
    let arguments = arguments(release.number(), Path::new("empty"));
    arguments
        .join(OsStr::new(" "))
        .to_string_lossy()
        .into_owned()
}

/// Left alone, solc reads files that `urls`, imports and remappings name. Landlock keeps it from that;
/// where solc itself can be told not to, what it answers is the same everywhere.
fn arguments(release: ReleaseNumber, empty_folder: &Path) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("--standard-json")];
    if release >= ReleaseNumber(0, 8, 22) {
        arguments.push("--no-import-callback".into());
    } else if release >= ReleaseNumber(0, 6, 9) {
        arguments.extend(["--base-path".into(), empty_folder.into()]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_is_kept_from_files_as_far_as_it_can_be() {
        let told = |number| {
            let arguments = arguments(number, Path::new("/empty"));
            arguments.join(OsStr::new(" "))
        };
        let none = "--standard-json";
        let base = "--standard-json --base-path /empty";
        let no_callback = "--standard-json --no-import-callback";
        assert_eq!(told(ReleaseNumber(0, 4, 11)), none);
        assert_eq!(told(ReleaseNumber(0, 6, 8)), none);
        assert_eq!(told(ReleaseNumber(0, 6, 9)), base);
        assert_eq!(told(ReleaseNumber(0, 8, 21)), base);
        assert_eq!(told(ReleaseNumber(0, 8, 22)), no_callback);
        assert_eq!(told(ReleaseNumber(0, 9, 0)), no_callback);
    }
}
