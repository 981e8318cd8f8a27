//! What the local stack takes from the environment of the person who runs it.

use std::ffi::OsString;
use std::path::PathBuf;

/// Where prepared compilers are kept between runs, for all checkouts and profiles:
/// `SOURCERUN_CACHE`, else `sourcerun` in the person's folder for caches.
#[must_use]
pub fn cache_folder() -> PathBuf {
    cache_from(
        std::env::var_os("SOURCERUN_CACHE"),
        std::env::var_os("XDG_CACHE_HOME"),
        std::env::var_os("HOME"),
    )
}

/// How the outside is reached from this machine: its own authorities and proxies. The verifier takes
/// compilers that it lacks from there.
const OUTSIDE: [&str; 5] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "NPM_CONFIG_REGISTRY",
];

/// The variables of [`OUTSIDE`] that are set.
pub(crate) fn outside() -> Vec<(String, String)> {
    let set = |name: &str| Some((name.to_owned(), std::env::var_os(name)?.into_string().ok()?));
    OUTSIDE.into_iter().filter_map(set).collect()
}

fn cache_from(ours: Option<OsString>, xdg: Option<OsString>, home: Option<OsString>) -> PathBuf {
    let set = |value: Option<OsString>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(ours) = set(ours) {
        return ours;
    }
    let caches = set(xdg).or_else(|| Some(set(home)?.join(".cache")));
    caches.unwrap_or_else(std::env::temp_dir).join("sourcerun")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_cache_is_where_the_person_wants_it() {
        let text = |text: &str| Some(OsString::from(text));
        let ours = cache_from(text("/a"), text("/b"), text("/c"));
        assert_eq!(ours, Path::new("/a"));
        let xdg = cache_from(text(""), text("/b"), text("/c"));
        assert_eq!(xdg, Path::new("/b/sourcerun"));
        let home = cache_from(None, None, text("/c"));
        assert_eq!(home, Path::new("/c/.cache/sourcerun"));
        assert!(cache_from(None, None, None).ends_with("sourcerun"));
    }
}
