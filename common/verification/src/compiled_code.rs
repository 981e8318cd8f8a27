//! Code as a compiler gives it: with holes for libraries and immutables.
//!
//! Creation and runtime code are two types, because only runtime code has immutable references.
//! The holes are kept as zeros; whether a link reference really pointed at the placeholder of its
//! library is found out once, here, while the placeholder's text is still there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod placeholders;

/// Some bytes of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByteRange {
    pub start: usize,
    pub length: usize,
}

impl ByteRange {
    /// Nothing, if the code ends before the range does.
    #[must_use]
    pub fn of(self, code: &[u8]) -> Option<&[u8]> {
        code.get(self.start..self.start.checked_add(self.length)?)
    }

    pub(crate) fn of_mut(self, code: &mut [u8]) -> Option<&mut [u8]> {
        code.get_mut(self.start..self.start.checked_add(self.length)?)
    }
}

/// `{file: {library: [places]}}`.
pub type LinkReferences = BTreeMap<String, BTreeMap<String, Vec<ByteRange>>>;

/// `{AST id: [places]}`.
pub type ImmutableReferences = BTreeMap<String, Vec<ByteRange>>;

/// Where the address of a library belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryPlace {
    pub range: ByteRange,
    /// `file:Library`.
    pub library: String,
    pub placeholder: Placeholder,
}

/// What stood at a link reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// This library's placeholder, or zeros.
    OfLibrary,
    /// Something else, or the code ends before: nothing may be filled in.
    Foreign,
}

/// What both kinds of code have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Code {
    bytes: Vec<u8>,
    source_map: Option<String>,
    link_references: Option<LinkReferences>,
    libraries: Vec<LibraryPlace>,
}

/// The code that, run once, gives the runtime code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreationCode {
    code: Code,
}

/// The code that stays on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuntimeCode {
    code: Code,
    immutable_references: Option<ImmutableReferences>,
}

/// A compiler's `object`, with what says where its holes are.
#[derive(Debug, Clone, Default)]
pub struct CodeObject {
    /// Hexadecimal digits, with or without `0x`, and placeholders.
    pub object: String,
    pub source_map: Option<String>,
    /// Old compilers give none; placeholders are then found by their underscores.
    pub link_references: Option<LinkReferences>,
}

/// Neither hexadecimal nor a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the code is not hexadecimal")]
pub struct NotCode;

impl CreationCode {
    pub fn read(object: CodeObject) -> Result<Self, NotCode> {
        Ok(Self {
            code: placeholders::read(object)?,
        })
    }

    /// Placeholders are 20 zero bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.code.bytes
    }

    #[must_use]
    pub fn libraries(&self) -> &[LibraryPlace] {
        &self.code.libraries
    }

    #[must_use]
    pub fn source_map(&self) -> Option<&str> {
        self.code.source_map.as_deref()
    }

    #[must_use]
    pub fn link_references(&self) -> Option<&LinkReferences> {
        self.code.link_references.as_ref()
    }
}

impl RuntimeCode {
    pub fn read(
        object: CodeObject,
        immutable_references: Option<ImmutableReferences>,
    ) -> Result<Self, NotCode> {
        Ok(Self {
            code: placeholders::read(object)?,
            immutable_references,
        })
    }

    /// Placeholders are 20 zero bytes, immutables are zeros.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.code.bytes
    }

    #[must_use]
    pub fn libraries(&self) -> &[LibraryPlace] {
        &self.code.libraries
    }

    #[must_use]
    pub fn source_map(&self) -> Option<&str> {
        self.code.source_map.as_deref()
    }

    #[must_use]
    pub fn link_references(&self) -> Option<&LinkReferences> {
        self.code.link_references.as_ref()
    }

    #[must_use]
    pub fn immutable_references(&self) -> Option<&ImmutableReferences> {
        self.immutable_references.as_ref()
    }
}
