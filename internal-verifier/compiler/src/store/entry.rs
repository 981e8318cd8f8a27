//! What stands in a store about one release.

use serde::{Deserialize, Serialize};

use super::{MAX_DATA_BYTES, Wanted};
use crate::artefacts;
use crate::engine::Engine;
use crate::vyper;

/// Counts changes of what an entry says.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    format: u32,
    release: String,
    /// Of the data, and its name.
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) contents: Contents,
}

/// What the data is, with the intake's own record of what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "lowercase")]
pub(crate) enum Contents {
    /// Machine code.
    Wasm { record: artefacts::Record },
    /// An archive of packages.
    Vyper { record: vyper::Record },
    /// The pinned file itself.
    Node,
    /// The pinned file itself.
    Native,
}

impl Contents {
    fn engine(&self) -> Engine {
        match self {
            Self::Wasm { .. } => Engine::Wasm,
            Self::Vyper { .. } => Engine::Vyper,
            Self::Node => Engine::Node,
            Self::Native => Engine::Native,
        }
    }

    /// What the data must be, where the intake's record tells.
    pub(super) fn recorded_sha256(&self) -> Option<&str> {
        match self {
            Self::Wasm { record } => Some(&record.code_sha256),
            Self::Vyper { .. } | Self::Node | Self::Native => None,
        }
    }
}

impl Entry {
    pub(super) fn of(wanted: &Wanted, contents: Contents, sha256: String, bytes: u64) -> Self {
        Self {
            format: FORMAT,
            release: wanted.release.to_string(),
            sha256,
            bytes,
            contents,
        }
    }

    /// Why this is not what is wanted, before a byte of its data is read.
    pub(super) fn refusal(&self, wanted: &Wanted) -> Option<String> {
        if self.format != FORMAT {
            return Some(format!("it has the format {}", self.format));
        }
        let engine = self.contents.engine();
        if (self.release.as_str(), engine) != (&*wanted.release.to_string(), wanted.engine) {
            return Some(format!("it is about {} for {engine}", self.release));
        }
        // It becomes the name of a file.
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if self.sha256.len() != 64 || !self.sha256.bytes().all(is_digit) {
            return Some("its SHA-256 is none".to_owned());
        }
        if self.bytes > MAX_DATA_BYTES {
            return Some(format!("it has {} bytes", self.bytes));
        }
        self.made_of_other(wanted)
    }

    fn made_of_other(&self, wanted: &Wanted) -> Option<String> {
        match &self.contents {
            Contents::Wasm { record } => {
                if record.code_sha256 != self.sha256 {
                    return Some("it records another SHA-256 than it names".to_owned());
                }
                let what = artefacts::mismatch(record, &wanted.release)?;
                Some(format!("it was made of or for {what}"))
            }
            Contents::Vyper { record } => {
                let python = wanted.python.as_ref();
                let is_it = python.is_some_and(|python| record.is_of(&wanted.release, python));
                (!is_it).then(|| "it was made of or for something else".to_owned())
            }
            Contents::Node | Contents::Native => {
                let pin = wanted.release.pin(wanted.engine);
                let is_pinned = pin.is_some_and(|pin| pin.accepts(&self.sha256));
                (!is_pinned).then(|| format!("its SHA-256 {} is not pinned", self.sha256))
            }
        }
    }
}
