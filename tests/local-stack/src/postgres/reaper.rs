//! A child that outlives us just long enough to clear up.
//!
//! A process that is killed cannot remove its folder. A shell waits at a pipe whose other end only we
//! hold; when that closes, however we ended, it stops the server and removes the data.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A file of this name in a folder keeps it.
pub(super) const KEEP: &str = "keep";

/// The working directory proves that a process id is still that of the server, and a dead process
/// that nobody has waited for has none.
const SCRIPT: &str = r#"
cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
runs() { [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$1/data" ]; }
if runs "$1"; then kill -QUIT "$pid"; fi
tries=0
while runs "$1" && [ "$tries" -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
if runs "$1"; then kill -KILL "$pid"; fi
[ -e "$1/keep" ] || rm -rf "$1"
"#;

/// Clears up when it is dropped, or when this process ends.
#[derive(Debug)]
pub(super) struct Reaper {
    shell: Child,
}

impl Reaper {
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "reaper"])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal is for us, not for it.
            .process_group(0)
            .spawn()
            .context("/bin/sh cannot be started")?;
        Ok(Self { shell })
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // A shell that cannot be waited for is one that has ended.
        let _ = self.shell.wait();
    }
}

/// Clears up what a dead process left, kept or not.
pub(super) fn clear(folder: &Path) -> Result<()> {
    let marker = folder.join(KEEP);
    if marker.exists() {
        std::fs::remove_file(marker)?;
    }
    drop(Reaper::of(folder)?);
    ensure!(
        !folder.exists(),
        "{} could not be removed",
        folder.display()
    );
    Ok(())
}
