//! A verification without a compiler: by what is stored of contracts whose code is the same, or begins
//! in the same way.
//!
//! Codes that begin the same are most likely one program with other immutables, libraries or metadata.
//! Each candidate is compared with the chain as if it had just been compiled, and the first one that
//! matches is the answer: its compilation is then the new contract's too.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use common::db::contracts::{Candidate, Codes, Compilation, ContractReader};
use common::db::jobs::LeasedJob;
use common::db::matches::NewCompilation;
use common::db::{Database, DatabaseError};
use common::report::with_causes;
use serde_json::Value;
use serde_json::value::RawValue;
use verification::failure::VerificationFailure;
use verification::job::SimilarityRequest;
use verification::matching::match_contract;
use verification::stored::{NotACompilation, StoredCompilation};
use verification::verdict::VerifiedMatch;

use super::off_thread::off_thread;
use super::on_chain::{self, OnChain};
use super::{Fault, Tools, Verification, Verified, failed};

const MAX_CANDIDATES: usize = 20;

pub(super) async fn verify(
    tools: &Tools<'_>,
    job: &LeasedJob,
    request: &SimilarityRequest,
) -> Result<Verification, Fault> {
    let given = request.creation_transaction_hash;
    let (chain_id, address) = (job.lease.chain_id(), job.lease.address());
    let looking = on_chain::look(tools.chains, chain_id, address, given);
    let Some(on_chain) = looking.await? else {
        let failure = VerificationFailure::ContractNotDeployed;
        return Ok(failed(failure, given, None, None, None));
    };
    let mut tried = HashSet::new();
    for likeness in [Likeness::Same, Likeness::SameBeginning] {
        for candidate in likeness.list(tools.database, &on_chain).await? {
            if tried.len() == MAX_CANDIDATES || !tried.insert(candidate.compilation_id) {
                continue;
            }
            if let Some(verified) = try_one(tools.database, candidate, &on_chain).await? {
                return Ok(Verification::Verified(Box::new(verified)));
            }
        }
    }
    let failure = VerificationFailure::NoSimilarMatchFound;
    Ok(failed(failure, given, Some(on_chain), None, None))
}

/// In the order in which they are tried.
#[derive(Debug, Clone, Copy)]
enum Likeness {
    Same,
    SameBeginning,
}

impl Likeness {
    async fn list(self, database: &Database, on_chain: &OnChain) -> Result<Vec<Candidate>, Fault> {
        let code = &on_chain.code.runtime;
        let listing = async {
            let reader = ContractReader::new(database).await?;
            match self {
                Self::Same => reader.list_with_code(code, MAX_CANDIDATES).await,
                Self::SameBeginning => reader.list_beginning_like(code, MAX_CANDIDATES).await,
            }
        };
        listing.await.map_err(database_fault)
    }
}

/// Nothing if it doesn't match.
async fn try_one(
    database: &Database,
    candidate: Candidate,
    on_chain: &OnChain,
) -> Result<Option<Verified>, Fault> {
    let stored = Stored::load(database, candidate)
        .await
        .map_err(database_fault)?;
    let code = on_chain.code.clone();
    let comparing = move || {
        let began = Instant::now();
        let matched = stored
            .compilation()
            .to_contract()
            .map(|(contract, auxdata)| match_contract(&contract, &auxdata, &code).ok());
        (stored, matched, began.elapsed())
    };
    let (stored, matched, match_time) = off_thread(comparing).await?;
    let matched: VerifiedMatch = match matched {
        Ok(Some(matched)) => matched,
        Ok(None) => return Ok(None),
        Err(error) => {
            tell_unreadable(candidate, &error);
            return Ok(None);
        }
    };
    let rows = stored.into_rows(database, candidate).await;
    let (compilation, metadata) = rows.map_err(database_fault)?;
    tracing::info!(
        event = "similar_contract_matched",
        match_id = candidate.match_id,
        "what is stored of another contract matches"
    );
    Ok(Some(Verified {
        compilation,
        metadata,
        on_chain: on_chain.clone(),
        matched,
        compile_time: Duration::ZERO,
        match_time,
    }))
}

/// What is needed to compare.
struct Stored {
    row: Compilation,
    documents: Documents,
    creation_code: Vec<u8>,
    runtime_code: Vec<u8>,
}

/// Those of the row, read. What was stored as JSON is JSON.
struct Documents {
    settings: Value,
    artifacts: Value,
    creation_code_artifacts: Value,
    runtime_code_artifacts: Value,
    additional_input: Option<Value>,
}

impl Documents {
    fn of(row: &Compilation) -> Self {
        let read = |document: &RawValue| serde_json::from_str(document.get()).unwrap_or_default();
        Self {
            settings: read(&row.settings),
            artifacts: read(&row.artifacts),
            creation_code_artifacts: read(&row.creation_code_artifacts),
            runtime_code_artifacts: read(&row.runtime_code_artifacts),
            additional_input: row.additional_input.as_deref().map(read),
        }
    }
}

impl Stored {
    async fn load(database: &Database, candidate: Candidate) -> Result<Self, DatabaseError> {
        let reader = ContractReader::new(database).await?;
        let Codes {
            recompiled_creation,
            recompiled_runtime,
            ..
        } = reader.get_codes(candidate.verified_contract_id).await?;
        let row = reader.get_compilation(candidate.compilation_id).await?;
        Ok(Self {
            documents: Documents::of(&row),
            row,
            creation_code: recompiled_creation.unwrap_or_default(),
            runtime_code: recompiled_runtime.unwrap_or_default(),
        })
    }

    fn compilation(&self) -> StoredCompilation<'_> {
        StoredCompilation {
            language: &self.row.language,
            version: &self.row.version,
            fully_qualified_name: &self.row.fully_qualified_name,
            settings: &self.documents.settings,
            artifacts: &self.documents.artifacts,
            creation_code: &self.creation_code,
            creation_code_artifacts: &self.documents.creation_code_artifacts,
            runtime_code: &self.runtime_code,
            runtime_code_artifacts: &self.documents.runtime_code_artifacts,
        }
    }

    /// The compilation as it is stored, so that the new match refers to the same row; and the
    /// compiler's metadata.
    async fn into_rows(
        self,
        database: &Database,
        candidate: Candidate,
    ) -> Result<(NewCompilation, Option<String>), DatabaseError> {
        let reader = ContractReader::new(database).await?;
        let sources = reader.list_sources(candidate.compilation_id).await?;
        let (row, documents) = (self.row, self.documents);
        let compilation = NewCompilation {
            compiler: row.compiler,
            version: row.version,
            language: row.language,
            name: row.name,
            fully_qualified_name: row.fully_qualified_name,
            settings: documents.settings,
            artifacts: documents.artifacts,
            creation_code: self.creation_code,
            creation_code_artifacts: documents.creation_code_artifacts,
            runtime_code: self.runtime_code,
            runtime_code_artifacts: documents.runtime_code_artifacts,
            additional_input: documents.additional_input,
            sources: sources
                .into_iter()
                .map(|file| (file.path, file.content))
                .collect(),
            signatures: reader.list_signatures(candidate.compilation_id).await?,
        };
        let metadata = reader.find_metadata(candidate.match_id).await?;
        Ok((compilation, metadata))
    }
}

fn tell_unreadable(candidate: Candidate, error: &NotACompilation) {
    tracing::warn!(
        event = "candidate_unreadable",
        match_id = candidate.match_id,
        error = with_causes(error),
        "a stored contract can't be compared"
    );
}

fn database_fault(source: DatabaseError) -> Fault {
    Fault::Database { source }
}
