//! Where compilers are kept, and which programs belong to us.
//!
//! The only module here that reads the environment, and only for defaults.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf, absolute};

use crate::engine::Engines;

/// Where the Solidity project publishes its WebAssembly builds.
pub const OFFICIAL_HOST: &str = "https://binaries.soliditylang.org/emscripten-wasm32/";

/// Looked for on the PATH, unless a setting says otherwise.
pub const NODE: &str = "node";
pub const PYTHON: &str = "python3";

/// What [`crate::Compilers::open`] needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Files as the Solidity project publishes them.
    pub repository: PathBuf,
    /// What our intake makes of them. Only the intake may write here: it holds machine code.
    pub cache: PathBuf,
    /// The binary `compiler-host`: one process of it per compilation.
    pub host_program: PathBuf,
    /// The binary `compilers`, which takes in a release that is missing.
    pub intake_program: PathBuf,
    /// Prepared compilers that many machines share; what is not in the cache is copied from there.
    pub store: Option<PathBuf>,
    /// Whether a release that is ready nowhere is fetched and prepared here, while somebody waits for it.
    pub fetch: bool,
    /// How much room may be taken by what this process copied or made of releases, in bytes; the least recently
    /// used one goes first. Not for a cache that another process uses at the same time.
    pub own_bytes: u64,
    /// Which engines are switched on.
    pub engines: Engines,
    /// An operator's own list of native executables, in place of the one that is part of this program.
    pub native_list: Option<PathBuf>,
    /// The program that runs releases of solc before 0.6.2, by name or path.
    pub node: PathBuf,
    /// The program that runs Vyper, by name or path.
    pub python: PathBuf,
}

impl Config {
    /// The default folders, and the two programs in the folder `programs`.
    #[must_use]
    pub fn with_programs_in(programs: &Path) -> Self {
        let cache = default_cache();
        Self {
            repository: default_repository(&cache),
            cache,
            host_program: programs.join("compiler-host"),
            intake_program: programs.join("compilers"),
            store: None,
            fetch: true,
            own_bytes: u64::MAX,
            engines: Engines::default(),
            native_list: None,
            node: NODE.into(),
            python: PYTHON.into(),
        }
    }

    /// Those that may be relative start from where this process stands. Node and Python may be names.
    pub(crate) fn with_absolute_paths(self) -> io::Result<Self> {
        Ok(Self {
            repository: absolute(self.repository)?,
            cache: absolute(self.cache)?,
            host_program: absolute(self.host_program)?,
            intake_program: absolute(self.intake_program)?,
            store: self.store.map(absolute).transpose()?,
            native_list: self.native_list.map(absolute).transpose()?,
            ..self
        })
    }

    /// Where compilers stand while they run: nothing is in it.
    pub(crate) fn empty_folder(&self) -> PathBuf {
        empty_folder(&self.cache)
    }
}

/// The intake makes it too, so that a cache that was filled beforehand may be read-only.
pub(crate) fn empty_folder(cache: &Path) -> PathBuf {
    cache.join("empty")
}

/// `SOURCERUN_CACHE`, else `sourcerun` in the user's folder for caches.
#[must_use]
pub fn default_cache() -> PathBuf {
    cache_from(
        std::env::var_os("SOURCERUN_CACHE"),
        std::env::var_os("XDG_CACHE_HOME"),
        std::env::var_os("HOME"),
    )
}

/// The repository that belongs to a cache unless another is named.
#[must_use]
pub fn default_repository(cache: &Path) -> PathBuf {
    cache.join("compilers")
}

fn cache_from(ours: Option<OsString>, xdg: Option<OsString>, home: Option<OsString>) -> PathBuf {
    let set = |value: Option<OsString>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(ours) = set(ours) {
        return ours;
    }
    // A relative XDG_CACHE_HOME must be ignored, says the XDG base directory specification.
    set(xdg)
        .filter(|path| path.is_absolute())
        .or_else(|| set(home).map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("sourcerun")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_users_expect_it() {
        let cache = |ours: &str, xdg: &str, home: &str| {
            cache_from(Some(ours.into()), Some(xdg.into()), Some(home.into()))
        };
        assert_eq!(cache("/a", "/b", "/c"), Path::new("/a"));
        assert_eq!(cache("", "/b", "/c"), Path::new("/b/sourcerun"));
        assert_eq!(cache("", "b", "/c"), Path::new("/c/.cache/sourcerun"));
        assert_eq!(cache("", "", "/c"), Path::new("/c/.cache/sourcerun"));
        assert!(cache_from(None, None, None).ends_with("sourcerun"));
    }
}
