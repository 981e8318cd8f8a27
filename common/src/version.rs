//! Which program this is.
//!
//! The commit is given to the build as `SOURCERUN_COMMIT`, so that building needs neither git nor
//! the repository: an image is built from a copy of the sources.

pub const NAME: &str = "sourcerun";

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The full hash of the commit, or `unknown` when the build was not told.
pub const COMMIT: &str = match option_env!("SOURCERUN_COMMIT") {
    Some(commit) if !commit.is_empty() => commit,
    _ => "unknown",
};

/// When a list of compiler releases (in `internal-verifier/compiler/releases`) was last pinned.
pub const COMPILER_LIST_DATE: &str = "2026-11-21";
