//! What lies ready on this machine to run one release with one engine.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;

/// Ready to be used, and checked.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// Machine code that our intake made of solc's WebAssembly build, open.
    MachineCode(File),
    /// A compiler that is a program of its own.
    Program(Program),
    /// One whose file was checked: that very file is started, whatever bears its name by then.
    Checked { file: File, program: Program },
}

/// What to start, and what it may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Absolute, and no link.
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Files and folders that it may read and map besides itself: its libraries, its own code.
    pub(crate) readable: Vec<PathBuf>,
    pub(crate) memory: MemoryRule,
}

/// What the limit of memory is a limit of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryRule {
    /// Everything mapped, for programs that map what they use.
    AddressSpace,
    /// What is mapped writable, for those that reserve gigabytes of addresses, as V8 does.
    Data,
}

impl MemoryRule {
    const ALL: [Self; 2] = [Self::AddressSpace, Self::Data];

    /// As the command line of `compiler-host run` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AddressSpace => "address-space",
            Self::Data => "data",
        }
    }

    /// The rule of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}
