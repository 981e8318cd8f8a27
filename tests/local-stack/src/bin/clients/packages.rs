//! Where the clients lie, as `scripts/setup clients` puts them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The release that both clients compile with.
pub(crate) const COMPILER: &str = "0.8.30+commit.73712a01";

/// The folder with the clients' packages, projects and contracts.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// What npm installed.
pub(crate) fn node_modules() -> PathBuf {
    folder().join("npm/node_modules")
}

/// The native program.
pub(crate) fn forge() -> Result<PathBuf> {
    let machine = machine("amd64", "arm64")?;
    let path = format!("@foundry-rs/forge-linux-{machine}/bin/forge");
    installed(node_modules().join(path))
}

/// The folder that holds a `node` that Hardhat takes.
pub(crate) fn node_folder() -> Result<PathBuf> {
    let machine = machine("x64", "arm64")?;
    let path = format!("node/node_modules/node-linux-{machine}/bin");
    installed(folder().join(path))
}

/// Hardhat's program, for `node`.
pub(crate) fn hardhat() -> Result<PathBuf> {
    installed(node_modules().join("hardhat/dist/src/cli.js"))
}

fn machine(x86: &'static str, arm: &'static str) -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok(x86),
        "aarch64" => Ok(arm),
        other => bail!("the clients are not made for {other}"),
    }
}

fn installed(path: PathBuf) -> Result<PathBuf> {
    if !path.exists() {
        bail!("{} is missing: run scripts/setup clients", path.display());
    }
    Ok(path)
}

/// A copy of a client's project with our contracts in it, because clients write into theirs.
pub(crate) fn copy_project(client: &str, to: &Path) -> Result<()> {
    copy_files(&folder().join(client), to)?;
    copy_files(&folder().join("contracts"), &to.join("contracts"))
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let what = || format!("copying {}", from.display());
    fs::create_dir_all(to).with_context(what)?;
    for entry in fs::read_dir(from).with_context(what)? {
        let entry = entry.with_context(what)?;
        fs::copy(entry.path(), to.join(entry.file_name())).with_context(what)?;
    }
    Ok(())
}

/// A link, with the folders above it.
pub(crate) fn link(to: &Path, from: &Path) -> Result<()> {
    let what = || format!("linking {}", from.display());
    fs::create_dir_all(from.parent().with_context(what)?).with_context(what)?;
    symlink(to, from).with_context(what)
}
