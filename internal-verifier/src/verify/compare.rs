//! A compiled contract beside what the chain holds. Pure work, but of many bytes: not on a thread that
//! others wait for.

use std::time::{Duration, Instant};

use verification::failure::VerificationFailure;
use verification::matching::match_contract;
use verification::verdict::VerifiedMatch;

use super::Fault;
use super::compile::{Compiled, Compiling};
use super::on_chain::OnChain;

/// A comparison, with what was compared.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) compiled: Compiled,
    pub(super) verdict: Result<VerifiedMatch, VerificationFailure>,
    /// Of the comparison alone.
    pub(super) time: Duration,
}

/// If only the metadata differs, and only by the line endings of the sources, those sources are compiled
/// that give the chain's metadata: they are the ones that were deployed.
pub(super) async fn judge(
    compiling: &mut Compiling<'_>,
    on_chain: &OnChain,
    compiled: Compiled,
) -> Result<Judged, Fault> {
    let compiled = compiling.perfect(compiled, on_chain).await?;
    let code = on_chain.code.clone();
    let comparing = move || {
        let _span = tracing::info_span!("match").entered();
        let started = Instant::now();
        let verdict = match_contract(&compiled.contract, &compiled.auxdata, &code);
        Judged {
            compiled,
            verdict,
            time: started.elapsed(),
        }
    };
    tokio::task::spawn_blocking(comparing)
        .await
        .map_err(|source| Fault::Crashed { source })
}
