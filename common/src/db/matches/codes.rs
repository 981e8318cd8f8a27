//! The up to four codes of a match, by hash.

use alloy_primitives::keccak256;
use sha2::{Digest, Sha256};

use super::NewMatch;
use crate::db::statement::{Statement, statement};
use crate::db::{DatabaseError, Transaction};

const INSERT_CODES: Statement = statement!("matches/insert_codes");

/// The codes of one match with their hashes.
pub(super) struct Codes<'a> {
    pub(super) onchain_creation: Option<Code<'a>>,
    pub(super) onchain_runtime: Code<'a>,
    pub(super) recompiled_creation: Code<'a>,
    pub(super) recompiled_runtime: Code<'a>,
}

/// A code and its key.
#[derive(Clone, Copy)]
pub(super) struct Code<'a> {
    pub(super) sha256: [u8; 32],
    bytes: &'a [u8],
}

impl<'a> Code<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self {
            sha256: Sha256::digest(bytes).into(),
            bytes,
        }
    }

    pub(super) fn hash(&self) -> &[u8] {
        &self.sha256
    }
}

impl<'a> Codes<'a> {
    pub(super) fn of(new: &'a NewMatch) -> Self {
        let deployment = &new.deployment;
        Self {
            onchain_creation: deployment.onchain_creation_code.as_deref().map(Code::of),
            onchain_runtime: Code::of(&deployment.onchain_runtime_code),
            recompiled_creation: Code::of(&new.compilation.creation_code),
            recompiled_runtime: Code::of(&new.compilation.runtime_code),
        }
    }

    /// Inserts those that are new, each once and in the order of their keys.
    pub(super) async fn insert(&self, transaction: &Transaction<'_>) -> Result<(), DatabaseError> {
        let mut codes = vec![
            self.onchain_runtime,
            self.recompiled_creation,
            self.recompiled_runtime,
        ];
        codes.extend(self.onchain_creation);
        codes.sort_unstable_by_key(|code| code.sha256);
        codes.dedup_by_key(|code| code.sha256);
        let hashes: Vec<&[u8]> = codes.iter().map(Code::hash).collect();
        let bytes: Vec<&[u8]> = codes.iter().map(|code| code.bytes).collect();
        let keccaks: Vec<_> = bytes.iter().map(|bytes| keccak256(bytes).0).collect();
        let keccaks: Vec<&[u8]> = keccaks.iter().map(<[u8; 32]>::as_slice).collect();
        transaction
            .execute(INSERT_CODES, &[&hashes, &keccaks, &bytes])
            .await?;
        Ok(())
    }
}
