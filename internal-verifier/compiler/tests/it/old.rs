//! Releases of solc before WebAssembly, under Node: standard JSON in, standard JSON out, whatever the
//! release itself speaks.

use std::path::PathBuf;

use compiler::engine::Engines;
use compiler::release::Platform;
use compiler::{CompileError, Compilers, Config, Engine, Outcome};
use serde_json::{Value, json};
use verification::compiler::Compiler;

use crate::support::{LIMITS, configuration, output, release};

const SOURCE: &str = "contract A { uint public x; function A(uint y) { x = y; } }";

fn with_node() -> Config {
    Config {
        engines: Engines::new([Engine::Node], []),
        ..configuration()
    }
}

fn input(source: &str) -> Value {
    let outputs = [
        "abi",
        "metadata",
        "evm.bytecode.object",
        "evm.deployedBytecode.object",
    ];
    json!({
        "language": "Solidity",
        "sources": { "a.sol": { "content": source } },
        "settings": {
            "optimizer": { "enabled": true, "runs": 200 },
            "outputSelection": { "a.sol": { "A": outputs } },
        },
    })
}

async fn compile(compilers: &Compilers, number: &str, input: &Value) -> Outcome {
    let input = input.to_string();
    let compilation = compilers
        .compile(&release(number), Engine::Node, input.as_bytes(), &LIMITS)
        .await;
    compilation.unwrap().outcome
}

async fn answer(number: &str, input: &Value) -> Value {
    let compilers = Compilers::open(with_node()).unwrap();
    output(compile(&compilers, number, input).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_interface_is_spoken() {
    // compileJSON, compileJSONMulti with names alone, the same with paths, compileStandard.
    for number in ["0.1.5", "0.1.6", "0.4.9", "0.4.11"] {
        let answer = answer(number, &input(SOURCE)).await;
        let contract = &answer["contracts"]["a.sol"]["A"];
        let constructor = contract["abi"].as_array().unwrap().iter();
        let constructors = constructor.filter(|entry| entry["type"] == "constructor");
        assert_eq!(constructors.count(), 1, "{number}: {answer}");
        let code = |name: &str| contract["evm"][name]["object"].as_str().unwrap().to_owned();
        let (creation, runtime) = (code("bytecode"), code("deployedBytecode"));
        assert!(
            !runtime.is_empty() && creation.contains(&runtime),
            "{number}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_warnings_are_told_apart() {
    let wrong = answer("0.4.9", &input("contract A { function f( }")).await;
    let error = &wrong["errors"][0];
    assert_eq!(error["severity"], "error", "{wrong}");
    assert!(
        error["formattedMessage"]
            .as_str()
            .unwrap()
            .contains("a.sol:1:26"),
        "{wrong}"
    );
    let fine = answer("0.4.9", &input(SOURCE)).await;
    assert_eq!(fine["errors"][0]["severity"], "warning", "{fine}");
    for (number, text) in [("0.4.9", "{"), ("0.5.16", "{")] {
        let compilers = Compilers::open(with_node()).unwrap();
        let release = release(number);
        let compilation = compilers
            .compile(&release, Engine::Node, text.as_bytes(), &LIMITS)
            .await;
        let answer = output(compilation.unwrap().outcome);
        assert_eq!(
            answer["errors"][0]["severity"], "error",
            "{number}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_overflows_the_stack_is_a_crash() {
    let sum = vec!["x"; 20_000].join("+");
    let source = format!(
        "contract A {{ function f(uint x) public pure returns(uint) {{ return {sum}; }} }}"
    );
    let compilers = Compilers::open(with_node()).unwrap();
    let outcome = compile(&compilers, "0.5.16", &input(&source)).await;
    let Outcome::Crashed(words) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(words.contains("call stack"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_node_is_named() {
    let config = Config {
        node: PathBuf::from("/nowhere/node"),
        ..with_node()
    };
    let compilers = Compilers::open(config).unwrap();
    let error = compilers
        .compile(&release("0.5.16"), Engine::Node, b"{}", &LIMITS)
        .await
        .unwrap_err();
    let CompileError::Prepare { why, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(
        why.contains("/nowhere/node") && why.contains("nodejs"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_compiler_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::EmscriptenAsmjs;
    let repository = folder.path().join(platform.name());
    std::fs::create_dir(&repository).unwrap();
    let file = repository.join(platform.file_name(&release("0.5.16")));
    std::fs::write(file, "module.exports = {};").unwrap();
    let config = Config {
        repository: folder.path().to_owned(),
        ..with_node()
    };
    let compilers = Compilers::open(config).unwrap();
    let error = compilers
        .compile(&release("0.5.16"), Engine::Node, b"{}", &LIMITS)
        .await
        .unwrap_err();
    let CompileError::Refused { why, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(why.contains("not what was pinned"), "{why}");
}

#[test]
fn old_releases_are_there_only_where_node_is_switched_on() {
    let version = "0.5.16+commit.9c3226ce".parse().unwrap();
    let found = |config| {
        let compilers = Compilers::open(config).unwrap();
        compilers.find(Compiler::Solc, &version).is_some()
    };
    assert!(!found(configuration()));
    assert!(found(with_node()));
}
