//! A compilation with its sources and signatures, written together or not at all.
//!
//! Code without a metadata hash is the same for many sets of sources. The first set stays: merging
//! later ones into it would show files that never were compiled together.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::keccak256;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use verification::signatures::Signature;

use super::codes::Codes;
use super::{NewCompilation, NewSourceFiles};
use crate::db::row::column;
use crate::db::statement::{Statement, statement};
use crate::db::{DatabaseError, Transaction};

const INSERT_COMPILATION: Statement = statement!("matches/insert_compilation");
const GET_COMPILATION: Statement = statement!("matches/get_compilation");
const INSERT_SOURCES: Statement = statement!("matches/insert_sources");
const INSERT_SOURCE_PATHS: Statement = statement!("matches/insert_source_paths");
const INSERT_SIGNATURES: Statement = statement!("matches/insert_signatures");
const LINK_SIGNATURES: Statement = statement!("matches/link_signatures");

/// The id of the compilation, which is inserted if it is new.
pub(super) async fn store(
    transaction: &Transaction<'_>,
    new: &NewCompilation,
    codes: &Codes<'_>,
) -> Result<Uuid, DatabaseError> {
    let creation = codes.recompiled_creation.hash();
    let runtime = codes.recompiled_runtime.hash();
    let inserted = transaction
        .query_opt(
            INSERT_COMPILATION,
            &[
                &new.compiler,
                &new.version,
                &new.language,
                &new.name,
                &new.fully_qualified_name,
                &new.settings,
                &new.artifacts,
                &creation,
                &runtime,
                &new.creation_code_artifacts,
                &new.runtime_code_artifacts,
                &new.additional_input,
            ],
        )
        .await?;
    if let Some(row) = inserted {
        let id = column(&row, "id")?;
        insert_sources(transaction, id, &new.sources).await?;
        insert_signatures(transaction, id, &new.signatures).await?;
        return Ok(id);
    }
    let row = transaction
        .query_one(
            GET_COMPILATION,
            &[
                &new.compiler,
                &new.version,
                &new.language,
                &creation,
                &runtime,
            ],
        )
        .await?;
    column(&row, "id")
}

async fn insert_sources(
    transaction: &Transaction<'_>,
    compilation_id: Uuid,
    sources: &NewSourceFiles,
) -> Result<(), DatabaseError> {
    let hash_by_path: Vec<(&str, [u8; 32])> = sources
        .iter()
        .map(|(path, content)| (path.as_str(), Sha256::digest(content).into()))
        .collect();
    // A map by key sorts, and keeps a content that several paths have once.
    let content_by_hash: BTreeMap<[u8; 32], &str> = hash_by_path
        .iter()
        .zip(sources.values())
        .map(|((_path, hash), content)| (*hash, content.as_str()))
        .collect();
    let hashes: Vec<&[u8]> = content_by_hash.keys().map(<[u8; 32]>::as_slice).collect();
    let contents: Vec<&str> = content_by_hash.values().copied().collect();
    let keccaks: Vec<_> = contents
        .iter()
        .map(|content| keccak256(content).0)
        .collect();
    let keccaks: Vec<&[u8]> = keccaks.iter().map(<[u8; 32]>::as_slice).collect();
    transaction
        .execute(INSERT_SOURCES, &[&hashes, &keccaks, &contents])
        .await?;
    let (paths, hashes): (Vec<&str>, Vec<&[u8]>) = hash_by_path
        .iter()
        .map(|(path, hash)| (*path, hash.as_slice()))
        .unzip();
    transaction
        .execute(INSERT_SOURCE_PATHS, &[&compilation_id, &paths, &hashes])
        .await?;
    Ok(())
}

async fn insert_signatures(
    transaction: &Transaction<'_>,
    compilation_id: Uuid,
    signatures: &[Signature],
) -> Result<(), DatabaseError> {
    let keyed: BTreeSet<([u8; 32], &str, &str)> = signatures
        .iter()
        .map(|new| (new.hash, new.text.as_str(), new.kind.name()))
        .collect();
    let hashes: Vec<&[u8]> = keyed.iter().map(|(hash, ..)| hash.as_slice()).collect();
    let texts: Vec<&str> = keyed.iter().map(|(_, text, _)| *text).collect();
    let kinds: Vec<&str> = keyed.iter().map(|(.., kind)| *kind).collect();
    transaction
        .execute(INSERT_SIGNATURES, &[&hashes, &texts])
        .await?;
    transaction
        .execute(LINK_SIGNATURES, &[&compilation_id, &hashes, &kinds])
        .await?;
    Ok(())
}
