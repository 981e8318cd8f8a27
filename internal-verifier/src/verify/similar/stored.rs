//! What is stored of a candidate, loaded and compared with the chain.

use common::db::contracts::{Candidate, Codes, Compilation, ContractReader};
use common::db::{Database, DatabaseError};
use serde_json::Value;
use serde_json::value::RawValue;
use verification::chain::OnChainCode;
use verification::matching::match_contract;
use verification::stored::{NotACompilation, StoredCompilation};
use verification::verdict::VerifiedMatch;

/// What is stored of a candidate.
pub(super) struct Stored {
    pub(super) row: Compilation,
    pub(super) creation_code: Vec<u8>,
    pub(super) runtime_code: Vec<u8>,
    /// The compiler's, as text.
    pub(super) metadata: Option<String>,
}

/// The documents of the row, read.
pub(super) struct Documents {
    pub(super) settings: Value,
    pub(super) artifacts: Value,
    pub(super) creation_code_artifacts: Value,
    pub(super) runtime_code_artifacts: Value,
    pub(super) additional_input: Option<Value>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("a document of a stored compilation cannot be read")]
    Document {
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    Compilation(#[from] NotACompilation),
}

impl Documents {
    fn of(row: &Compilation) -> Result<Self, Unreadable> {
        let read = |document: &RawValue| {
            serde_json::from_str(document.get()).map_err(|source| Unreadable::Document { source })
        };
        Ok(Self {
            settings: read(&row.settings)?,
            artifacts: read(&row.artifacts)?,
            creation_code_artifacts: read(&row.creation_code_artifacts)?,
            runtime_code_artifacts: read(&row.runtime_code_artifacts)?,
            additional_input: row.additional_input.as_deref().map(read).transpose()?,
        })
    }
}

impl Stored {
    /// Nothing if the candidate's match shows another contract by now.
    pub(super) async fn load(
        database: &Database,
        candidate: Candidate,
    ) -> Result<Option<Self>, DatabaseError> {
        let reader = ContractReader::new(database).await?;
        let Some(metadata) = reader.find_metadata_of(candidate).await? else {
            return Ok(None);
        };
        let Codes {
            recompiled_creation,
            recompiled_runtime,
            ..
        } = reader.get_codes(candidate.verified_contract_id).await?;
        Ok(Some(Self {
            row: reader.get_compilation(candidate.compilation_id).await?,
            creation_code: recompiled_creation.unwrap_or_default(),
            runtime_code: recompiled_runtime.unwrap_or_default(),
            metadata,
        }))
    }

    pub(super) fn compare(
        &self,
        on_chain: &OnChainCode,
    ) -> Result<(Documents, Option<VerifiedMatch>), Unreadable> {
        let documents = Documents::of(&self.row)?;
        let compilation = StoredCompilation {
            language: &self.row.language,
            version: &self.row.version,
            fully_qualified_name: &self.row.fully_qualified_name,
            settings: &documents.settings,
            artifacts: &documents.artifacts,
            creation_code: &self.creation_code,
            creation_code_artifacts: &documents.creation_code_artifacts,
            runtime_code: &self.runtime_code,
            runtime_code_artifacts: &documents.runtime_code_artifacts,
        };
        let (contract, auxdata) = compilation.to_contract()?;
        let matched = match_contract(&contract, &auxdata, on_chain).ok();
        Ok((documents, matched))
    }
}
