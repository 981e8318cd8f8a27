//! Vyper: what our intake unpacked for a release, and how it is started.
//!
//! ```text
//! <cache>/vyper/<long version>-<python>/packages/    Vyper and all it imports, compiled to bytecode
//!                                       record.json  what was made of what
//! ```
//!
//! Nothing is installed into a Python: the machine's own is started without its site packages, and finds
//! those of the release. All files are checked against the record once per process.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::libraries;
use crate::prepared::{MemoryRule, Program};
use crate::python::{self, Python, PythonError};
use crate::release::{PinnedPackage, Release};

mod files;
pub(crate) mod wheels;

pub(crate) use files::sha256_of_folder;

/// Counts changes of what the intake makes.
const FORMAT: u32 = 1;

/// How a release is unpacked and started.
pub(crate) fn maker() -> String {
    let start = hex::encode(Sha256::digest(COMPILE));
    format!("format {FORMAT} {} {start}", FLAGS.join(" "))
}

/// Reads standard JSON from stdin in every release; `vyper --standard-json` is younger.
const COMPILE: &str = "\
import sys
sys.path.append(sys.argv.pop(1))
sys.argv[0] = 'vyper-json'
from vyper.cli.vyper_json import _parse_cli_args
_parse_cli_args()";

const ASK: &str = "\
import sys
sys.path.append(sys.argv.pop(1))
sys.argv[:] = ['vyper', '--version']
from vyper.cli.vyper_compile import _parse_cli_args
_parse_cli_args()";

/// Isolated from the environment and the user's folders, without site packages, and not writing
/// bytecode.
const FLAGS: [&str; 4] = ["-I", "-S", "-B", "-c"];

/// Where a store has what any machine with the same Python can use. Without a Python there is nothing.
pub(crate) fn layout(python: Option<&Python>) -> PathBuf {
    let name = python.map(|python| format!("python{}-{}", python.number(), python.machine));
    let name = name.unwrap_or_else(|| "nothing".to_owned());
    Path::new("vyper").join(format!("{name}-{FORMAT}"))
}

/// Where everything about one release lies.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) root: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) lock: PathBuf,
}

impl Paths {
    pub(crate) fn new(cache: &Path, release: &Release, python: &Python) -> Self {
        let root = cache.join("vyper");
        let name = format!("{}-{}", release.long_version(), python.number());
        Self {
            folder: root.join(&name),
            lock: root.join(format!("{name}.lock")),
            root,
        }
    }
}

pub(crate) fn packages_in(folder: &Path) -> PathBuf {
    folder.join("packages")
}

pub(crate) fn record_in(folder: &Path) -> PathBuf {
    folder.join("record.json")
}

/// What the intake writes about its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) format: u32,
    pub(crate) long_version: String,
    /// What the compiler answered when it was asked.
    pub(crate) says: String,
    pub(crate) python: String,
    pub(crate) executable: PathBuf,
    pub(crate) packages: Vec<PinnedPackage>,
    /// Of all files and their names.
    pub(crate) files_sha256: String,
}

impl Record {
    pub(crate) fn of(release: &Release, python: &Python, packages: Vec<PinnedPackage>) -> Self {
        Self {
            format: FORMAT,
            long_version: release.long_version().to_owned(),
            says: String::new(),
            python: python.number(),
            executable: python.executable.clone(),
            packages,
            files_sha256: String::new(),
        }
    }

    /// Whether it tells of this release, made of the pinned wheels, for such a Python wherever that lies.
    pub(crate) fn is_of(&self, release: &Release, python: &Python) -> bool {
        let Ok(packages) = wheels::choose(release, python) else {
            return false;
        };
        let wanted = Self {
            says: self.says.clone(),
            executable: self.executable.clone(),
            files_sha256: self.files_sha256.clone(),
            ..Self::of(release, python, packages)
        };
        *self == wanted
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VyperError {
    #[error(transparent)]
    Python(#[from] PythonError),
    #[error(transparent)]
    NoWheel(#[from] wheels::NoWheel),
    #[error("`{0}` can't be read")]
    Read(PathBuf, #[source] io::Error),
    #[error("`{0}` is not a record of the intake")]
    Record(PathBuf, #[source] serde_json::Error),
    #[error("`{0}` was not made of what is needed here")]
    Other(PathBuf),
    #[error("`{path}` is not what the intake made: its SHA-256 is {has}, recorded was {recorded}")]
    Differs {
        path: PathBuf,
        has: String,
        recorded: String,
    },
}

/// What to start for a release; `None` if it was not taken in.
pub(crate) fn open(
    cache: &Path,
    python: &Python,
    release: &Release,
) -> Result<Option<Program>, VyperError> {
    let paths = Paths::new(cache, release, python);
    let Some(record) = read_record(&paths.folder)? else {
        return Ok(None);
    };
    // Said first: without its wheels nothing fits.
    wheels::choose(release, python)?;
    if record.executable != python.executable || !record.is_of(release, python) {
        return Err(VyperError::Other(record_in(&paths.folder)));
    }
    let folder = packages_in(&paths.folder);
    let has = sha256_of_folder(&folder).map_err(|error| VyperError::Read(folder.clone(), error))?;
    if has != record.files_sha256 {
        return Err(VyperError::Differs {
            path: folder,
            has,
            recorded: record.files_sha256,
        });
    }
    let folder = std::fs::canonicalize(&folder).map_err(|error| VyperError::Read(folder, error))?;
    Ok(Some(program(python, folder)))
}

/// `None` if there is nothing in the folder.
pub(crate) fn read_record(folder: &Path) -> Result<Option<Record>, VyperError> {
    let path = record_in(folder);
    let json = match std::fs::read(&path) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(VyperError::Read(path, error)),
    };
    let record = serde_json::from_slice(&json);
    record
        .map(Some)
        .map_err(|error| VyperError::Record(path, error))
}

fn program(python: &Python, packages: PathBuf) -> Program {
    let mut arguments: Vec<OsString> = FLAGS.map(Into::into).into();
    arguments.extend([COMPILE.into(), packages.clone().into()]);
    let mut readable = libraries::places();
    readable.extend(python.folders.iter().cloned());
    readable.push(packages);
    Program {
        path: python.executable.clone(),
        arguments,
        readable,
        memory: MemoryRule::AddressSpace,
    }
}

/// What the compiler in a folder of packages says it is.
pub(crate) fn ask(python: &Python, packages: &Path) -> Result<String, PythonError> {
    let mut command = Command::new(&python.executable);
    command.args(FLAGS).arg(ASK).arg(packages).env_clear();
    let says = python::run(&mut command, &python.executable)?;
    Ok(String::from_utf8_lossy(&says).trim().to_owned())
}

/// Printed commits are one digit shorter in some wheels.
pub(crate) fn is_version(says: &str, long_version: &str) -> bool {
    !says.is_empty() && (says.starts_with(long_version) || long_version.starts_with(says))
}
