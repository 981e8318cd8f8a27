//! A compilation with its sources and signatures.

use serde_json::value::RawValue;
use uuid::Uuid;
use verification::signatures::{Signature, SignatureKind};

use super::ContractReader;
use crate::db::DatabaseError;
use crate::db::row::{column, document, document_if_any, unreadable};
use crate::db::statement::{Statement, statement};

const GET_COMPILATION: Statement = statement!("contracts/get_compilation");
const GET_SOURCE_BYTES: Statement = statement!("contracts/get_source_bytes");
const LIST_SOURCES: Statement = statement!("contracts/list_sources");
const LIST_SIGNATURES: Statement = statement!("contracts/list_signatures");

/// One compilation target, as it was stored first. Documents stay the text that they are: nobody here
/// looks into them.
#[derive(Debug, Clone)]
pub struct Compilation {
    /// `solc`, `vyper`, `fe`.
    pub compiler: String,
    pub version: String,
    /// Lower case, as the table has it.
    pub language: String,
    pub name: String,
    pub fully_qualified_name: String,
    pub settings: Box<RawValue>,
    pub artifacts: Box<RawValue>,
    pub creation_code_artifacts: Box<RawValue>,
    pub runtime_code_artifacts: Box<RawValue>,
    /// What Vyper was given besides sources and settings.
    pub additional_input: Option<Box<RawValue>>,
}

/// A file of the compilation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    pub path: String,
    pub content: String,
}

impl ContractReader {
    /// The compilation of a verified contract.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn get_compilation(
        &self,
        compilation_id: Uuid,
    ) -> Result<Compilation, DatabaseError> {
        let row = self
            .connection
            .query_one(GET_COMPILATION, &[&compilation_id])
            .await?;
        Ok(Compilation {
            compiler: column(&row, "compiler")?,
            version: column(&row, "version")?,
            language: column(&row, "language")?,
            name: column(&row, "name")?,
            fully_qualified_name: column(&row, "fully_qualified_name")?,
            settings: document(&row, "compiler_settings")?,
            artifacts: document(&row, "compilation_artifacts")?,
            creation_code_artifacts: document(&row, "creation_code_artifacts")?,
            runtime_code_artifacts: document(&row, "runtime_code_artifacts")?,
            additional_input: document_if_any(&row, "additional_input")?,
        })
    }

    /// How long the files of a compilation are together.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn get_source_bytes(&self, compilation_id: Uuid) -> Result<usize, DatabaseError> {
        let row = self
            .connection
            .query_one(GET_SOURCE_BYTES, &[&compilation_id])
            .await?;
        let bytes: i64 = column(&row, "bytes")?;
        usize::try_from(bytes).map_err(|source| unreadable("bytes", source))
    }

    /// The files of a compilation, by path.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn list_sources(
        &self,
        compilation_id: Uuid,
    ) -> Result<Vec<SourceFile>, DatabaseError> {
        let rows = self
            .connection
            .query(LIST_SOURCES, &[&compilation_id])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(SourceFile {
                    path: column(row, "path")?,
                    content: column(row, "content")?,
                })
            })
            .collect()
    }

    /// The signatures of a compilation, by kind and text.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn list_signatures(
        &self,
        compilation_id: Uuid,
    ) -> Result<Vec<Signature>, DatabaseError> {
        let rows = self
            .connection
            .query(LIST_SIGNATURES, &[&compilation_id])
            .await?;
        rows.iter()
            .map(|row| {
                let kind: &str = column(row, "signature_type")?;
                Ok(Signature {
                    kind: SignatureKind::from_name(kind)
                        .ok_or_else(|| unreadable("signature_type", kind.to_owned()))?,
                    text: column(row, "signature")?,
                    hash: hash(column(row, "signature_hash_32")?)?,
                })
            })
            .collect()
    }
}

fn hash(stored: &[u8]) -> Result<[u8; 32], DatabaseError> {
    stored
        .try_into()
        .map_err(|source| unreadable("signature_hash_32", source))
}
