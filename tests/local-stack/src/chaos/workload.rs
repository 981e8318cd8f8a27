//! Who verifies what: cases of a folder, each over and over at addresses of its own.

use std::time::Duration;

use serde_json::json;

use super::random::Random;
use crate::cases::Case;
use crate::replay_chain::Traces;

/// How many clients there are, by their addresses.
const CLIENTS: u64 = 20;

/// One verification that a client wants.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// Its contract is at an address that no other has.
    pub(super) case: Case,
    /// From the beginning of the run.
    pub(super) at: Duration,
    /// The client's address.
    pub(super) client: String,
}

/// So many, spread over this time.
pub(super) fn wishes(
    cases: &[Case],
    jobs: usize,
    within: Duration,
    random: &mut Random,
) -> Vec<Wish> {
    let mut movable: Vec<&Case> = cases.iter().filter(|case| is_movable(case)).collect();
    random.shuffle(&mut movable);
    let cases = movable.into_iter().cycle().take(jobs);
    let numbered = (0_u64..).zip(cases);
    numbered
        .map(|(number, case)| Wish {
            case: moved(case, number),
            at: random.between(Duration::ZERO, within),
            client: format!("10.0.0.{}", random.next().checked_rem(CLIENTS).unwrap_or(0)),
        })
        .collect()
}

/// Traces and foreign receipts name the one address that the contract has.
fn is_movable(case: &Case) -> bool {
    let contract = &case.contract;
    contract.creation.as_ref().is_none_or(|creation| {
        creation.traces == Traces::default()
            && creation.contract_address.as_ref() == Some(&contract.address)
    })
}

fn moved(case: &Case, number: u64) -> Case {
    let mut case = case.clone();
    let address = format!("0xc0de{number:036x}");
    if let Some(creation) = &mut case.contract.creation {
        creation.contract_address = Some(address.clone());
        creation.hash = format!("0x{number:064x}");
        case.submission["creationTransactionHash"] = json!(creation.hash);
    }
    case.contract.address = address;
    // Most bring an input that nobody has compiled: a setting that no output shows.
    let is_new = !number.is_multiple_of(4) && case.compiler_version.starts_with("0.8.28+");
    let input = &mut case.submission["stdJsonInput"];
    if is_new && input["language"] == "Solidity" {
        input["settings"]["modelChecker"] = json!({"engine": "none", "timeout": number});
    }
    case
}
