//! Every file in `cases/` is a verification and what must come of it. How to make one is told
//! there.

#![expect(clippy::unwrap_used, reason = "a test stops at what it doesn't expect")]

mod folder;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use verification::auxdata::{AuxdataSearch, ContractAuxdata, find_auxdata, place_auxdata};
use verification::chain::OnChainCode;
use verification::compilation_target::CompilationTarget;
use verification::compiled_contract::CompiledContract;
use verification::compiler::{CompilerVersion, Language};
use verification::compiler_output::read_compiler_output;
use verification::failure::VerificationFailure;
use verification::matching::{has_same_metadata, match_contract};
use verification::std_json::StdJsonInput;
use verification::stored::StoredCompilation;
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

/// What is stored of a compilation is enough to match another contract with it.
#[test]
fn every_case_ends_the_same_with_what_is_stored() {
    judge_all("cases", 60, |case| {
        let Ok((contract, auxdata)) = prepared(case) else {
            return (Value::Null, Value::Null);
        };
        let (restored, positions) = stored_and_read_back(&contract, &auxdata);
        assert_eq!(positions, auxdata, "{}", case["shows"]);
        let found = told(match_contract(&restored, &positions, &on_chain(case)));
        let is_forgotten = contract.creation.link_references().is_none()
            && !contract.runtime.libraries().is_empty();
        match is_forgotten {
            // Compilers that named no link references leave no trace of their libraries.
            true => (found["failure"].clone(), json!("no_match")),
            false => (found, in_order(&case["expected"])),
        }
    });
}

/// Then all files that were given are tried: of whatever length the codes are.
#[test]
fn the_same_metadata_for_other_code_is_seen() {
    for (name, is_same) in [
        ("the_same_metadata_for_other_code", true),
        (
            "the_same_metadata_for_other_code_without_the_optimizer",
            true,
        ),
        ("exact_on_both_sides", true),
        ("other_code_of_the_same_length", false),
        ("other_metadata", false),
        ("no_metadata_is_not_the_same_metadata", false),
    ] {
        let path = format!("{}/cases/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let case: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let (contract, _) = prepared(&case).unwrap();
        let found = has_same_metadata(&contract, &on_chain(&case).runtime);
        assert_eq!(found, is_same, "{name}");
    }
}

fn stored_and_read_back(
    contract: &CompiledContract,
    auxdata: &ContractAuxdata,
) -> (CompiledContract, ContractAuxdata) {
    let stored = StoredCompilation {
        language: &contract.language.name().to_lowercase(),
        version: contract.version.as_str(),
        fully_qualified_name: &contract.target.to_string(),
        settings: &json!({"optimizer": {"enabled": contract.optimizer_enabled}}),
        artifacts: &contract.compilation_artifacts(),
        creation_code: contract.creation.bytes(),
        creation_code_artifacts: &contract.creation_code_artifacts(&auxdata.creation),
        runtime_code: contract.runtime.bytes(),
        runtime_code_artifacts: &contract.runtime_code_artifacts(&auxdata.runtime),
    };
    stored.to_contract().unwrap()
}

/// In the words of a case's `expected`.
fn outcome(case: &Value) -> Value {
    told(verify(case))
}

fn told(verdict: Result<VerifiedMatch, VerificationFailure>) -> Value {
    match verdict {
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
    let (contract, auxdata) = prepared(case)?;
    match_contract(&contract, &auxdata, &on_chain(case))
}

fn prepared(case: &Value) -> Result<(CompiledContract, ContractAuxdata), VerificationFailure> {
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
    Ok((contract, auxdata))
}

fn on_chain(case: &Value) -> OnChainCode {
    OnChainCode {
        runtime: code(&case["onChain"]["runtime"]).unwrap(),
        creation: code(&case["onChain"]["creation"]),
    }
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
