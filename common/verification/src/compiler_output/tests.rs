use serde_json::json;

use super::*;
use crate::auxdata::{AuxdataPositions, AuxdataSearch, ContractAuxdata, find_auxdata};
use crate::compiled_code::Placeholder;

fn read(output: &str) -> Result<CompiledContract, VerificationFailure> {
    let input = json!({
        "language": "Solidity",
        "sources": {"a.sol": {"content": "contract A {}"}},
        "settings": {"optimizer": {"enabled": true}},
    });
    let input = StdJsonInput::parse(&input).unwrap();
    let (target, version) = ("a.sol:A".parse().unwrap(), "0.8.28".parse().unwrap());
    read_compiler_output(output.as_bytes(), &input, &target, &version)
}

fn contract() -> Value {
    json!({
        "abi": [{"type": "constructor", "inputs": []}],
        "metadata": "{\"b\": 1, \"a\": 2}",
        "userdoc": {"kind": "user"},
        "ir": "skipped",
        "evm": {
            "bytecode": {"object": "600160025b", "sourceMap": "1:2", "linkReferences": {}},
            "deployedBytecode": {
                "object": "6001",
                "linkReferences": {},
                "immutableReferences": {"7": [{"start": 1, "length": 1}]},
            },
            "legacyAssembly": null,
        },
    })
}

#[test]
fn only_the_target_is_read() {
    let output = json!({
        "contracts": {"a.sol": {"A": contract(), "B": 5}, "b.sol": {"A": []}},
        "sources": {"a.sol": {"id": 0}, "b.sol": {"id": "1", "ast": {}}},
        "errors": [{"severity": "warning"}],
    });
    let contract = read(&output.to_string()).unwrap();
    assert_eq!(contract.metadata.as_deref(), Some("{\"b\": 1, \"a\": 2}"));
    assert!(contract.optimizer_enabled);
    assert_eq!(
        contract.compilation_artifacts(),
        json!({
            "abi": [{"type": "constructor", "inputs": []}],
            "userdoc": {"kind": "user"},
            "devdoc": null,
            "storageLayout": null,
            "transientStorageLayout": null,
            "sources": {"a.sol": {"id": 0}, "b.sol": {"id": 1}},
        })
    );
    assert_eq!(
        contract.creation_code_artifacts(&AuxdataPositions::none()),
        json!({"sourceMap": "1:2", "linkReferences": {}, "cborAuxdata": {}})
    );
    assert_eq!(
        contract.runtime_code_artifacts(&AuxdataPositions::Unknown),
        json!({
            "sourceMap": null,
            "linkReferences": {},
            "immutableReferences": {"7": [{"start": 1, "length": 1}]},
            "cborAuxdata": null,
        })
    );
}

#[test]
fn an_output_without_the_target_says_why() {
    let with = |contracts: Value, errors: Value| {
        json!({"contracts": contracts, "errors": errors}).to_string()
    };
    let error = json!({"severity": "error", "message": "no"});
    let mut empty = contract();
    empty["evm"]["deployedBytecode"]["object"] = json!("");
    let mut foreign = contract();
    foreign["evm"]["bytecode"]["object"] = json!("60zz");
    let target = |contract: Value| json!({"a.sol": {"A": contract}});
    for (output, wanted) in [
        (String::new(), VerificationFailure::NoCompilerOutput),
        ("null".to_owned(), VerificationFailure::NoCompilerOutput),
        ("{} {}".to_owned(), VerificationFailure::NoCompilerOutput),
        (
            "{}".to_owned(),
            VerificationFailure::ContractNotFoundInCompilerOutput,
        ),
        (
            with(json!({"a.sol": {"B": contract()}}), json!(null)),
            VerificationFailure::ContractNotFoundInCompilerOutput,
        ),
        (
            with(json!(null), json!([{"severity": "info"}])),
            VerificationFailure::ContractNotFoundInCompilerOutput,
        ),
        (
            with(target(contract()), json!([{"severity": "warning"}, error])),
            VerificationFailure::CompilerErrors(vec![error.clone()]),
        ),
        (
            with(target(empty), json!([])),
            VerificationFailure::CompiledBytecodeIsZero,
        ),
        (
            with(target(json!({})), json!([])),
            VerificationFailure::CompiledBytecodeIsZero,
        ),
        (
            with(target(foreign), json!([])),
            VerificationFailure::NoCompilerOutput,
        ),
    ] {
        assert_eq!(read(&output), Err(wanted), "{output}");
    }
}

#[test]
fn a_character_cut_in_two_does_not_hide_an_error() {
    let output = b"{\"errors\": [{\"severity\": \"error\", \"message\": \"\xc3\"}]}";
    let input = StdJsonInput::new(
        crate::compiler::Language::Solidity,
        BTreeMap::new(),
        serde_json::Map::new(),
    );
    let (target, version) = ("a.sol:A".parse().unwrap(), "0.8.28".parse().unwrap());
    let failure = read_compiler_output(output, &input, &target, &version).unwrap_err();
    assert_eq!(failure.code(), "compiler_error");
}

#[test]
fn a_character_cut_in_two_does_not_move_code() {
    let path = "contrats/ééééééééééééééééééé.sol";
    let mut contract = contract();
    contract["evm"]["deployedBytecode"] = json!({
        "object": "6001hole6002",
        "linkReferences": {path: {"Lib": [{"start": 2, "length": 20}]}},
    });
    let output = json!({"contracts": {"a.sol": {"A": contract}}}).to_string();
    let (before, after) = output.split_once("hole").unwrap();
    // As a program prints it: 36 bytes of the name.
    let placeholder = [b"__", &format!("{path}:Lib").as_bytes()[..36], b"__"].concat();
    let output = [before.as_bytes(), &placeholder, after.as_bytes()].concat();
    let input = StdJsonInput::new(
        crate::compiler::Language::Solidity,
        BTreeMap::new(),
        serde_json::Map::new(),
    );
    let (target, version) = ("a.sol:A".parse().unwrap(), "0.4.24".parse().unwrap());
    let contract = read_compiler_output(&output, &input, &target, &version).unwrap();
    let code = [[0x60, 1].as_slice(), &[0; 20], &[0x60, 2]].concat();
    assert_eq!(contract.runtime.bytes(), code);
    let [place] = contract.runtime.libraries() else {
        panic!("one reference is one place");
    };
    assert_eq!(place.placeholder, Placeholder::OfLibrary);
}

#[test]
fn old_compilers_syntax_trees_may_be_deep() {
    let depth = 5000;
    let tree = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let contracts = json!({"a.sol": {"A": contract()}});
    let output = format!(
        "{{\"sources\": {{\"a.sol\": {{\"legacyAST\": {tree}}}}}, \"contracts\": {contracts}}}"
    );
    assert_eq!(read(&output).unwrap().source_ids, None);
}

/// Assemblies within each other, each with the index 0.
fn assemblies(depth: usize) -> String {
    let open = "{\".auxdata\":\"a1\",\".code\":[],\".data\":{\"0\":".repeat(depth);
    format!("{open}{{}}{}", "}}".repeat(depth))
}

#[test]
fn an_assembly_may_be_deep() {
    for (depth, is_incomplete) in [(50, false), (51, true), (100_000, true)] {
        let mut contract = contract();
        contract["evm"]["legacyAssembly"] = json!("deep");
        let output = json!({"contracts": {"a.sol": {"A": contract}}}).to_string();
        let output = output.replace("\"deep\"", &assemblies(depth));
        let contract = read(&output).unwrap();
        let found = find_auxdata(&contract);
        let unknown = AuxdataSearch::Settled(ContractAuxdata {
            creation: AuxdataPositions::Unknown,
            runtime: AuxdataPositions::Unknown,
        });
        assert_eq!(found == unknown, is_incomplete, "{depth}");
    }
}

#[test]
fn what_is_skipped_of_an_assembly_may_be_deep() {
    let tree = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut contract = contract();
    contract["evm"]["legacyAssembly"] =
        json!({".auxdata": "a1", ".code": [{"x": "deep"}], ".data": {"x": "deep"}});
    let output = json!({"contracts": {"a.sol": {"A": contract}}}).to_string();
    let contract = read(&output.replace("\"deep\"", &tree)).unwrap();
    assert_eq!(contract.assembly.auxdata, Some(vec![0xa1]));
}
