//! Which outputs a compiler is asked for. What is not asked for is not computed.

use serde_json::{Value, json};

use crate::compilation_target::CompilationTarget;
use crate::compiler::{Compiler, CompilerVersion, Language, ReleaseNumber};

/// From this release on, the empty wildcard costs nothing.
const CHEAP_WILDCARD: ReleaseNumber = ReleaseNumber(0, 8, 28);
const VYPER_DOCUMENTATION: ReleaseNumber = ReleaseNumber(0, 2, 0);

const CODE_OUTPUTS: [&str; 3] = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"];
const VYPER_OUTPUTS: [&str; 3] = ["userdoc", "devdoc", "evm.deployedBytecode.sourceMap"];

/// Never `ir` (it runs the other pipeline) and never `ast` (large).
const SOLC_OUTPUTS: [&str; 14] = [
    "abi",
    "devdoc",
    "userdoc",
    "storageLayout",
    "transientStorageLayout",
    "metadata",
    "evm.legacyAssembly",
    "evm.bytecode.object",
    "evm.bytecode.sourceMap",
    "evm.bytecode.linkReferences",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.sourceMap",
    "evm.deployedBytecode.linkReferences",
    "evm.deployedBytecode.immutableReferences",
];

/// How much of an input a compiler is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Cheapest before solc 0.8.28, but valid inputs with circular imports fail ("Identifier not
    /// found"; solidity #12932, #13985, #15582).
    TargetOnly,
    /// Heals those. Before 0.8.28 it makes solc generate code for nearly every contract.
    TargetAndEmptyWildcard,
    /// Every output of every contract: what most tools ask. Some releases then give other code.
    Everything,
    /// Vyper only, the target's ABI and code alone: documentation outputs fail on some valid sources,
    /// as 0.3.7 does where lines end in CRLF, and the first releases don't know them.
    CodeOnly,
}

impl Selection {
    /// What to ask first.
    #[must_use]
    pub fn first(language: Language, version: &CompilerVersion) -> Self {
        let number = version.number();
        match language.compiler() {
            Compiler::Solc if number >= CHEAP_WILDCARD => Self::TargetAndEmptyWildcard,
            Compiler::Vyper if number < VYPER_DOCUMENTATION => Self::CodeOnly,
            Compiler::Solc | Compiler::Vyper => Self::TargetOnly,
        }
    }

    /// What to ask before errors are believed.
    #[must_use]
    pub fn after_errors(self, language: Language) -> Option<Self> {
        match (self, language.compiler()) {
            (Self::TargetOnly, Compiler::Solc) => Some(Self::TargetAndEmptyWildcard),
            (Self::TargetOnly, Compiler::Vyper) => Some(Self::CodeOnly),
            _ => None,
        }
    }

    pub(super) fn to_json(self, language: Language, target: &CompilationTarget) -> Value {
        match language.compiler() {
            Compiler::Solc => self.of_solc(target),
            Compiler::Vyper => self.of_vyper(target),
        }
    }

    fn of_solc(self, target: &CompilationTarget) -> Value {
        let CompilationTarget { path, name } = target;
        match self {
            // solc's documentation outputs need no way around them.
            Self::TargetOnly | Self::CodeOnly => json!({path: {name: SOLC_OUTPUTS}}),
            Self::TargetAndEmptyWildcard => json!({"*": {"*": []}, path: {name: SOLC_OUTPUTS}}),
            Self::Everything => json!({"*": {"*": SOLC_OUTPUTS}}),
        }
    }

    /// Vyper refuses what a release doesn't know (sourcify #2757), and knows no contract names.
    fn of_vyper(self, target: &CompilationTarget) -> Value {
        let documentation: &[&str] = match self {
            Self::CodeOnly => &[],
            _ => &VYPER_OUTPUTS,
        };
        let outputs = [CODE_OUTPUTS.as_slice(), documentation].concat();
        json!({&target.path: {"*": outputs}})
    }
}
