//! What holds a compiler's process, besides WebAssembly itself.
//!
//! WebAssembly is the first wall: a guest can only call the functions we give it. These are the second
//! one, for a hole in the first: nothing to open, nothing to connect to, nothing to start, and few
//! system calls. Landlock is missing on some kernels and under gVisor; then the process goes on
//! without it, and says so.
//!
//! A compiler that is a program of its own has no first wall: it is held by these alone, wider where
//! it must be (`ProgramCalls`), and it doesn't run where one of them is missing.

pub(crate) mod files;
mod program_calls;
pub(crate) mod resources;
mod system_calls;

use serde::{Deserialize, Serialize};

pub(crate) use program_calls::ProgramCalls;
pub(crate) use system_calls::{FilterError, allow_few_system_calls};

/// Which walls stand around a compiler's process. To be shown when the service starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// No file, no TCP socket, no signal to others: which version of landlock the kernel has.
    pub landlock: Option<u32>,
    /// Only the system calls of an allow-list.
    pub seccomp: bool,
}

impl Level {
    /// All names there are.
    pub const NAMES: [&str; 4] = ["landlock_and_seccomp", "landlock", "seccomp", "none"];

    /// In one word, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        let [both, landlock, seccomp, none] = Self::NAMES;
        match (self.landlock, self.seccomp) {
            (Some(_), true) => both,
            (Some(_), false) => landlock,
            (None, true) => seccomp,
            (None, false) => none,
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.landlock {
            Some(version) => write!(f, "landlock {version}, ")?,
            None => f.write_str("no landlock, ")?,
        }
        f.write_str(if self.seccomp {
            "seccomp"
        } else {
            "no seccomp"
        })
    }
}

/// What this kernel has; changes nothing.
#[must_use]
pub fn probe() -> Level {
    Level {
        landlock: files::landlock_version(),
        seccomp: system_calls::is_supported(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_told_in_words() {
        let level = |landlock, seccomp| Level { landlock, seccomp }.to_string();
        assert_eq!(level(Some(7), true), "landlock 7, seccomp");
        assert_eq!(level(None, false), "no landlock, no seccomp");
    }

    #[test]
    fn probing_changes_nothing() {
        assert_eq!(probe(), probe());
        assert!(std::fs::read("/proc/self/status").is_ok());
    }
}
