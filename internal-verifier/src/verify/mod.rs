//! One verification on one screen: the chain is asked while the compiler runs, then both are compared.
//!
//! Nothing here writes. The answer is a verdict with all that was seen; when we could not look, it is
//! a [`Fault`], and a fault is never turned into an answer.

mod compile;
mod fault;
mod on_chain;
mod result;

use std::time::{Duration, Instant};

use common::db::jobs::{JobKind, LeasedJob};
use futures::future::{Either, select};
use verification::failure::VerificationFailure;
use verification::job::StdJsonRequest;
use verification::matching::match_contract;

use crate::chains::Chains;
use compile::{CompileEnd, Compiled, Compiling};
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
    pub(crate) compilers: &'a compiler::Compilers,
    pub(crate) limits: compiler::Limits,
}

pub(crate) async fn verify(tools: &Tools<'_>, job: &LeasedJob) -> Result<Verification, Fault> {
    let request = read_request(job)?;
    let Some((on_chain, compiling)) = look(tools, job, &request).await? else {
        let failure = VerificationFailure::ContractNotDeployed;
        return Ok(failed(failure, &request, None, None, None));
    };
    let time = compiling.time;
    match compiling.result {
        Err(failure) => Ok(failed(failure, &request, Some(on_chain), None, Some(time))),
        Ok(compiled) => compare(request, on_chain, *compiled, time).await,
    }
}

/// Both at the same time, since neither needs the other. The chain speaks first: for a contract that
/// is not there (nothing), or a chain that cannot be asked, it does not matter what the compiler says.
async fn look(
    tools: &Tools<'_>,
    job: &LeasedJob,
    request: &StdJsonRequest,
) -> Result<Option<(OnChain, CompileEnd)>, Fault> {
    let (chain_id, address) = (job.lease.chain_id(), job.lease.address());
    let given = request.creation_transaction_hash;
    let looking = std::pin::pin!(on_chain::look(tools.chains, chain_id, address, given));
    let compiling = std::pin::pin!(Compiling::new(tools, request).run());
    match select(looking, compiling).await {
        Either::Left((on_chain, compiling)) => match on_chain? {
            Some(on_chain) => Ok(Some((on_chain, compiling.await?))),
            None => Ok(None),
        },
        Either::Right((compiling, looking)) => match looking.await? {
            Some(on_chain) => Ok(Some((on_chain, compiling?))),
            None => Ok(None),
        },
    }
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

/// Pure work, but of many bytes: not on a thread that others wait for.
async fn compare(
    request: StdJsonRequest,
    on_chain: OnChain,
    compiled: Compiled,
    time: Duration,
) -> Result<Verification, Fault> {
    let comparing = move || {
        let _span = tracing::info_span!("match").entered();
        let started = Instant::now();
        match match_contract(&compiled.contract, &compiled.auxdata, &on_chain.code) {
            Ok(matched) => {
                let verified = Verified {
                    request,
                    on_chain,
                    compiled,
                    matched,
                    compile_time: time,
                    match_time: started.elapsed(),
                };
                Verification::Verified(Box::new(verified))
            }
            Err(failure) => failed(
                failure,
                &request,
                Some(on_chain),
                Some(compiled),
                Some(time),
            ),
        }
    };
    tokio::task::spawn_blocking(comparing)
        .await
        .map_err(|source| Fault::Crashed { source })
}

fn failed(
    failure: VerificationFailure,
    request: &StdJsonRequest,
    on_chain: Option<OnChain>,
    compiled: Option<Compiled>,
    compile_time: Option<Duration>,
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
