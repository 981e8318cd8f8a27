//! One verification on one screen: the chain is asked while the compiler runs, then both are compared,
//! and compiled in other ways before the answer is no.
//!
//! Nothing here writes. The answer is a verdict with all that was seen; when we could not look, it is
//! a [`Fault`], and a fault is never turned into an answer.

mod asked;
mod compare;
mod compile;
mod fault;
mod off_thread;
mod on_chain;
mod result;
mod similar;
mod variation;
mod ways;

use std::time::Duration;

use common::chains::Chains;
use common::db::Database;
use common::db::jobs::{LeasedJob, Stage};
use futures::future::{Either, select};
use verification::chain::TransactionHash;
use verification::failure::VerificationFailure;
use verification::matching::has_same_metadata;
use verification::std_json::StdJsonInput;

use crate::outputs::{Allowance, Outputs};
use crate::sources::Sources;
use crate::stages::Stages;
use asked::{Asked, Made, Origin};
use compare::{Judged, compare, judge};
use compile::{Compiled, Compiling};
pub(crate) use fault::Fault;
use on_chain::OnChain;
pub(crate) use result::{Failed, Verified, failure};

/// What we found out.
#[derive(Debug)]
pub(crate) enum Verification {
    Verified(Box<Verified>),
    Failed(Box<Failed>),
}

/// The tools of one verification.
#[derive(Debug)]
pub(crate) struct Tools<'a> {
    pub(crate) chains: &'a Chains,
    pub(crate) outputs: &'a Outputs,
    pub(crate) sources: &'a Sources,
    /// To look at what is stored.
    pub(crate) database: &'a Database,
    /// For all compilers of this verification together.
    pub(crate) allowance: Allowance,
    /// What is being done; whoever wants to know looks.
    pub(crate) stage: &'a Stages,
}

pub(crate) async fn verify(tools: &Tools<'_>, job: &LeasedJob) -> Result<Verification, Fault> {
    match Asked::read(job)? {
        Asked::ToCompile(origin) => by_compiling(tools, job, origin).await,
        Asked::ToFindSimilar(request) => similar::verify(tools, job, &request).await,
    }
}

async fn by_compiling(
    tools: &Tools<'_>,
    job: &LeasedJob,
    origin: Origin,
) -> Result<Verification, Fault> {
    let given = origin.creation_transaction_hash();
    let (chain_id, address) = (job.lease.chain_id(), job.lease.address());
    let looking = on_chain::look(tools.chains, chain_id, address, given);
    let Some((on_chain, begun)) = beside(tools, looking, Begun::begin(tools, origin)).await? else {
        let failure = VerificationFailure::ContractNotDeployed;
        return Ok(failed(failure, given, None, None, None));
    };
    let begun = match begun {
        Ok(begun) => begun,
        Err(failure) => return Ok(failed(failure, given, Some(on_chain), None, None)),
    };
    let mut compiling = begun.compiling;
    let first = match begun.compiled {
        Ok(compiled) => judge(&mut compiling, &on_chain, compiled).await?,
        Err(failure) => {
            let time = Some(compiling.time());
            return Ok(failed(failure, given, Some(on_chain), None, time));
        }
    };
    let judged = try_further_ways(&mut compiling, &on_chain, first).await?;
    let all_files = begun.with_all_files;
    let judged = try_all_files(&mut compiling, &on_chain, all_files, judged).await?;
    let time = compiling.time();
    Ok(match judged.verdict {
        Ok(matched) => Verification::Verified(Box::new(Verified {
            compilation: result::compilation(compiling.request(), &judged.compiled),
            metadata: judged.compiled.contract.metadata,
            on_chain,
            matched,
            compile_time: time,
            match_time: judged.time,
        })),
        Err(failure) => {
            let compiled = Some(judged.compiled);
            failed(failure, given, Some(on_chain), compiled, Some(time))
        }
    })
}

/// What was done without the chain.
struct Begun<'a> {
    compiling: Compiling<'a>,
    compiled: Result<Compiled, VerificationFailure>,
    with_all_files: Option<StdJsonInput>,
}

impl<'a> Begun<'a> {
    /// Nothing to compile could be made: that is a failure.
    async fn begin(
        tools: &'a Tools<'a>,
        origin: Origin,
    ) -> Result<Result<Self, VerificationFailure>, Fault> {
        let Made {
            request,
            with_all_files,
        } = match origin.make(tools).await? {
            Ok(made) => made,
            Err(failure) => return Ok(Err(failure)),
        };
        let mut compiling = Compiling::new(tools, request);
        Ok(Ok(Self {
            compiled: compiling.first().await?,
            compiling,
            with_all_files,
        }))
    }
}

/// Both at the same time, since neither needs the other. The chain speaks first: for a contract that
/// is not there (nothing), or a chain that cannot be asked, it does not matter what the work gives.
async fn beside<T>(
    tools: &Tools<'_>,
    looking: impl Future<Output = Result<Option<OnChain>, Fault>>,
    working: impl Future<Output = Result<T, Fault>>,
) -> Result<Option<(OnChain, T)>, Fault> {
    let (looking, working) = (std::pin::pin!(looking), std::pin::pin!(working));
    match select(looking, working).await {
        Either::Left((on_chain, working)) => match on_chain? {
            Some(on_chain) => Ok(Some((on_chain, working.await?))),
            None => Ok(None),
        },
        Either::Right((worked, looking)) => {
            tools.stage.reach(Stage::ReadingChain);
            match looking.await? {
                Some(on_chain) => Ok(Some((on_chain, worked?))),
                None => Ok(None),
            }
        }
    }
}

/// A way that matches is the answer; if none does, the first failure is.
async fn try_further_ways(
    compiling: &mut Compiling<'_>,
    on_chain: &OnChain,
    first: Judged,
) -> Result<Judged, Fault> {
    let is_final = |failure: &VerificationFailure| !failure.is_worth_another_compile();
    if first.verdict.as_ref().err().is_none_or(is_final) {
        return Ok(first);
    }
    for way in compiling.further_ways(&first.compiled) {
        let Ok(compiled) = compiling.again(way).await? else {
            continue;
        };
        let judged = judge(compiling, on_chain, compiled).await?;
        if judged.verdict.is_ok() {
            tracing::info!(event = "matched_another_way", ?way, "only this way matched");
            return Ok(judged);
        }
    }
    Ok(first)
}

/// Where the same metadata gave other code, of the same length or not.
async fn try_all_files(
    compiling: &mut Compiling<'_>,
    on_chain: &OnChain,
    with_all_files: Option<StdJsonInput>,
    first: Judged,
) -> Result<Judged, Fault> {
    let is_final = |failure: &VerificationFailure| !failure.is_worth_another_compile();
    let Some(input) = with_all_files else {
        return Ok(first);
    };
    if first.verdict.as_ref().err().is_none_or(is_final)
        || !has_same_metadata(&first.compiled.contract, &on_chain.code.runtime)
    {
        return Ok(first);
    }
    let way = first.compiled.way;
    let Some(compiled) = compiling.variation(&input, way).await? else {
        return Ok(first);
    };
    let judged = compare(on_chain, compiled).await?;
    Ok(if judged.verdict.is_ok() {
        tracing::info!(event = "matched_with_all_files", "only all files matched");
        judged
    } else {
        first
    })
}

fn failed(
    failure: VerificationFailure,
    given: Option<TransactionHash>,
    on_chain: Option<OnChain>,
    compiled: Option<Compiled>,
    compile_time: Option<Duration>,
) -> Verification {
    Verification::Failed(Box::new(Failed {
        failure,
        given,
        on_chain,
        compiled,
        compile_time,
    }))
}
