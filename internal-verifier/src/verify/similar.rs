//! A verification without a compiler: by what is stored of contracts whose code is the same, or begins
//! in the same way.
//!
//! Codes that begin the same are most likely one program with other immutables, libraries or metadata.
//! Each candidate is compared with the chain as if it had just been compiled, and the one that matches
//! best is the answer: its compilation is then the new contract's too.

mod stored;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use common::db::contracts::{Candidate, ContractReader};
use common::db::jobs::{LeasedJob, Stage};
use common::db::matches::NewCompilation;
use common::db::{Database, DatabaseError};
use common::report::with_causes;
use verification::failure::VerificationFailure;
use verification::job::SimilarityRequest;
use verification::verdict::{MatchStatus, VerifiedMatch};

use stored::{Documents, Stored, Unreadable};

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
    tools.stage.reach(Stage::ReadingChain);
    let looking = on_chain::look(tools.chains, chain_id, address, given);
    let Some(on_chain) = looking.await? else {
        let failure = VerificationFailure::ContractNotDeployed;
        return Ok(failed(failure, given, None, None, None));
    };
    tools.stage.reach(Stage::Comparing);
    let Some(best) = find_best(tools.database, &on_chain).await? else {
        let failure = VerificationFailure::NoSimilarMatchFound;
        return Ok(failed(failure, given, Some(on_chain), None, None));
    };
    let verified = best.into_verified(tools.database, on_chain).await;
    Ok(Verification::Verified(Box::new(
        verified.map_err(database_fault)?,
    )))
}

/// The first that matches may bring no more than what is known already, so that all are compared until
/// nothing better can come.
async fn find_best(database: &Database, on_chain: &OnChain) -> Result<Option<Similar>, Fault> {
    let mut tried = HashSet::new();
    let mut best: Option<Similar> = None;
    for likeness in [Likeness::Same, Likeness::SameBeginning] {
        for candidate in likeness.list(database, on_chain).await? {
            if tried.len() == MAX_CANDIDATES || !tried.insert(candidate.compilation_id) {
                continue;
            }
            let Some(similar) = try_one(database, candidate, on_chain).await? else {
                continue;
            };
            if similar.is_perfect(on_chain) {
                return Ok(Some(similar));
            }
            // Of equals the first stays.
            if best
                .as_ref()
                .is_none_or(|best| similar.rank() > best.rank())
            {
                best = Some(similar);
            }
        }
    }
    Ok(best)
}

/// A candidate that matches.
struct Similar {
    candidate: Candidate,
    stored: Stored,
    documents: Documents,
    matched: VerifiedMatch,
    match_time: Duration,
}

impl Similar {
    fn rank(&self) -> impl PartialOrd + use<> {
        let levels = self.matched.levels();
        (levels.best(), levels.runtime, levels.creation)
    }

    fn is_perfect(&self, on_chain: &OnChain) -> bool {
        let exact = Some(MatchStatus::ExactMatch);
        let levels = self.matched.levels();
        levels.runtime == exact && (levels.creation == exact || on_chain.creation.is_none())
    }

    async fn into_verified(
        self,
        database: &Database,
        on_chain: OnChain,
    ) -> Result<Verified, DatabaseError> {
        let reader = ContractReader::new(database).await?;
        let id = self.candidate.compilation_id;
        let sources = reader.list_sources(id).await?;
        let signatures = reader.list_signatures(id).await?;
        tracing::info!(
            event = "similar_contract_matched",
            match_id = self.candidate.match_id,
            "what is stored of another contract matches"
        );
        let (stored, documents) = (self.stored, self.documents);
        Ok(Verified {
            // As it is stored, so that the new match refers to the same row.
            compilation: NewCompilation {
                compiler: stored.row.compiler,
                version: stored.row.version,
                language: stored.row.language,
                name: stored.row.name,
                fully_qualified_name: stored.row.fully_qualified_name,
                settings: documents.settings,
                artifacts: documents.artifacts,
                creation_code: stored.creation_code,
                creation_code_artifacts: documents.creation_code_artifacts,
                runtime_code: stored.runtime_code,
                runtime_code_artifacts: documents.runtime_code_artifacts,
                additional_input: documents.additional_input,
                sources: sources
                    .into_iter()
                    .map(|file| (file.path, file.content))
                    .collect(),
                signatures,
            },
            metadata: stored.metadata,
            on_chain,
            matched: self.matched,
            compile_time: Duration::ZERO,
            match_time: self.match_time,
        })
    }
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
) -> Result<Option<Similar>, Fault> {
    let loading = Stored::load(database, candidate).await;
    let Some(stored) = loading.map_err(database_fault)? else {
        return Ok(None);
    };
    let code = on_chain.code.clone();
    let comparing = move || {
        let began = Instant::now();
        let compared = stored.compare(&code);
        (stored, compared, began.elapsed())
    };
    let (stored, compared, match_time) = off_thread(comparing).await?;
    Ok(match compared {
        Ok((documents, Some(matched))) => Some(Similar {
            candidate,
            stored,
            documents,
            matched,
            match_time,
        }),
        Ok((_, None)) => None,
        Err(error) => {
            tell_unreadable(candidate, &error);
            None
        }
    })
}

fn tell_unreadable(candidate: Candidate, error: &Unreadable) {
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
