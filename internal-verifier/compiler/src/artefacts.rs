//! What the intake made of a release, on disk: finding it, and making sure that it is what was made.
//!
//! ```text
//! <cache>/wasmtime-<version>/<class of CPU>-<format>/<long version>.cwasm     machine code
//!                                                    <long version>.map.json  what the JavaScript said
//!                                                    <long version>.json      the record, written last
//! ```
//!
//! Machine code is checked against its record once per process, and the very file that was checked
//! stays open and is handed to every child: a file that appears under the same name later has no say.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::release::Release;
use crate::wasm::engine;

/// Counts changes of what the intake makes: [`crate::wasm::merge`] and the engine's configuration.
const FORMAT: u32 = 1;

/// What turned solc's module into machine code.
pub(crate) fn maker() -> String {
    format!("wasmtime {} format {FORMAT}", engine::WASMTIME_VERSION)
}

/// What this machine can use lies in a folder of its own, in a cache and in a store.
pub(crate) fn layout() -> PathBuf {
    PathBuf::from(format!("wasmtime-{}", engine::WASMTIME_VERSION))
        .join(format!("{}-{FORMAT}", engine::target_name()))
}

/// Where everything about one release lies.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) code: PathBuf,
    pub(crate) map: PathBuf,
    pub(crate) record: PathBuf,
    pub(crate) lock: PathBuf,
}

impl Paths {
    pub(crate) fn new(cache: &Path, release: &Release) -> Self {
        let directory = cache.join(layout());
        let file = |suffix| directory.join(format!("{}.{suffix}", release.long_version()));
        Self {
            code: file("cwasm"),
            map: file("map.json"),
            record: file("json"),
            lock: file("lock"),
        }
    }

    /// Those that are there of a release that is ready; without the first one it isn't.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.record.clone(), self.code.clone(), self.map.clone()];
        files.retain(|file| file.is_file());
        files
    }
}

/// What the intake writes about its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) format: u32,
    pub(crate) wasmtime: String,
    pub(crate) target: String,
    pub(crate) long_version: String,
    /// What the compiler answered when it was asked.
    pub(crate) says: String,
    pub(crate) soljson_sha256: String,
    /// Where the `soljson.js` came from, in words.
    pub(crate) source: String,
    pub(crate) code_sha256: String,
    pub(crate) code_bytes: u64,
    pub(crate) compile_ms: u64,
}

impl Record {
    /// For code that was made now, by this program, on this machine.
    pub(crate) fn of(release: &Release) -> Self {
        Self {
            format: FORMAT,
            wasmtime: engine::WASMTIME_VERSION.to_owned(),
            target: engine::target_name().to_owned(),
            long_version: release.long_version().to_owned(),
            says: String::new(),
            soljson_sha256: String::new(),
            source: String::new(),
            code_sha256: String::new(),
            code_bytes: 0,
            compile_ms: 0,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    #[error("`{path}` can't be read")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{path}` is not a record of the intake")]
    Record {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("`{path}` speaks of {what}, not of what is needed here")]
    Other { path: PathBuf, what: String },
    #[error("`{path}` is not what the intake made: its SHA-256 is {has}, recorded was {recorded}")]
    Differs {
        path: PathBuf,
        has: String,
        recorded: String,
    },
}

/// Checked machine code, open; `None` if the release was not taken in.
pub(crate) fn open(cache: &Path, release: &Release) -> Result<Option<File>, ArtefactError> {
    let paths = Paths::new(cache, release);
    let Some(record) = read_record(&paths.record)? else {
        return Ok(None);
    };
    if let Some(what) = mismatch(&record, release) {
        return Err(ArtefactError::Other {
            path: paths.record,
            what,
        });
    }
    let unreadable = |source| ArtefactError::Read {
        path: paths.code.clone(),
        source,
    };
    let mut code = match File::open(&paths.code) {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let has = sha256_of(&mut code).map_err(unreadable)?;
    if has != record.code_sha256 {
        let (path, recorded) = (paths.code, record.code_sha256);
        return Err(ArtefactError::Differs {
            path,
            has,
            recorded,
        });
    }
    Ok(Some(code))
}

pub(crate) fn read_record(path: &Path) -> Result<Option<Record>, ArtefactError> {
    let json = match std::fs::read(path) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(ArtefactError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    let record = serde_json::from_slice(&json);
    record.map(Some).map_err(|source| ArtefactError::Record {
        path: path.to_owned(),
        source,
    })
}

/// What a record is about, if it is not about what we want.
pub(crate) fn mismatch(record: &Record, release: &Release) -> Option<String> {
    let wanted = Record::of(release);
    if record.long_version != wanted.long_version {
        return Some(format!("compiler {}", record.long_version));
    }
    if (record.format, &record.wasmtime) != (wanted.format, &wanted.wasmtime) {
        return Some(format!(
            "wasmtime {} in format {}",
            record.wasmtime, record.format
        ));
    }
    if record.target != wanted.target {
        return Some(format!("CPUs of class {}", record.target));
    }
    let pin = release.pin(Engine::Wasm);
    if !pin.is_some_and(|pin| pin.accepts(&record.soljson_sha256)) {
        return Some(format!("a soljson.js of SHA-256 {}", record.soljson_sha256));
    }
    None
}

/// In hexadecimal. Reads from where the file stands; leaves it at its end.
pub(crate) fn sha256_of(file: &mut File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let bytes = file.read(&mut chunk)?;
        if bytes == 0 {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(chunk.get(..bytes).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use verification::compiler::Compiler;

    fn release() -> Release {
        let version = "0.8.28+commit.7893614a".parse().unwrap();
        Release::find(Compiler::Solc, &version).unwrap()
    }

    /// A cache with "code" of a release in it.
    fn cache(change: impl FnOnce(&mut Record)) -> tempfile::TempDir {
        let cache = tempfile::tempdir().unwrap();
        let paths = Paths::new(cache.path(), &release());
        std::fs::create_dir_all(paths.record.parent().unwrap()).unwrap();
        std::fs::write(&paths.code, b"code").unwrap();
        let mut record = Record::of(&release());
        record.soljson_sha256 = release()
            .pin(Engine::Wasm)
            .unwrap()
            .files
            .first()
            .unwrap()
            .sha256
            .clone();
        record.code_sha256 = hex::encode(Sha256::digest(b"code"));
        change(&mut record);
        std::fs::write(&paths.record, serde_json::to_vec(&record).unwrap()).unwrap();
        cache
    }

    #[test]
    fn what_was_recorded_is_opened() {
        let cache = cache(|_| {});
        assert!(open(cache.path(), &release()).unwrap().is_some());
    }

    #[test]
    fn what_was_never_made_is_absent() {
        let cache = tempfile::tempdir().unwrap();
        assert!(open(cache.path(), &release()).unwrap().is_none());
    }

    #[test]
    fn one_changed_byte_is_noticed() {
        let cache = cache(|_| {});
        std::fs::write(Paths::new(cache.path(), &release()).code, b"code!").unwrap();
        let error = open(cache.path(), &release()).unwrap_err();
        assert!(matches!(error, ArtefactError::Differs { .. }), "{error}");
    }

    #[test]
    fn records_about_something_else_are_refused() {
        let changes: [fn(&mut Record); 5] = [
            |record| record.format += 1,
            |record| record.wasmtime = "1.0.0".to_owned(),
            |record| record.target = "vax".to_owned(),
            |record| record.long_version = "0.8.27+commit.40a35a09".to_owned(),
            |record| record.soljson_sha256 = "00".repeat(32),
        ];
        for change in changes {
            let cache = cache(change);
            let error = open(cache.path(), &release()).unwrap_err();
            assert!(matches!(error, ArtefactError::Other { .. }), "{error}");
        }
        let cache = cache(|_| {});
        std::fs::write(Paths::new(cache.path(), &release()).record, b"{").unwrap();
        let error = open(cache.path(), &release()).unwrap_err();
        assert!(matches!(error, ArtefactError::Record { .. }), "{error}");
    }
}
