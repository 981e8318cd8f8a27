//! The folder of `soljson.js` files, laid out as the Solidity project publishes them, so that a plain
//! copy of theirs can stand in for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lock::Lock;
use crate::release::{Platform, Release};

#[derive(Debug)]
pub(crate) struct Repository {
    folder: PathBuf,
    platform: Platform,
}

/// `list.json`, with the fields the Solidity project has.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    builds: Vec<Build>,
    #[serde(default)]
    releases: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    latest_release: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Build {
    path: String,
    version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prerelease: Option<String>,
    build: String,
    long_version: String,
    keccak256: String,
    sha256: String,
    #[serde(default)]
    urls: Vec<String>,
}

impl Repository {
    pub(crate) fn new(root: &Path, platform: Platform) -> Self {
        Self {
            folder: root.join(platform.name()),
            platform,
        }
    }

    pub(crate) fn path(&self, release: &Release) -> PathBuf {
        self.folder.join(self.platform.file_name(release))
    }

    pub(crate) fn platform(&self) -> Platform {
        self.platform
    }

    /// The file of a release; `None` if there is none.
    pub(crate) fn find(&self, release: &Release) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(release)) {
            Ok(soljson) => Ok(Some(soljson)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds a checked file, and its entry in the list.
    pub(crate) fn store(&self, release: &Release, soljson: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // Several releases may be taken in at once, and they share the list.
        let _lock = Lock::acquire(&self.folder.join("list.lock"))?;
        let name = self.platform.file_name(release);
        self.write_whole(&name, soljson)?;
        let mut list = self.list()?;
        list.builds.retain(|build| build.path != name);
        list.builds.push(self.build(release, soljson));
        list.builds.sort_by_key(|build| number_of(&build.version));
        list.releases.insert(release.number().to_string(), name);
        let newest = list
            .releases
            .keys()
            .max_by_key(|version| number_of(version));
        list.latest_release = newest.cloned().unwrap_or_default();
        self.write_whole("list.json", &serde_json::to_vec_pretty(&list)?)
    }

    fn build(&self, release: &Release, soljson: &[u8]) -> Build {
        let sha256 = hex::encode(Sha256::digest(soljson));
        let files = release.pin(self.platform.engine());
        let files = files.map(|pin| pin.files.as_slice());
        let pinned = files
            .into_iter()
            .flatten()
            .find(|file| file.sha256 == sha256);
        let keccak256 = pinned.and_then(|file| file.keccak256.clone());
        let keccak256 =
            keccak256.unwrap_or_else(|| hex::encode(alloy_primitives::keccak256(soljson)));
        let long_version = release.long_version().to_owned();
        let build = long_version
            .split_once('+')
            .map(|(_, build)| build.to_owned());
        Build {
            path: self.platform.file_name(release),
            version: release.number().to_string(),
            prerelease: None,
            build: build.unwrap_or_default(),
            long_version,
            keccak256: format!("0x{keccak256}"),
            sha256: format!("0x{sha256}"),
            urls: Vec::new(),
        }
    }

    fn list(&self) -> io::Result<List> {
        match fs::read(self.folder.join("list.json")) {
            Ok(json) => Ok(serde_json::from_slice(&json)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(List::default()),
            Err(error) => Err(error),
        }
    }

    fn write_whole(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        let temporary = self.folder.join(format!("{name}.{}", std::process::id()));
        fs::write(&temporary, contents)?;
        fs::rename(&temporary, self.folder.join(name))
    }
}

fn number_of(version: &str) -> Vec<u32> {
    version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use verification::compiler::Compiler;

    const PLATFORM: Platform = Platform::EmscriptenWasm32;

    fn release(version: &str) -> Release {
        Release::find(Compiler::Solc, &version.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_list_grows_and_stays_in_order() {
        let root = tempfile::tempdir().unwrap();
        let repository = Repository::new(root.path(), PLATFORM);
        let (old, new) = (
            release("0.8.9+commit.e5eed63a"),
            release("0.8.28+commit.7893614a"),
        );
        assert!(repository.find(&new).unwrap().is_none());
        repository.store(&new, b"new").unwrap();
        repository.store(&old, b"old").unwrap();
        repository.store(&new, b"newer").unwrap();
        assert_eq!(repository.find(&new).unwrap().unwrap(), b"newer");

        let list = repository.list().unwrap();
        let versions: Vec<_> = list
            .builds
            .iter()
            .map(|build| build.version.as_str())
            .collect();
        assert_eq!(versions, ["0.8.9", "0.8.28"]);
        assert_eq!(list.latest_release, "0.8.28");
        let newest = list.builds.last().unwrap();
        assert_eq!(newest.build, "commit.7893614a");
        assert_eq!(
            newest.path,
            "solc-emscripten-wasm32-v0.8.28+commit.7893614a.js"
        );
        assert_eq!(
            newest.sha256,
            format!("0x{}", hex::encode(Sha256::digest(b"newer")))
        );
    }

    #[test]
    fn a_copy_of_the_projects_own_list_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(PLATFORM.name());
        fs::create_dir_all(&folder).unwrap();
        let list = r#"{"builds":[{"path":"x.js","version":"0.3.6","build":"commit.3fc68da5",
            "longVersion":"0.3.6+commit.3fc68da5","keccak256":"0x1","sha256":"0x2","urls":["dweb:/ipfs/Q"]}],
            "releases":{"0.3.6":"x.js"},"latestRelease":"0.3.6"}"#;
        fs::write(folder.join("list.json"), list).unwrap();
        let repository = Repository::new(root.path(), PLATFORM);
        repository
            .store(&release("0.8.28+commit.7893614a"), b"new")
            .unwrap();
        let list = repository.list().unwrap();
        assert_eq!(list.builds.first().unwrap().urls, ["dweb:/ipfs/Q"]);
        assert_eq!(list.releases.len(), 2);
    }

    #[test]
    fn a_damaged_list_is_not_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(PLATFORM.name());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("list.json"), "{").unwrap();
        let repository = Repository::new(root.path(), PLATFORM);
        repository
            .store(&release("0.8.28+commit.7893614a"), b"new")
            .unwrap_err();
        assert_eq!(fs::read(folder.join("list.json")).unwrap(), b"{");
    }
}
