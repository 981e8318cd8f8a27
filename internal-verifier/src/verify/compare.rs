//! A compiled contract beside what the chain holds.

use std::time::{Duration, Instant};

use verification::failure::VerificationFailure;
use verification::matching::match_contract;
use verification::std_json::StdJsonInput;
use verification::verdict::{MatchStatus, VerifiedMatch};

use super::Fault;
use super::compile::{Compiled, Compiling};
use super::off_thread::off_thread;
use super::on_chain::OnChain;
use super::variation::{self, Found};
use super::ways::Way;

/// A comparison, with what was compared.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) compiled: Compiled,
    pub(super) verdict: Result<VerifiedMatch, VerificationFailure>,
    /// Of the comparison alone.
    pub(super) time: Duration,
}

impl Judged {
    fn runtime(&self) -> Option<MatchStatus> {
        self.verdict.as_ref().ok()?.levels().runtime
    }

    fn is_exact(&self) -> bool {
        self.runtime() == Some(MatchStatus::ExactMatch)
    }
}

/// If only the metadata differs, and there is a variation of the input that gives the chain's, that one
/// is compiled: it is what was deployed.
pub(super) async fn judge(
    compiling: &mut Compiling<'_>,
    on_chain: &OnChain,
    compiled: Compiled,
) -> Result<Judged, Fault> {
    compiling.compares();
    let submitted = compare(on_chain, compiled).await?;
    if submitted.runtime() != Some(MatchStatus::Match) {
        return Ok(submitted);
    }
    let (submitted, found) = variation::search(compiling.submitted(), on_chain, submitted).await?;
    let way = submitted.compiled.way;
    let inputs = match found {
        Found::Deployed(input) => vec![*input],
        Found::MayLead(inputs) => inputs,
    };
    for input in inputs {
        let Some(varied) = vary(compiling, on_chain, &input, way).await? else {
            continue;
        };
        if varied.is_exact() {
            return Ok(varied);
        }
        if let (_, Found::Deployed(input)) = variation::search(&input, on_chain, varied).await?
            && let Some(varied) = vary(compiling, on_chain, &input, way).await?
            && varied.is_exact()
        {
            return Ok(varied);
        }
    }
    Ok(submitted)
}

async fn vary(
    compiling: &mut Compiling<'_>,
    on_chain: &OnChain,
    input: &StdJsonInput,
    way: Way,
) -> Result<Option<Judged>, Fault> {
    match compiling.variation(input, way).await? {
        Some(compiled) => {
            compiling.compares();
            compare(on_chain, compiled).await.map(Some)
        }
        None => Ok(None),
    }
}

pub(super) async fn compare(on_chain: &OnChain, compiled: Compiled) -> Result<Judged, Fault> {
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
    off_thread(comparing).await
}
