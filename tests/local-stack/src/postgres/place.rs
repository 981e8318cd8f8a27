//! Where a private server's data lie, and as whom it runs.
//!
//! The path is short, since that of a Unix socket may have 107 bytes only, and open to the account of
//! the server, which is another one when we are root. A lock tells living folders from left ones.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{config, reaper};

/// Linux takes 107 bytes for a socket's path; the socket's own name needs 17 of them.
const MAX_BYTES: usize = 90;
/// What a failed test left can be looked at for a day.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    /// An unprivileged user and group, if this process is root: Postgres refuses to run as root.
    pub(super) account: Option<(u32, u32)>,
    /// Held, not read.
    _lock: File,
}

impl Place {
    /// A new folder beside those of other processes; what dead ones left there is removed.
    pub(super) fn temporary() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let all = folder_of_this_user()?;
        // Nobody may clear up between the making of a folder and its lock.
        let entrance = File::create(all.join("lock"))?;
        entrance.lock()?;
        remove_left_folders(&all)?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self::at(&all.join(format!("{}-{number}", std::process::id())))
    }

    /// This folder, made if it is new, unless another process has it.
    pub(super) fn at(folder: &Path) -> Result<Self> {
        let account = unprivileged_account()?;
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let folder = folder.canonicalize()?;
        ensure!(
            folder.as_os_str().len() <= MAX_BYTES,
            "{} is too long for the path of a socket",
            folder.display()
        );
        let lock = File::create(folder.join("lock"))?;
        if lock.try_lock().is_err() {
            bail!("{} is in use by another process", folder.display());
        }
        if let Some((uid, gid)) = account {
            chown(&folder, Some(uid), Some(gid))?;
        }
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        Ok(Self {
            folder,
            account,
            _lock: lock,
        })
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    /// The data stay when the server ends.
    pub(super) fn keep(&self) -> Result<()> {
        File::create(self.folder.join(reaper::KEEP))?;
        Ok(())
    }
}

/// One for each user, which nobody else may have made for them.
fn folder_of_this_user() -> Result<PathBuf> {
    let user = effective_user();
    let base = match user {
        0 => [Path::new("/var/tmp"), Path::new("/tmp")]
            .into_iter()
            .find(|folder| folder.is_dir())
            .context("there is neither /var/tmp nor /tmp")?
            .to_owned(),
        _ => config::runtime_folder().unwrap_or_else(config::temporary_folder),
    };
    let folder = base.join(format!("sourcerun-pg-{user}"));
    // As root the server's account passes through this folder, but may not look around.
    let made = fs::DirBuilder::new().mode(0o711).create(&folder);
    if !folder.is_dir() {
        made.with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    ensure!(
        fs::symlink_metadata(&folder)?.uid() == user,
        "{} belongs to somebody else",
        folder.display()
    );
    // Whatever the umask of this process made of it.
    fs::set_permissions(&folder, Permissions::from_mode(0o711))?;
    Ok(folder)
}

fn remove_left_folders(all: &Path) -> Result<()> {
    for entry in fs::read_dir(all)?.flatten() {
        let folder = entry.path();
        // Without a lock it is no folder of ours.
        let Ok(lock) = File::open(folder.join("lock")) else {
            continue;
        };
        if lock.try_lock().is_ok() && !is_kept(&folder) {
            reaper::clear(&folder)?;
        }
    }
    Ok(())
}

fn is_kept(folder: &Path) -> bool {
    let age = fs::metadata(folder.join(reaper::KEEP))
        .and_then(|marker| marker.modified())
        .ok()
        .and_then(|made| made.elapsed().ok());
    age.is_some_and(|age| age < KEPT_FOR)
}

#[expect(unsafe_code, reason = "a call of the C library")]
fn effective_user() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() }
}

#[expect(unsafe_code, reason = "a call of the C library")]
fn unprivileged_account() -> Result<Option<(u32, u32)>> {
    if effective_user() != 0 {
        return Ok(None);
    }
    for name in [c"postgres", c"nobody"] {
        // SAFETY: the name is a C string; the answer is null, or valid until the next such call,
        // and only the one thread that starts the server makes them.
        let entry = unsafe { libc::getpwnam(name.as_ptr()).as_ref() };
        if let Some(entry) = entry {
            return Ok(Some((entry.pw_uid, entry.pw_gid)));
        }
    }
    bail!("running as root, and there is no account `postgres` or `nobody` for the server")
}
