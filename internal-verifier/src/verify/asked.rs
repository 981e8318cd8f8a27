//! What a job asks for, and the compiler's input that is made of it.

use std::collections::BTreeMap;

use common::db::jobs::{JobKind, LeasedJob, Stage};
use serde::de::DeserializeOwned;
use tracing::Instrument;
use verification::chain::TransactionHash;
use verification::compilation_target::CompilationTarget;
use verification::compiler::Compiler;
use verification::explorer::{Import, NotAnImport};
use verification::failure::VerificationFailure;
use verification::job::{EtherscanRequest, MetadataRequest, SimilarityRequest, StdJsonRequest};
use verification::metadata::{ContentHash, SourcePlan};
use verification::std_json::StdJsonInput;

use super::off_thread::off_thread;
use super::{Fault, Tools};

#[derive(Debug)]
pub(super) enum Asked {
    ToCompile(Origin),
    ToFindSimilar(SimilarityRequest),
}

/// Where the input of a compiler comes from.
#[derive(Debug)]
pub(super) enum Origin {
    StdJson(StdJsonRequest),
    Metadata(MetadataRequest),
    Etherscan(Box<EtherscanRequest>),
}

/// What is compiled.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) request: StdJsonRequest,
    /// The same with all files that were given, if metadata names fewer: some releases give other
    /// code then (sourcify #618).
    pub(super) with_all_files: Option<StdJsonInput>,
}

impl Asked {
    pub(super) fn read(job: &LeasedJob) -> Result<Self, Fault> {
        Ok(match job.kind {
            JobKind::StdJson => Self::ToCompile(Origin::StdJson(read(job)?)),
            JobKind::Metadata => Self::ToCompile(Origin::Metadata(read(job)?)),
            JobKind::Etherscan => Self::ToCompile(Origin::Etherscan(Box::new(read(job)?))),
            JobKind::Similarity => Self::ToFindSimilar(read(job)?),
        })
    }
}

fn read<T: DeserializeOwned>(job: &LeasedJob) -> Result<T, Fault> {
    serde_json::from_value(job.input.clone()).map_err(|source| Fault::Input { source })
}

impl Origin {
    /// As the client gave it.
    pub(super) fn creation_transaction_hash(&self) -> Option<TransactionHash> {
        match self {
            Self::StdJson(request) => request.creation_transaction_hash,
            Self::Metadata(request) => request.creation_transaction_hash,
            Self::Etherscan(_) => None,
        }
    }

    pub(super) async fn make(
        self,
        tools: &Tools<'_>,
    ) -> Result<Result<Made, VerificationFailure>, Fault> {
        match self {
            Self::StdJson(request) => Ok(Ok(Made {
                request,
                with_all_files: None,
            })),
            Self::Metadata(request) => from_metadata(tools, request).await,
            Self::Etherscan(request) => from_explorer(tools, *request).await,
        }
    }
}

async fn from_metadata(
    tools: &Tools<'_>,
    request: MetadataRequest,
) -> Result<Result<Made, VerificationFailure>, Fault> {
    let target = match request.metadata.target() {
        Ok(target) => target,
        Err(failure) => return Ok(Err(failure)),
    };
    let planning = move || {
        let plan = request.metadata.plan_sources(&request.files);
        (request, plan)
    };
    let (request, plan) = off_thread(planning).await?;
    tools.stage.reach(Stage::FetchingSources);
    let fetching = tools.sources.fetch(plan.wanted());
    let fetched = fetching
        .instrument(tracing::info_span!("sources.fetch"))
        .await;
    off_thread(move || complete(&request, plan, &fetched, target)).await
}

/// Copies as many bytes as all sources have.
fn complete(
    request: &MetadataRequest,
    plan: SourcePlan,
    fetched: &BTreeMap<ContentHash, String>,
    target: CompilationTarget,
) -> Result<Made, VerificationFailure> {
    let unused = plan.unused().clone();
    let input = request.metadata.input(plan.complete(fetched)?);
    Ok(Made {
        with_all_files: (!unused.is_empty()).then(|| input.with_further_sources(&unused)),
        request: StdJsonRequest {
            std_json_input: input,
            compiler_version: request.metadata.compiler_version().clone(),
            target,
            creation_transaction_hash: request.creation_transaction_hash,
        },
    })
}

async fn from_explorer(
    tools: &Tools<'_>,
    request: EtherscanRequest,
) -> Result<Result<Made, VerificationFailure>, Fault> {
    let importing = move || (request.contract.import(), request);
    let (import, request) = off_thread(importing).await?;
    let import = match import {
        Ok(import) => import,
        Err(NotAnImport::Failed(failure)) => return Ok(Err(failure)),
        Err(source @ NotAnImport::Malformed(_)) => return Err(Fault::Import { source }),
    };
    let Import {
        input,
        mut compiler_version,
        target,
    } = import;
    if input.language().compiler() == Compiler::Vyper {
        // Explorers name Vyper's releases without their commits.
        let compilers = tools.outputs.compilers();
        let Some(release) = compilers.find(Compiler::Vyper, &compiler_version) else {
            let failure = VerificationFailure::EtherscanVyperVersionMappingFailed {
                compiler_version: request.contract.compiler_version,
            };
            return Ok(Err(failure));
        };
        compiler_version = release.version().clone();
    }
    Ok(Ok(Made {
        request: StdJsonRequest {
            std_json_input: input,
            compiler_version,
            target,
            creation_transaction_hash: None,
        },
        with_all_files: None,
    }))
}
