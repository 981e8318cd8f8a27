//! Every file in `cases/` is a verification and what must come of it. How to make one is told
//! there.

#![expect(clippy::unwrap_used, reason = "a test stops at what it doesn't expect")]

mod folder;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use verification::auxdata::{AuxdataSearch, find_auxdata, place_auxdata};
use verification::chain::OnChainCode;
use verification::compilation_target::CompilationTarget;
use verification::compiled_contract::CompiledContract;
use verification::compiler::{CompilerVersion, Language};
use verification::compiler_output::read_compiler_output;
use verification::failure::VerificationFailure;
use verification::matching::match_contract;
use verification::std_json::StdJsonInput;
use verification::transformation::{
    TransformationValues, transformations_from_json, transformations_to_json,
};
use verification::verdict::{CodeMatch, VerifiedMatch};

use folder::judge_all;

#[test]
fn every_case_ends_as_it_says() {
    judge_all("cases", 60, |case| {
        (outcome(case), in_order(&case["expected"]))
    });
}

/// In the words of a case's `expected`.
fn outcome(case: &Value) -> Value {
    match verify(case) {
        Ok(verified) => in_order(&json!({
            "creation": verified.creation().map(side),
            "runtime": verified.runtime().map(side),
        })),
        Err(failure) => match failure.error_data() {
            Some(data) => json!({"failure": failure.code(), "errorData": data}),
            None => json!({"failure": failure.code()}),
        },
    }
}

fn verify(case: &Value) -> Result<VerifiedMatch, VerificationFailure> {
    let contract = compiled(case, &case["output"])?;
    let edited = &case["outputOfEditedSources"];
    let auxdata = match find_auxdata(&contract) {
        AuxdataSearch::Settled(auxdata) => {
            assert!(edited.is_null(), "{} has a needless compile", case["shows"]);
            auxdata
        }
        AuxdataSearch::NeedsSecondCompile { .. } => {
            assert!(edited.is_object(), "{} needs two compiles", case["shows"]);
            place_auxdata(&contract, &compiled(case, edited)?)
        }
    };
    let on_chain = OnChainCode {
        runtime: code(&case["onChain"]["runtime"]).unwrap(),
        creation: code(&case["onChain"]["creation"]),
    };
    match_contract(&contract, &auxdata, &on_chain)
}

fn compiled(case: &Value, output: &Value) -> Result<CompiledContract, VerificationFailure> {
    let text = |key: &str| case[key].as_str().unwrap();
    let language = Language::from_name(text("language")).unwrap();
    let optimizer = json!({"optimizer": {"enabled": case["optimizer"] == true}});
    let settings = optimizer.as_object().unwrap().clone();
    let input = StdJsonInput::new(language, BTreeMap::new(), settings);
    let target: CompilationTarget = text("target").parse().unwrap();
    let version: CompilerVersion = text("compilerVersion").parse().unwrap();
    read_compiler_output(output.to_string().as_bytes(), &input, &target, &version)
}

fn code(value: &Value) -> Option<Vec<u8>> {
    let digits = value.as_str()?.strip_prefix("0x").unwrap();
    Some(hex::decode(digits).unwrap())
}

/// In the order in which a side writes them.
const REASONS: [&str; 5] = [
    "callProtection",
    "immutable",
    "library",
    "cborAuxdata",
    "constructorArguments",
];

/// As it is stored; and what is stored can be read back.
fn side(side: &CodeMatch) -> Value {
    let transformations = transformations_to_json(&side.transformations);
    let values = side.values.to_json();
    let written = transformations.as_array().unwrap();
    assert!(
        written
            .is_sorted_by_key(|element| REASONS.iter().position(|name| *name == element["reason"])),
        "{transformations}"
    );
    assert_eq!(
        transformations_from_json(&transformations).as_ref(),
        Ok(&side.transformations)
    );
    assert_eq!(
        TransformationValues::from_json(&values).as_ref(),
        Ok(&side.values)
    );
    json!({"status": side.status.name(), "transformations": transformations, "values": values})
}

/// Others write the list of transformations in another order: it is a set.
fn in_order(expected: &Value) -> Value {
    let mut expected = expected.clone();
    for side in ["creation", "runtime"] {
        let list = expected.pointer_mut(&format!("/{side}/transformations"));
        if let Some(list) = list.and_then(Value::as_array_mut) {
            list.sort_by_key(|element| (element["offset"].as_u64(), element.to_string()));
        }
    }
    expected
}
