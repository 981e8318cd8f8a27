use serde_json::{Value, json};
use verification::compiler::Compiler;

use super::*;
use crate::artefacts::Record;

const CODE: &[u8] = b"machine code";

fn wanted() -> Wanted {
    let version = "0.8.28+commit.7893614a".parse().unwrap();
    Wanted {
        release: Release::find(Compiler::Solc, &version).unwrap(),
        engine: Engine::Wasm,
        python: None,
    }
}

fn contents() -> Contents {
    let release = wanted().release;
    let pinned = release.pinned_hashes(Engine::Wasm);
    let record = Record {
        soljson_sha256: (*pinned.first().unwrap()).to_owned(),
        code_sha256: hex::encode(Sha256::digest(CODE)),
        ..Record::of(&release)
    };
    Contents::Wasm { record }
}

/// A store, and the folder of this machine in it.
struct Place {
    folder: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        Self { folder, store }
    }

    fn filled() -> Self {
        let place = Self::empty();
        place.store.put(&wanted(), contents(), CODE).unwrap();
        place
    }

    fn entry(&self) -> PathBuf {
        self.store.entry_path(&wanted())
    }

    fn data(&self) -> PathBuf {
        let hash = hex::encode(Sha256::digest(CODE));
        self.store.data_path(&wanted(), &hash)
    }

    fn change_entry(&self, change: impl FnOnce(&mut Value)) {
        let mut entry = serde_json::from_slice(&std::fs::read(self.entry()).unwrap()).unwrap();
        change(&mut entry);
        std::fs::write(self.entry(), entry.to_string()).unwrap();
    }

    fn copy(&self) -> Result<Vec<u8>, StoreError> {
        let copy = self.folder.path().join("copy");
        let entry = self.store.find(&wanted())?.unwrap();
        let copied = self.store.copy(&wanted(), &entry, &copy);
        assert_eq!(copied.is_ok(), copy.exists(), "half a copy is left");
        copied.map(|()| std::fs::read(copy).unwrap())
    }
}

#[test]
fn what_was_put_there_is_found_and_copied() {
    let place = Place::filled();
    assert!(place.store.has(&wanted()).unwrap());
    for _ in 0..2 {
        assert_eq!(place.copy().unwrap(), CODE);
    }
    let names = std::fs::read_dir(place.entry().parent().unwrap()).unwrap();
    assert_eq!(names.count(), 2, "more than data and entry");
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(place.entry()), mode(place.data())), (MODE, MODE));
}

#[test]
fn what_nobody_put_there_is_absent_and_a_store_that_is_away_is_not_empty() {
    let place = Place::empty();
    assert!(place.store.find(&wanted()).unwrap().is_none());
    assert!(!place.store.has(&wanted()).unwrap());
    let away = Store::new(place.folder.path().join("not mounted"));
    let error = away.find(&wanted()).unwrap_err();
    assert!(matches!(error, StoreError::Read(..)), "{error}");
}

#[test]
fn entries_about_something_else_are_refused() {
    let changes: [fn(&mut Value); 11] = [
        |entry| entry["format"] = json!(2),
        |entry| entry["release"] = json!("0.8.27+commit.40a35a09"),
        |entry| entry["sha256"] = json!("../../../../etc/passwd"),
        |entry| entry["sha256"] = json!("AB".repeat(32)),
        |entry| entry["bytes"] = json!(1_u64 << 40),
        |entry| entry["contents"] = json!({"engine": "native"}),
        |entry| entry["contents"]["record"]["target"] = json!("vax"),
        |entry| entry["contents"]["record"]["wasmtime"] = json!("1.0.0"),
        |entry| entry["contents"]["record"]["soljsonSha256"] = json!("00".repeat(32)),
        |entry| entry["contents"]["record"]["codeSha256"] = json!("00".repeat(32)),
        |entry| entry["contents"]["record"]["longVersion"] = json!("0.8.27+commit.40a35a09"),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let place = Place::filled();
        place.change_entry(change);
        let error = place.store.find(&wanted()).unwrap_err();
        let other = matches!(error, StoreError::Other { .. });
        assert!(other, "change {number}: {error}");
    }
}

#[test]
fn what_is_no_entry_is_refused() {
    for json in ["", "{", "[]", r#"{"format":1}"#] {
        let place = Place::filled();
        std::fs::write(place.entry(), json).unwrap();
        let error = place.store.find(&wanted()).unwrap_err();
        assert!(matches!(error, StoreError::Entry(..)), "{json}: {error}");
    }
    let place = Place::filled();
    let long = vec![b' '; usize::try_from(MAX_ENTRY_BYTES).unwrap()];
    let entry = std::fs::read(place.entry()).unwrap();
    std::fs::write(place.entry(), [long, entry].concat()).unwrap();
    place.store.find(&wanted()).unwrap_err();
}

#[test]
fn damaged_data_is_not_copied() {
    for data in [&b""[..], b"machine", b"machine code and more"] {
        let place = Place::filled();
        std::fs::write(place.data(), data).unwrap();
        let error = place.copy().unwrap_err();
        assert!(matches!(error, StoreError::Length { .. }), "{error}");
        assert!(!place.store.has(&wanted()).unwrap());
    }
    let place = Place::filled();
    std::fs::write(place.data(), b"machine c0de").unwrap();
    let error = place.copy().unwrap_err();
    assert!(matches!(error, StoreError::Differs { .. }), "{error}");
}

#[test]
fn what_a_crash_leaves_is_read_by_nobody() {
    let place = Place::filled();
    // Before the entry was written.
    std::fs::remove_file(place.entry()).unwrap();
    std::fs::write(place.entry().with_file_name("new-abcdef"), "{").unwrap();
    assert!(place.store.find(&wanted()).unwrap().is_none());
    place.store.put(&wanted(), contents(), CODE).unwrap();
    assert_eq!(place.copy().unwrap(), CODE);
    // A reader that was killed.
    std::fs::write(place.folder.path().join("copy"), "half").unwrap();
    assert_eq!(place.copy().unwrap(), CODE);
    // Somebody removed the data alone.
    std::fs::remove_file(place.data()).unwrap();
    assert!(!place.store.has(&wanted()).unwrap());
    assert!(matches!(place.copy().unwrap_err(), StoreError::Read(..)));
}

#[test]
fn what_is_not_what_was_recorded_is_not_put_there() {
    let place = Place::empty();
    let error = place.store.put(&wanted(), contents(), &b"else"[..]);
    assert!(matches!(error.unwrap_err(), StoreError::Source { .. }));
    let left = std::fs::read_dir(place.entry().parent().unwrap()).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn a_full_disk_is_told() {
    let place = Place::filled();
    let entry = place.store.find(&wanted()).unwrap().unwrap();
    let nowhere = place.folder.path().join("no folder/copy");
    let error = place.store.copy(&wanted(), &entry, &nowhere).unwrap_err();
    assert!(matches!(error, StoreError::Write(..)), "{error}");
    let mut full = File::options().write(true).open("/dev/full").unwrap();
    let broken = pump(CODE, &mut full);
    assert!(matches!(broken, Err(Broken::Writing(_))));
}

#[test]
fn many_may_write_at_once() {
    let place = Place::empty();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| place.store.put(&wanted(), contents(), CODE).unwrap());
        }
    });
    assert_eq!(place.copy().unwrap(), CODE);
}
