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
