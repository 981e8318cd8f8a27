use super::*;
use crate::cases::expected::{ExpectedSide, Level};

fn folder(files: &[(&str, Value)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content.to_string()).unwrap();
    }
    folder
}

fn case(onchain: &Value) -> Value {
    json!({
        "onchain": onchain,
        "input": {"stdJson": {"language": "Solidity"}, "compilerVersion": "0.8.28+commit.7893614a",
                  "contractIdentifier": "a.sol:A"},
        "expected": {"runtime": "match", "runtimeTransformations": [], "runtimeValues": {}},
    })
}

#[test]
fn a_case_becomes_a_contract_and_a_request() {
    let mut with_a_side_file = case(&json!({"runtimeCode": "0x60", "creationCode": "0x61"}));
    with_a_side_file["input"]["stdJson"] = json!("inputs/a.json");
    with_a_side_file["id"] = json!("bs-sol/simple_storage");
    with_a_side_file["group"] = json!("bs-sol");
    let folder = folder(&[
        ("cases/a.json", with_a_side_file),
        (
            "cases/b.json",
            case(&json!({"runtimeCode": "0x60", "creationCode": null})),
        ),
        ("inputs/a.json", json!({"language": "Yul"})),
    ]);
    let cases = Case::read_all(folder.path()).unwrap();
    let [a, b] = cases.as_slice() else {
        panic!("{cases:?}");
    };
    // SHA-256 of the id and of `tx:` with the id, as the first of our tools did it.
    assert_eq!(
        a.contract.address,
        "0xe0f5aefec28c412caed16cb1badfa16a4b1e34d9"
    );
    let creation = a.contract.creation.as_ref().unwrap();
    assert_eq!(
        creation.contract_address.as_ref(),
        Some(&a.contract.address)
    );
    assert_eq!(
        a.submission,
        json!({
            "stdJsonInput": {"language": "Yul"},
            "compilerVersion": "0.8.28+commit.7893614a",
            "contractIdentifier": "a.sol:A",
            "creationTransactionHash": creation.hash,
        })
    );
    assert_eq!(a.group, "bs-sol");
    assert!(b.contract.creation.is_none());
    assert_eq!(b.submission.get("creationTransactionHash"), None);
    assert_eq!(
        (b.id.as_str(), b.group.as_str()),
        ("b", name_of(folder.path()))
    );
    let runtime = ExpectedSide::Stated {
        level: Level::Match,
        transformations: Some((Vec::new(), json!({}))),
    };
    let creation = ExpectedSide::Open;
    let deployment = None;
    assert_eq!(
        b.expected,
        Expected::Match {
            creation,
            runtime,
            deployment
        }
    );
    assert!(!b.expected.is_complete(), "nothing is said of its creation");
}

fn name_of(folder: &Path) -> &str {
    folder.file_stem().unwrap().to_str().unwrap()
}

#[test]
fn a_factorys_child_has_traces_with_its_own_address_and_code() {
    let create = json!([{"action": {"init": "$creationCode"}, "result": {"address": "$address"}}]);
    let onchain = json!({"runtimeCode": "0x60", "creationCode": "0x61", "traces": {"trace_transaction": create}});
    let cases = Case::read_all(folder(&[("a.json", case(&onchain))]).path()).unwrap();
    let contract = &cases[0].contract;
    let creation = contract.creation.as_ref().unwrap();
    assert_eq!(
        (
            creation.contract_address.as_deref(),
            creation.input.as_str()
        ),
        (None, "0xefc81a8c")
    );
    let filled = json!([{"action": {"init": "0x61"}, "result": {"address": contract.address}}]);
    assert_eq!(
        creation.traces,
        Traces {
            trace_transaction: filled,
            debug_trace_transaction: Value::Null,
        }
    );
}

#[test]
fn what_cannot_be_used_names_its_file() {
    let odd = |change: fn(&mut Value)| {
        let mut odd = case(&json!({"runtimeCode": "0x60"}));
        change(&mut odd);
        odd
    };
    for (files, said) in [
        (vec![], "neither cases/*.json nor *.json"),
        (
            vec![("a.json", json!({}))],
            "a.json is not a case: missing field `onchain`",
        ),
        (
            vec![(
                "a.json",
                odd(|case| case["onchain"]["traces"] = json!({"trace_tx": []})),
            )],
            "a.json is not a case: unknown variant `trace_tx`",
        ),
        (
            vec![(
                "a.json",
                odd(|case| case["onchain"]["runtimeCode"] = json!("60")),
            )],
            "a.json: `runtimeCode` is not 0x",
        ),
        (
            vec![("a.json", odd(|case| case["onchain"]["traces"] = json!({})))],
            "a.json: a creation is told without",
        ),
        (
            vec![(
                "a.json",
                odd(|case| case["expected"]["runtime"] = json!("full")),
            )],
            "a.json: what it expects can't be used: `runtime` is \"full\", and not match",
        ),
        (
            vec![(
                "a.json",
                odd(|case| case["input"]["stdJson"] = json!("inputs/none.json")),
            )],
            "inputs/none.json: No such file",
        ),
        (
            vec![
                ("a.json", odd(|case| case["id"] = json!("b"))),
                ("b.json", odd(|_| ())),
            ],
            "b.json has the id `b`, as ",
        ),
    ] {
        let error = Case::read_all(folder(&files).path()).unwrap_err();
        let error = format!("{:#}", anyhow::Error::new(error));
        assert!(error.contains(said), "{error}");
    }
}
