//! Every file in `cases/variations/` is a submission, what the chain holds, and the sources that must
//! be found for it. How to make one is told in `cases/README.md`.

#![expect(clippy::unwrap_used, reason = "a test stops at what it doesn't expect")]

mod folder;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use verification::compilation_target::CompilationTarget;
use verification::compiled_contract::CompiledContract;
use verification::compiler::{CompilerVersion, Language};
use verification::compiler_output::read_compiler_output;
use verification::std_json::StdJsonInput;
use verification::variation::{find_perfect_variation, plan_second_search};

use folder::judge_all;

#[test]
fn sources_are_found_by_the_hash_of_their_metadata() {
    judge_all("cases/variations", 20, |case| {
        let settings = case.get("findsSettings").unwrap_or(&case["settings"]);
        let wanted = (!case["finds"].is_null()).then(|| input(settings, &case["finds"]));
        (search(case), wanted)
    });
}

/// As a caller does it: once, and where that is planned, again.
fn search(case: &Value) -> Option<StdJsonInput> {
    let on_chain = on_chain(case);
    let submitted = input(&case["settings"], &case["submitted"]);
    let contract = compiled(case, &case["output"]);
    let found = find_perfect_variation(&submitted, &contract, &on_chain);
    let planned = plan_second_search(&submitted, &contract, &on_chain);
    if case["again"].is_null() {
        assert_eq!(planned, [], "{}", case["shows"]);
        return found;
    }
    assert_eq!(found, None, "{}", case["shows"]);
    let again = input(&case["settings"], &case["again"]);
    assert_eq!(planned, std::slice::from_ref(&again));
    find_perfect_variation(&again, &compiled(case, &case["outputOfAgain"]), &on_chain)
}

fn input(settings: &Value, contents: &Value) -> StdJsonInput {
    let contents: BTreeMap<String, String> = serde_json::from_value(contents.clone()).unwrap();
    let settings = settings.as_object().cloned();
    StdJsonInput::new(Language::Solidity, contents, settings.unwrap_or_default())
}

fn compiled(case: &Value, output: &Value) -> CompiledContract {
    let output = json!({"contracts": {"a.sol": {"A": output}}}).to_string();
    let input = StdJsonInput::new(Language::Solidity, BTreeMap::new(), Map::new());
    let target: CompilationTarget = "a.sol:A".parse().unwrap();
    let version: CompilerVersion = case["compilerVersion"].as_str().unwrap().parse().unwrap();
    read_compiler_output(output.as_bytes(), &input, &target, &version).unwrap()
}

fn on_chain(case: &Value) -> Vec<u8> {
    let digits = case["onChain"]
        .as_str()
        .unwrap()
        .strip_prefix("0x")
        .unwrap();
    hex::decode(digits).unwrap()
}
