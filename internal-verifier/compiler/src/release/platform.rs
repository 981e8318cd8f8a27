//! The folders of the Solidity project's repository of builds, and the names of the files in them.

use super::Release;
use crate::engine::Engine;

/// Builds of solc for one kind of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    EmscriptenWasm32,
    EmscriptenAsmjs,
    LinuxAmd64,
}

impl Platform {
    /// What an engine runs; Vyper's files come from elsewhere.
    #[must_use]
    pub fn of(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Wasm => Some(Self::EmscriptenWasm32),
            Engine::Node => Some(Self::EmscriptenAsmjs),
            Engine::Native => Some(Self::LinuxAmd64),
            Engine::Vyper => None,
        }
    }

    /// Who runs its files.
    #[must_use]
    pub fn engine(self) -> Engine {
        match self {
            Self::EmscriptenWasm32 => Engine::Wasm,
            Self::EmscriptenAsmjs => Engine::Node,
            Self::LinuxAmd64 => Engine::Native,
        }
    }

    /// Of the folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EmscriptenWasm32 => "emscripten-wasm32",
            Self::EmscriptenAsmjs => "emscripten-asmjs",
            Self::LinuxAmd64 => "linux-amd64",
        }
    }

    /// Of a release's file.
    #[must_use]
    pub fn file_name(self, release: &Release) -> String {
        self.file_name_of(release.long_version())
    }

    pub(super) fn file_name_of(self, long_version: &str) -> String {
        let ending = match self {
            Self::EmscriptenWasm32 | Self::EmscriptenAsmjs => ".js",
            Self::LinuxAmd64 => "",
        };
        format!("solc-{}-v{long_version}{ending}", self.name())
    }
}
