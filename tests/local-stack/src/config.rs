//! What the local stack takes from the environment of the person who runs it.

/// How the outside is reached from this machine: its own authorities, proxies, and npm with its
/// settings. The verifier takes compilers that it lacks from there.
const OUTSIDE: [&str; 7] = [
    "PATH",
    "HOME",
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
