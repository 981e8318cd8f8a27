//! The Python of this machine.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// Vyper's newest releases want this much.
const OLDEST: (u16, u16) = (3, 10);

/// Asked of whatever is called `python3`: that may be a link, a script that chooses one, or stand in a
/// virtual environment. What is started later is the program itself.
const QUESTION: &str = "\
import json, os, platform, sys, sysconfig
paths = sysconfig.get_paths()
folders = [paths['stdlib'], paths['platstdlib'], sysconfig.get_config_var('LIBDIR')]
print(json.dumps({
    'executable': os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable),
    'version': sys.version_info[:2],
    'folders': sorted({os.path.realpath(folder) for folder in folders if folder}),
    'machine': platform.machine(),
}))";

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Python {
    /// Absolute, and no link.
    pub(crate) executable: PathBuf,
    pub(crate) version: (u16, u16),
    /// Its own library.
    pub(crate) folders: Vec<PathBuf>,
    /// `x86_64`, as names of wheels have it.
    pub(crate) machine: String,
}

#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    #[error(
        "Python is needed for Vyper, and `{0}` is not a program: please install what Debian calls \
         python3, or set COMPILER_PYTHON"
    )]
    Missing(PathBuf),
    #[error(
        "Vyper needs Python 3.10 or newer, and `{path}` is {version}: please set COMPILER_PYTHON"
    )]
    TooOld { path: PathBuf, version: String },
    #[error("`{0}` can't be started")]
    Start(PathBuf, #[source] io::Error),
    #[error("`{0}` failed: {1}")]
    Failed(PathBuf, String),
}

impl Python {
    /// `3.11`.
    pub(crate) fn number(&self) -> String {
        let (major, minor) = self.version;
        format!("{major}.{minor}")
    }
}

/// Asks the program who it is.
pub(crate) fn find(python: &Path) -> Result<Python, PythonError> {
    let mut command = Command::new(python);
    let answer = run(command.args(["-I", "-c", QUESTION]), python)?;
    let found: Python = serde_json::from_slice(&answer)
        .map_err(|error| PythonError::Failed(python.to_owned(), error.to_string()))?;
    if found.version < OLDEST {
        return Err(PythonError::TooOld {
            path: python.to_owned(),
            version: found.number(),
        });
    }
    Ok(found)
}

/// What a command wrote to stdout.
pub(crate) fn run(command: &mut Command, python: &Path) -> Result<Vec<u8>, PythonError> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => PythonError::Missing(python.to_owned()),
        _ => PythonError::Start(python.to_owned(), error),
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = format!("{} {}", output.status, words.trim());
    Err(PythonError::Failed(python.to_owned(), words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_python_is_named() {
        let error = find(Path::new("/nowhere/python3")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/python3"), "{error}");
        assert!(error.contains("please install"), "{error}");
    }
}
