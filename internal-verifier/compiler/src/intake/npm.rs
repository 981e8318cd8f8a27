//! Fetches a package of npm's `solc` with npm itself, and takes the `soljson.js` out of it.
//!
//! npm knows the registry, the proxy and the credentials of this machine; we don't have to.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use flate2::read::GzDecoder;
use tokio::process::Command;

const LIMIT: Duration = Duration::from_secs(300);

/// The largest so far has 31 MB.
const MAX_BYTES: u64 = 128 << 20;

const FILE_IN_PACKAGE: &str = "package/soljson.js";

#[derive(Debug, thiserror::Error)]
pub(crate) enum NpmError {
    #[error("a temporary folder can't be used")]
    Folder(#[source] io::Error),
    #[error("npm can't be started")]
    Start(#[source] io::Error),
    #[error("npm failed: {0}")]
    Failed(String),
    #[error("npm was not done within {LIMIT:?}")]
    TimedOut,
    #[error("the package can't be unpacked")]
    Unpack(#[source] io::Error),
    #[error("the package has no soljson.js")]
    NoSoljson,
}

/// The `soljson.js` of `solc@<version>`.
pub(crate) async fn soljson_of(version: &str) -> Result<Vec<u8>, NpmError> {
    let folder = tempfile::tempdir().map_err(NpmError::Folder)?;
    let npm = Command::new("npm")
        .args([
            "pack",
            &format!("solc@{version}"),
            "--ignore-scripts",
            "--pack-destination",
        ])
        .arg(folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LIMIT, npm)
        .await
        .map_err(|_elapsed| NpmError::TimedOut)?;
    let output = output.map_err(NpmError::Start)?;
    if !output.status.success() {
        return Err(NpmError::Failed(first_lines(&output.stderr)));
    }
    let package = find_package(folder.path()).map_err(NpmError::Folder)?;
    unpack(&package.ok_or(NpmError::NoSoljson)?)
}

fn first_lines(words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    let lines: Vec<_> = words
        .lines()
        .filter(|line| !line.contains("warn"))
        .take(4)
        .collect();
    lines.join(" ")
}

fn find_package(folder: &Path) -> io::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tgz") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn unpack(package: &Path) -> Result<Vec<u8>, NpmError> {
    let file = std::fs::File::open(package).map_err(NpmError::Unpack)?;
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries().map_err(NpmError::Unpack)? {
        let entry = entry.map_err(NpmError::Unpack)?;
        let is_it = entry
            .path()
            .is_ok_and(|path| path == Path::new(FILE_IN_PACKAGE));
        if is_it {
            let mut soljson = Vec::new();
            entry
                .take(MAX_BYTES)
                .read_to_end(&mut soljson)
                .map_err(NpmError::Unpack)?;
            return Ok(soljson);
        }
    }
    Err(NpmError::NoSoljson)
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn package(name: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let gz = GzEncoder::new(file.reopen().unwrap(), Compression::fast());
        let mut archive = tar::Builder::new(gz);
        for (name, contents) in [("package/package.json", "{}"), (name, "var Module;")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(contents.len().try_into().unwrap());
            header.set_cksum();
            archive
                .append_data(&mut header, name, contents.as_bytes())
                .unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap();
        file
    }

    #[test]
    fn the_compiler_is_found_in_its_package() {
        let soljson = unpack(package("package/soljson.js").path()).unwrap();
        assert_eq!(soljson, b"var Module;");
    }

    #[test]
    fn packages_without_it_are_refused() {
        let error = unpack(package("package/bin/soljson.js").path()).unwrap_err();
        assert!(matches!(error, NpmError::NoSoljson), "{error}");
        let no_package = tempfile::NamedTempFile::new().unwrap();
        let error = unpack(no_package.path()).unwrap_err();
        assert!(matches!(error, NpmError::Unpack(_)), "{error}");
    }
}
