//! One verification on one screen: the chain is asked while the compiler runs, then both are compared,
//! and compiled in other ways before the answer is no.
//!
//! Nothing here writes. The answer is a verdict with all that was seen; when we could not look, it is
//! a [`Fault`], and a fault is never turned into an answer.

mod compare;
mod compile;
mod fault;
mod off_thread;
mod on_chain;
mod result;
mod variation;
mod ways;

use common::db::jobs::{JobKind, LeasedJob, Stage};
use futures::future::{Either, select};
use tokio::sync::watch;
use verification::failure::VerificationFailure;
use verification::job::StdJsonRequest;

use crate::outputs::{Allowance, Outputs};
use common::chains::Chains;
use compare::{Judged, judge};
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
    /// For all compilers of this verification together.
    pub(crate) allowance: Allowance,
    /// What is being done; whoever wants to know looks.
    pub(crate) stage: &'a watch::Sender<Stage>,
}

pub(crate) async fn verify(tools: &Tools<'_>, job: &LeasedJob) -> Result<Verification, Fault> {
    let request = read_request(job)?;
    let mut compiling = Compiling::new(tools, &request);
    let looked = look(tools, job, &request, &mut compiling).await?;
    let Some((on_chain, compiled)) = looked else {
        let failure = VerificationFailure::ContractNotDeployed;
        return Ok(failed(failure, &request, None, None, None));
    };
    let first = match compiled {
        Ok(compiled) => judge(&mut compiling, &on_chain, compiled).await?,
        Err(failure) => {
            let time = Some(compiling.time());
            return Ok(failed(failure, &request, Some(on_chain), None, time));
        }
    };
    let judged = try_further_ways(&mut compiling, &on_chain, first).await?;
    let time = compiling.time();
    Ok(match judged.verdict {
        Ok(matched) => Verification::Verified(Box::new(Verified {
            on_chain,
            compiled: judged.compiled,
            matched,
            compile_time: time,
            match_time: judged.time,
            request,
        })),
        Err(failure) => {
            let compiled = Some(judged.compiled);
            failed(failure, &request, Some(on_chain), compiled, Some(time))
        }
    })
}

/// Both at the same time, since neither needs the other. The chain speaks first: for a contract that
/// is not there (nothing), or a chain that cannot be asked, it does not matter what the compiler says.
async fn look(
    tools: &Tools<'_>,
    job: &LeasedJob,
    request: &StdJsonRequest,
    compiling: &mut Compiling<'_>,
) -> Result<Option<(OnChain, Result<Compiled, VerificationFailure>)>, Fault> {
    let (chain_id, address) = (job.lease.chain_id(), job.lease.address());
    let given = request.creation_transaction_hash;
    let looking = std::pin::pin!(on_chain::look(tools.chains, chain_id, address, given));
    let compiling = std::pin::pin!(compiling.first());
    match select(looking, compiling).await {
        Either::Left((on_chain, compiling)) => match on_chain? {
            Some(on_chain) => Ok(Some((on_chain, compiling.await?))),
            None => Ok(None),
        },
        Either::Right((compiled, looking)) => {
            tools.stage.send_replace(Stage::ReadingChain);
            match looking.await? {
                Some(on_chain) => Ok(Some((on_chain, compiled?))),
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

fn read_request(job: &LeasedJob) -> Result<StdJsonRequest, Fault> {
    match job.kind {
        JobKind::StdJson => {
            serde_json::from_value(job.input.clone()).map_err(|source| Fault::Input { source })
        }
        JobKind::Metadata | JobKind::Etherscan | JobKind::Similarity => {
            Err(Fault::Kind(job.kind.name()))
        }
    }
}

fn failed(
    failure: VerificationFailure,
    request: &StdJsonRequest,
    on_chain: Option<OnChain>,
    compiled: Option<Compiled>,
    compile_time: Option<std::time::Duration>,
) -> Verification {
    let given = request.creation_transaction_hash;
    Verification::Failed(Box::new(Failed {
        failure,
        given,
        on_chain,
        compiled,
        compile_time,
    }))
}
