//! The releases that this process has asked for: ready, or on their way.
//!
//! What it copied or made itself takes room, which is memory on a platform that has no disks. Beyond the
//! limit the least recently used release goes, unless somebody is compiling with it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::engine::Engine;
use crate::files_of_release::{FilesOfRelease, NotMoved};
use crate::prepared::Prepared;
use crate::preparing::{Failure, Supply};
use crate::release::Release;

/// One release, run by one engine.
pub(crate) type Key = (Engine, String);

pub(crate) fn key(release: &Release, engine: Engine) -> Key {
    (engine, release.to_string())
}

/// How preparing ended.
pub(crate) type End = Result<(Arc<Prepared>, Supply), Failure>;

/// A release somebody waits for or compiles with; it stays as long as this is held.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    /// Empty until the release is prepared, or preparing failed.
    pub(crate) end: watch::Receiver<Option<End>>,
    user: Arc<()>,
}

impl Pending {
    pub(crate) fn has_ended(&self) -> bool {
        self.end.borrow().is_some()
    }
}

#[derive(Debug)]
pub(crate) struct ReadyReleases {
    /// Of what is this process's own, in bytes.
    limit: u64,
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    by_key: HashMap<Key, Slot>,
    /// Of these something may lie here, from an attempt that failed or since it could not be moved.
    failed: HashSet<Key>,
    uses: u64,
}

#[derive(Debug)]
struct Slot {
    pending: Pending,
    last_use: u64,
    own: FilesOfRelease,
}

/// A release that had to go.
#[derive(Debug)]
pub(crate) struct Evicted {
    pub(crate) key: Key,
    pub(crate) bytes: u64,
    /// Out of everybody's sight, and still to be deleted.
    pub(crate) aside: Vec<Result<PathBuf, NotMoved>>,
}

impl ReadyReleases {
    pub(crate) fn new(limit: u64) -> Self {
        let slots = Mutex::default();
        Self { limit, slots }
    }

    /// Whoever gets a sender is the first to ask, and has to prepare it.
    pub(crate) fn ask(&self, key: Key) -> (Pending, Option<watch::Sender<Option<End>>>) {
        let mut slots = self.lock();
        slots.uses = slots.uses.saturating_add(1);
        let last_use = slots.uses;
        if let Some(slot) = slots.by_key.get_mut(&key) {
            slot.last_use = last_use;
            return (slot.pending.clone(), None);
        }
        let (sender, end) = watch::channel(None);
        let user = Arc::default();
        let pending = Pending { end, user };
        let slot = Slot {
            pending: pending.clone(),
            last_use,
            own: FilesOfRelease::default(),
        };
        slots.by_key.insert(key, slot);
        (pending, Some(sender))
    }

    /// The next one to ask tries again.
    pub(crate) fn forget(&self, key: &Key) {
        let mut slots = self.lock();
        slots.by_key.remove(key);
        slots.failed.insert(key.clone());
    }

    /// A release is ready. If this process has copied or made it, it takes room, and others go until there is enough.
    pub(crate) fn settle(&self, key: &Key, supply: Supply, files: FilesOfRelease) -> Vec<Evicted> {
        let mut slots = self.lock();
        let is_own = slots.failed.remove(key) || supply != Supply::Cache;
        if let Some(slot) = slots.by_key.get_mut(key)
            && is_own
        {
            slot.own = files;
        }
        let mut evicted = Vec::new();
        while slots.own_bytes() > self.limit
            && let Some(oldest) = slots.oldest_idle(key)
            && let Some(slot) = slots.by_key.remove(&oldest)
        {
            let bytes = slot.own.bytes();
            // Under the lock: whoever asks next finds nothing of it.
            let aside = slot.own.set_aside();
            if aside.iter().any(Result::is_err) {
                slots.failed.insert(oldest.clone());
            }
            evicted.push(Evicted {
                key: oldest,
                bytes,
                aside,
            });
        }
        evicted
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn own_bytes(&self) -> u64 {
        self.by_key.values().map(|slot| slot.own.bytes()).sum()
    }

    /// Of the others; those that are not this process's own leave no room when they go.
    fn oldest_idle(&self, but: &Key) -> Option<Key> {
        let idle = self.by_key.iter().filter(|(key, slot)| {
            *key != but && slot.own.bytes() > 0 && Arc::strong_count(&slot.pending.user) == 1
        });
        let (oldest, _) = idle.min_by_key(|(_, slot)| slot.last_use)?;
        Some(oldest.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn named(name: &str) -> Key {
        (Engine::Wasm, name.to_owned())
    }

    /// A release of 10 bytes is copied, and nobody uses it any more.
    fn copied(ready: &ReadyReleases, folder: &Path, name: &str) -> Vec<String> {
        asked_for(ready, folder, name, Supply::Store)
    }

    fn asked_for(ready: &ReadyReleases, folder: &Path, name: &str, from: Supply) -> Vec<String> {
        let (_pending, sender) = ready.ask(named(name));
        assert!(sender.is_some(), "{name} was ready");
        let path = folder.join(name);
        std::fs::write(&path, b"0123456789").unwrap();
        let files = FilesOfRelease::measure(vec![path]);
        let evicted = ready.settle(&named(name), from, files);
        evicted.into_iter().map(|evicted| evicted.key.1).collect()
    }

    #[test]
    fn the_least_recently_used_release_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let ready = ReadyReleases::new(30);
        for name in ["a", "b", "c"] {
            assert!(copied(&ready, folder.path(), name).is_empty());
        }
        assert!(ready.ask(named("a")).1.is_none(), "a is used again");
        assert_eq!(copied(&ready, folder.path(), "d"), ["b"]);
        assert!(!folder.path().join("b").exists());
        assert!(folder.path().join("a").exists());
        assert!(ready.ask(named("b")).1.is_some(), "b has to be copied anew");
    }

    #[test]
    fn a_release_in_use_stays_and_so_does_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let ready = ReadyReleases::new(0);
        copied(&ready, folder.path(), "a");
        let (in_use, _) = ready.ask(named("a"));
        assert!(copied(&ready, folder.path(), "b").is_empty());
        drop(in_use);
        assert_eq!(copied(&ready, folder.path(), "c"), ["a", "b"]);
    }

    #[test]
    fn what_was_there_before_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let ready = ReadyReleases::new(10);
        for name in ["of the image", "too"] {
            assert!(asked_for(&ready, folder.path(), name, Supply::Cache).is_empty());
        }
        assert!(copied(&ready, folder.path(), "a").is_empty());
        assert_eq!(copied(&ready, folder.path(), "b"), ["a"]);
    }

    #[test]
    fn what_an_attempt_brought_that_failed_counts() {
        let folder = tempfile::tempdir().unwrap();
        let ready = ReadyReleases::new(10);
        ready.ask(named("a"));
        ready.forget(&named("a"));
        assert!(asked_for(&ready, folder.path(), "a", Supply::Cache).is_empty());
        assert_eq!(copied(&ready, folder.path(), "b"), ["a"]);
    }
}
