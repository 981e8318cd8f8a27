//! What the environment says about Postgres.

use std::env;
use std::path::PathBuf;

/// A server that is there already.
pub(super) fn server_url() -> Option<String> {
    env::var_os("DATABASE_URL")
        .and_then(|url| url.into_string().ok())
        .filter(|url| !url.is_empty())
}

/// The folder with `initdb` and `postgres` that somebody chose.
pub(super) fn chosen_binaries() -> Option<PathBuf> {
    env::var_os("PG_BIN").map(PathBuf::from)
}

/// The folders of the PATH.
pub(super) fn path() -> Vec<PathBuf> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect()
}

/// Where a user's processes keep their sockets.
pub(super) fn runtime_folder() -> Option<PathBuf> {
    env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|folder| folder.is_dir())
}

/// Where anybody may write.
pub(super) fn temporary_folder() -> PathBuf {
    env::temp_dir()
}
