//! The search for the input that was deployed, among those that differ from the submitted one by line
//! endings and by when libraries were linked. Up to seconds of hashing.

use verification::std_json::StdJsonInput;
use verification::variation::{find_perfect_variation, plan_second_search};

use super::Fault;
use super::compare::Judged;
use super::off_thread::off_thread;
use super::on_chain::OnChain;

pub(super) enum Found {
    /// Its metadata has the chain's hash.
    Deployed(Box<StdJsonInput>),
    /// To compile, and to search from: mostly none.
    MayLead(Vec<StdJsonInput>),
}

/// What was judged is the compilation of the input, and comes back as it was.
pub(super) async fn search(
    input: &StdJsonInput,
    on_chain: &OnChain,
    judged: Judged,
) -> Result<(Judged, Found), Fault> {
    let (input, runtime) = (input.clone(), on_chain.code.runtime.clone());
    let searching = move || {
        let contract = &judged.compiled.contract;
        let found = match find_perfect_variation(&input, contract, &runtime) {
            Some(deployed) => Found::Deployed(Box::new(deployed)),
            None => Found::MayLead(plan_second_search(&input, contract, &runtime)),
        };
        (judged, found)
    };
    off_thread(searching).await
}
