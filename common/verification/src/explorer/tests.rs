use super::*;

fn contract(source_code: &str) -> ExplorerContract {
    ExplorerContract {
        source_code: source_code.to_owned(),
        contract_name: "C".to_owned(),
        compiler_version: "v0.8.19+commit.7dd6d404".to_owned(),
        optimization_used: "1".to_owned(),
        runs: "999".to_owned(),
        evm_version: "Default".to_owned(),
        library: String::new(),
        ..ExplorerContract::default()
    }
}

fn vyper(source_code: &str) -> ExplorerContract {
    ExplorerContract {
        compiler_version: "vyper:0.3.10".to_owned(),
        contract_name: "Vyper_contract".to_owned(),
        optimization_used: "0".to_owned(),
        ..contract(source_code)
    }
}

fn braces(document: &Value) -> String {
    format!("{{{document}}}")
}

fn sources(document: Value) -> Value {
    json!({"language": "Solidity", "sources": document, "settings": {"viaIR": true}})
}

/// What the compiler is given, and for which contract.
fn read(contract: &ExplorerContract) -> (Value, String, String) {
    let Import {
        input,
        compiler_version,
        target,
    } = contract.import().unwrap();
    (
        serde_json::to_value(input).unwrap(),
        compiler_version.to_string(),
        target.to_string(),
    )
}

fn failure(contract: &ExplorerContract) -> VerificationFailure {
    match contract.import() {
        Err(NotAnImport::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_file_is_named_after_the_contract() {
    let text = "\ncontract C {}\r\n";
    let with_all = ExplorerContract {
        evm_version: "istanbul".to_owned(),
        library: "L:1111111111111111111111111111111111111111;a.sol:M:0x22".to_owned(),
        ..contract(text)
    };
    let (input, version, target) = read(&with_all);
    assert_eq!(
        (version.as_str(), target.as_str()),
        ("0.8.19+commit.7dd6d404", "C.sol:C")
    );
    assert_eq!(
        input,
        json!({
            "language": "Solidity",
            "sources": {"C.sol": {"content": text}},
            "settings": {
                "optimizer": {"enabled": true, "runs": 999},
                "evmVersion": "istanbul",
                "libraries": {
                    "": {"L": "0x1111111111111111111111111111111111111111"},
                    "a.sol": {"M": "0x22"},
                },
            },
        })
    );
    let plain = ExplorerContract {
        optimization_used: "0".to_owned(),
        runs: String::new(),
        ..contract(text)
    };
    let settings = json!({"optimizer": {"enabled": false, "runs": 200}});
    assert_eq!(read(&plain).0["settings"], settings);
}

#[test]
fn a_library_is_linked_in_the_file_that_declares_it() {
    let linked = |contract: ExplorerContract| {
        let library = "L:0x11; b/M.sol:M:0x22;N:33".to_owned();
        let contract = ExplorerContract {
            library,
            ..contract
        };
        read(&contract).0["settings"]["libraries"].clone()
    };
    let text = "library L {} interface N {} contract C {}";
    assert_eq!(
        linked(contract(text)),
        json!({"C.sol": {"L": "0x11"}, "b/M.sol": {"M": "0x22"}, "": {"N": "0x33"}})
    );
    let files = json!({
        "a.sol": {"content": "// library L\ncontract C {}"},
        "b.sol": {"content": "library L {}"},
        "c.sol": {"content": "library N {} library L {}"},
    });
    let bare = json!({"language": "Solidity", "sources": files});
    for source_code in [files.to_string(), braces(&bare)] {
        assert_eq!(
            linked(contract(&source_code)),
            json!({"b.sol": {"L": "0x11"}, "b/M.sol": {"M": "0x22"}, "c.sol": {"N": "0x33"}})
        );
    }
}

#[test]
fn what_has_no_code_is_not_taken_for_the_contract() {
    let target = |files: Value| read(&contract(&files.to_string())).2;
    let files = json!({
        "a/C.sol": {"content": "interface C {}"},
        "b/C.sol": {"content": "abstract contract C {}"},
        "c/Main.sol": {"content": "contract C {}"},
    });
    assert_eq!(target(files), "c/Main.sol:C");
    let files = json!({
        "a/C.sol": {"content": "interface C {}"},
        "b/B.sol": {"content": "abstract contract C {}"},
    });
    assert_eq!(target(files), "b/B.sol:C");
    let files = json!({"C.sol": {"content": "interface C {}"}});
    assert_eq!(
        failure(&contract(&files.to_string())).code(),
        "etherscan_missing_contract_in_json"
    );
}

#[test]
fn an_empty_file_was_compiled_too() {
    let document = sources(json!({
        "a.sol": {"content": "contract C {}"},
        "empty.sol": {"content": ""},
    }));
    assert_eq!(read(&contract(&braces(&document))).0, document);
}

#[test]
fn files_beside_the_contracts_are_read() {
    let answer = json!({
        "SourceCode": "import './L.sol'; contract C {}", "ContractName": "C",
        "CompilerVersion": "v0.8.19+commit.7dd6d404", "OptimizationUsed": "true",
        "OptimizationRuns": 7, "EVMVersion": null, "FileName": "src/Main.sol",
        "AdditionalSources": [{"Filename": "src/L.sol", "SourceCode": "library L {}"}],
    });
    let contract: ExplorerContract = serde_json::from_value(answer.clone()).unwrap();
    let (input, _, target) = read(&contract);
    assert_eq!(target, "src/Main.sol:C");
    assert_eq!(
        input,
        json!({
            "language": "Solidity",
            "sources": {
                "src/L.sol": {"content": "library L {}"},
                "src/Main.sol": {"content": "import './L.sol'; contract C {}"},
            },
            "settings": {"optimizer": {"enabled": true, "runs": 7}},
        })
    );
    let kept = serde_json::to_value(&contract).unwrap();
    assert_eq!(
        serde_json::from_value::<ExplorerContract>(kept).unwrap(),
        contract
    );
    let mut odd = answer;
    for (beside, is_read) in [
        (json!(null), true),
        (json!("none"), true),
        (json!([1]), false),
        (json!([{"Filename": "a\0", "SourceCode": ""}]), false),
    ] {
        odd["AdditionalSources"] = beside;
        let contract = serde_json::from_value::<ExplorerContract>(odd.clone());
        let import = contract.ok().and_then(|contract| contract.import().ok());
        assert_eq!(import.is_some(), is_read, "{odd}");
    }
}

#[test]
fn files_have_the_settings_of_the_flat_fields() {
    let files = json!({
        "lib/B.sol": {"content": "contract B {}"},
        "src/Main.sol": {"content": "// contract B\ncontract C is B {}"},
    });
    let (input, _, target) = read(&contract(&files.to_string()));
    assert_eq!(target, "src/Main.sol:C");
    assert_eq!(input["sources"], files);
    assert_eq!(
        input["settings"],
        json!({"optimizer": {"enabled": true, "runs": 999}})
    );
}

#[test]
fn standard_json_has_its_own_settings() {
    let document = sources(json!({
        "a.sol": {"content": "contract C {}"},
        "src/C.sol": {"content": "contract C {}"},
    }));
    for source_code in [braces(&document), document.to_string()] {
        let (input, _, target) = read(&contract(&source_code));
        assert_eq!(target, "src/C.sol:C", "the file that is named so");
        assert_eq!(input, document);
        let named = ExplorerContract {
            contract_file_name: "a.sol".to_owned(),
            ..contract(&source_code)
        };
        assert_eq!(read(&named).2, "a.sol:C");
        let qualified = ExplorerContract {
            contract_name: "a.sol:C".to_owned(),
            ..contract(&source_code)
        };
        assert_eq!(read(&qualified).2, "a.sol:C");
    }
    let yul = json!({"language": "Yul", "sources": {"y": {"content": "object \"C\" {}"}}, "settings": {}});
    assert_eq!(read(&contract(&braces(&yul))).2, "y:C");
    let mut bare = document;
    bare.as_object_mut().unwrap().remove("settings");
    assert_eq!(
        read(&contract(&braces(&bare))).0["settings"]["optimizer"]["runs"],
        999
    );
}

#[test]
fn vyper_is_named_after_its_file() {
    let text = "x: public(uint256)\n";
    let (input, version, target) = read(&vyper(text));
    assert_eq!(
        (version.as_str(), target.as_str()),
        ("0.3.10", "Vyper_contract.vy:Vyper_contract")
    );
    assert_eq!(
        input,
        json!({"language": "Vyper", "sources": {"Vyper_contract.vy": {"content": text}}, "settings": {}})
    );
    let odd = ExplorerContract {
        contract_name: "../Curve.fi: Pool".to_owned(),
        ..vyper(text)
    };
    assert_eq!(read(&odd).2, "___Curve_fi__Pool.vy:___Curve_fi__Pool");
    let document = |selection: Value| {
        let sources = json!({"a/Main.vy": {"content": text}, "b.vy": {"content": text}});
        let settings = json!({"evmVersion": "london", "outputSelection": selection});
        braces(&json!({"language": "Vyper", "sources": sources, "settings": settings}))
    };
    let asked = vyper(&document(json!({"a/Main.vy": ["abi"]})));
    assert_eq!(read(&asked).2, "a/Main.vy:Main");
    let named = ExplorerContract {
        contract_name: "b".to_owned(),
        ..vyper(&document(json!({"*": ["abi"]})))
    };
    assert_eq!(read(&named).2, "b.vy:b");
    assert_eq!(read(&named).0["settings"], json!({"evmVersion": "london"}));
    let nowhere = vyper(&document(json!({"*": ["abi"]})));
    assert_eq!(
        failure(&nowhere).code(),
        "etherscan_missing_contract_in_json"
    );
}

#[test]
fn what_is_lacking_is_a_failure_of_the_job() {
    let elsewhere = sources(json!({"a.sol": {"content": "contract D {} // contract C"}}));
    assert_eq!(
        failure(&contract(&braces(&elsewhere))),
        VerificationFailure::EtherscanMissingContractInJson {
            contract_name: "C".to_owned()
        }
    );
    let bare = json!({"language": "Vyper", "sources": {"a.vy": {"content": "x: uint256"}}});
    assert_eq!(
        failure(&vyper(&braces(&bare))),
        VerificationFailure::EtherscanMissingVyperSettings
    );
    let version = ExplorerContract {
        compiler_version: "vyper:latest".to_owned(),
        ..vyper("x: uint256")
    };
    assert_eq!(
        failure(&version),
        VerificationFailure::EtherscanVyperVersionMappingFailed {
            compiler_version: "vyper:latest".to_owned()
        }
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let with = |change: fn(&mut ExplorerContract)| {
        let mut contract = contract("contract C {}");
        change(&mut contract);
        contract
    };
    for (contract, what) in [
        (contract("{{\"language\": }}"), "its sources are no JSON: "),
        (contract("{\"a.sol\": "), "its sources are no JSON: "),
        (
            contract("{\"a.sol\": \"contract C {}\"}"),
            "Standard JSON input must contain a content field for each source.",
        ),
        (
            contract(&braces(&json!({"language": "Solidity", "settings": {}}))),
            "Standard JSON input must contain a sources field.",
        ),
        (
            contract("contract C {}\0"),
            "it contains the character U+0000",
        ),
        (
            contract("{\"a.sol\": {\"content\": \"\\u0000\"}}"),
            "it contains the character U+0000",
        ),
        (
            with(|contract| "latest".clone_into(&mut contract.compiler_version)),
            "compiler version \"latest\"",
        ),
        (
            with(|contract| "many".clone_into(&mut contract.runs)),
            "runs \"many\"",
        ),
        (
            with(|contract| "L".clone_into(&mut contract.library)),
            "library \"L\"",
        ),
        (
            with(|contract| contract.library = "L".repeat(1000)),
            &format!("library \"{}\"", "L".repeat(100)),
        ),
    ] {
        let error = contract.import().unwrap_err().to_string();
        let wanted = format!("The explorer's answer cannot be read: {what}");
        assert!(error.starts_with(&wanted), "{error}");
        assert!(error.len() < 250, "{error}");
    }
}

#[test]
fn an_answer_is_read_under_the_explorers_names() {
    let answer = json!({
        "SourceCode": "contract C {}", "ABI": "[]", "ContractName": "C", "CompilerVersion": "v0.8.19",
        "OptimizationUsed": true, "Runs": 200, "EVMVersion": "paris", "Library": null, "Proxy": "0",
    });
    let contract: ExplorerContract = serde_json::from_value(answer).unwrap();
    assert!(contract.is_verified());
    assert_eq!(
        (
            contract.runs.as_str(),
            contract.optimization_used.as_str(),
            contract.library.as_str()
        ),
        ("200", "true", "")
    );
    let kept = serde_json::to_value(&contract).unwrap();
    assert_eq!(kept["EVMVersion"], "paris");
    assert_eq!(
        serde_json::from_value::<ExplorerContract>(kept).unwrap(),
        contract
    );
    assert!(!ExplorerContract::default().is_verified());
}
