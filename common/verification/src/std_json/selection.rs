//! Which outputs a compiler is asked for. What is not asked for is not computed.

use serde_json::{Value, json};

use super::CHEAP_WILDCARD;
use crate::compilation_target::CompilationTarget;
use crate::compiler::{CompilerVersion, ReleaseNumber};

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

/// How much of an input solc is asked to compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Cheapest before 0.8.28, but valid inputs with circular imports fail ("Identifier not
    /// found"; solidity #12932, #13985, #15582).
    TargetOnly,
    /// Heals those.
    TargetAndEmptyWildcard,
    /// Every output of every contract: what most tools ask. Some releases then give other code.
    Everything,
}

impl Selection {
    /// What to ask first.
    #[must_use]
    pub fn first(version: &CompilerVersion) -> Self {
        if version.number() >= CHEAP_WILDCARD {
            Self::TargetAndEmptyWildcard
        } else {
            Self::TargetOnly
        }
    }

    /// What to ask before errors are believed.
    #[must_use]
    pub fn after_errors(self) -> Option<Self> {
        match self {
            Self::TargetOnly => Some(Self::TargetAndEmptyWildcard),
            Self::TargetAndEmptyWildcard | Self::Everything => None,
        }
    }

    pub(super) fn of_solc(self, target: &CompilationTarget) -> Value {
        let CompilationTarget { path, name } = target;
        match self {
            Self::TargetOnly => json!({path: {name: SOLC_OUTPUTS}}),
            Self::TargetAndEmptyWildcard => json!({"*": {"*": []}, path: {name: SOLC_OUTPUTS}}),
            Self::Everything => json!({"*": {"*": SOLC_OUTPUTS}}),
        }
    }
}

/// Vyper refuses what a release doesn't know, so that old ones are asked for little (sourcify
/// #2757).
pub(super) fn of_vyper(target: &CompilationTarget, version: &CompilerVersion) -> Value {
    let mut outputs = vec!["abi", "evm.bytecode.object", "evm.deployedBytecode.object"];
    if version.number() >= ReleaseNumber(0, 2, 0) {
        outputs.extend(["userdoc", "devdoc", "evm.deployedBytecode.sourceMap"]);
    }
    json!({&target.path: {"*": outputs}})
}
