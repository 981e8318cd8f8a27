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
    #[error("the package has no {0}")]
    NoFile(String),
    #[error("there is no package in what npm fetched")]
    NoPackage,
}

/// One file of `solc@<version>`; of several names, the first that is there.
pub(crate) async fn file_of(version: &str, names: &[&str]) -> Result<(String, Vec<u8>), NpmError> {
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
    let package = package.ok_or(NpmError::NoPackage)?;
    for name in names {
        if let Some(contents) = unpack(&package, name)? {
            return Ok(((*name).to_owned(), contents));
        }
    }
    Err(NpmError::NoFile(names.join(" and no ")))
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

fn unpack(package: &Path, name: &str) -> Result<Option<Vec<u8>>, NpmError> {
    let wanted = Path::new("package").join(name);
    let file = std::fs::File::open(package).map_err(NpmError::Unpack)?;
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries().map_err(NpmError::Unpack)? {
        let entry = entry.map_err(NpmError::Unpack)?;
        let is_it = entry.path().is_ok_and(|path| path.as_ref() == wanted);
        if is_it {
            let mut contents = Vec::new();
            entry
                .take(MAX_BYTES)
                .read_to_end(&mut contents)
                .map_err(NpmError::Unpack)?;
            return Ok(Some(contents));
        }
    }
    Ok(None)
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
        for name in ["soljson.js", "bin/soljson-latest.js"] {
            let package = package(&format!("package/{name}"));
            let soljson = unpack(package.path(), name).unwrap();
            assert_eq!(soljson.as_deref(), Some(&b"var Module;"[..]));
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let other = package("package/bin/soljson.js");
        assert!(unpack(other.path(), "soljson.js").unwrap().is_none());
        let no_package = tempfile::NamedTempFile::new().unwrap();
        let error = unpack(no_package.path(), "soljson.js").unwrap_err();
        assert!(matches!(error, NpmError::Unpack(_)), "{error}");
    }
}
