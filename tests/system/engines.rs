//! Two engines for one release: the answer is no only after both, and one that falls over is not the end.
//!
//! solc's own builds can't be had everywhere, so programs of ours stand in for them. What they are
//! held by is tested where the engine is.

use std::path::Path;
use std::process::Command;

use compiler::{Engine, Outcome};
use local_stack::deploy::{self, Deployed};
use local_stack::{Service, StackConfig};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use verification::compilation_target::CompilationTarget;
use verification::compiler::{Compiler, CompilerVersion};
use verification::std_json::{Selection, StdJsonInput};

use crate::support::{TestSystem, compilers, job_error};

/// The IR pipeline of this release may give other code when it is built by another C++ compiler.
const VERSION: &str = "0.8.13+commit.abaa5c0e";
const TARGET: &str = "odd.sol:Odd";

pub(crate) fn input(via_ir: bool) -> Value {
    json!({
        "language": "Solidity",
        "sources": {"odd.sol": {"content":
            "contract Odd { function f() public pure returns (uint256) { return 7777; } }"}},
        "settings": {"viaIR": via_ir},
    })
}

pub(crate) fn body(via_ir: bool) -> Value {
    json!({
        "stdJsonInput": input(via_ir),
        "compilerVersion": VERSION,
        "contractIdentifier": TARGET,
    })
}

/// What the WebAssembly build prints.
pub(crate) async fn compile(input: &Value) -> Value {
    let version: CompilerVersion = VERSION.parse().unwrap();
    let target: CompilationTarget = TARGET.parse().unwrap();
    let input = StdJsonInput::parse(input).unwrap();
    let selection = Selection::first(input.language(), &version);
    let text = input.compiler_input(&target, selection);
    let compilers = compilers();
    let release = compilers.find(Compiler::Solc, &version).unwrap();
    let compilation = compilers
        .compile(&release, Engine::Wasm, text.as_bytes(), &deploy::limits())
        .await
        .unwrap();
    let Outcome::Output(output) = compilation.outcome else {
        panic!("{:?}", compilation.outcome);
    };
    serde_json::from_slice(&output).unwrap()
}

/// Both codes of the contract push another number, as if another program had compiled it.
fn with_other_code(mut output: Value) -> Value {
    for code in ["bytecode", "deployedBytecode"] {
        let object = &mut output["contracts"]["odd.sol"]["Odd"]["evm"][code]["object"];
        let digits = object.as_str().unwrap();
        assert!(digits.contains("611e61"), "{digits}");
        *object = digits.replace("611e61", "611e62").into();
    }
    output
}

pub(crate) async fn deploy(system: &TestSystem, output: &Value) -> Deployed {
    let object = &output["contracts"]["odd.sol"]["Odd"]["evm"]["bytecode"]["object"];
    deploy::deploy_code(&system.anvil, object.as_str().unwrap())
        .await
        .unwrap()
}

/// A repository whose one executable is the program with this `main`, and the settings that use it.
pub(crate) fn native(config: StackConfig, folder: &Path, engines: &str, main: &str) -> StackConfig {
    let source = folder.join("main.rs");
    std::fs::write(&source, format!("fn main() {{ {main} }}")).unwrap();
    let executables = folder.join("linux-amd64");
    std::fs::create_dir(&executables).unwrap();
    let name = format!("solc-linux-amd64-v{VERSION}");
    let program = executables.join(&name);
    let built = Command::new("rustc")
        .args([
            "--edition",
            "2024",
            "-C",
            "target-feature=+crt-static",
            "-o",
        ])
        .args([&program, &source])
        .status()
        .unwrap();
    assert!(built.success());
    let sha256 = hex::encode(Sha256::digest(std::fs::read(&program).unwrap()));
    let build = json!({"path": name, "longVersion": VERSION, "sha256": format!("0x{sha256}")});
    let list = executables.join("list.json");
    std::fs::write(&list, json!({"builds": [build]}).to_string()).unwrap();
    let settings = [
        ("COMPILER_REPOSITORY", folder.to_str().unwrap()),
        ("COMPILER_NATIVE_LIST", list.to_str().unwrap()),
        ("COMPILER_ENGINES", engines),
    ];
    settings.into_iter().fold(config, |config, (name, value)| {
        config.with(Service::InternalVerifier, name, value)
    })
}

/// The main of a program that prints this, whatever it is asked.
fn printing(folder: &Path, output: &Value) -> &'static str {
    std::fs::write(folder.join("output.json"), output.to_string()).unwrap();
    r#"std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
       print!("{}", include_str!("output.json"));"#
}

/// The job of a contract whose code the native engine gives and the WebAssembly build doesn't.
async fn verify_other_code(via_ir: bool) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let other = with_other_code(compile(&input(via_ir)).await);
    let main = printing(folder.path(), &other);
    let system =
        TestSystem::with(|config| native(config, folder.path(), "wasm,native", main)).await;
    let deployed = deploy(&system, &other).await;
    let job = system.verify(&deployed.address, &body(via_ir)).await;
    system.stop().await;
    job
}

#[tokio::test]
async fn old_code_by_way_of_ir_is_tried_with_the_other_engine_before_the_answer_is_no() {
    let job = verify_other_code(true).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
}

#[tokio::test]
async fn code_that_is_the_same_everywhere_is_not_tried_with_the_other_engine() {
    let job = verify_other_code(false).await;
    assert_eq!(job_error(&job).0, "no_match");
}

#[tokio::test]
async fn an_engine_that_falls_over_is_not_the_last_word() {
    let folder = tempfile::tempdir().unwrap();
    let crash = "std::process::abort();";
    let system = TestSystem::with(|config| {
        native(config, folder.path(), "wasm,native", crash).with(
            Service::InternalVerifier,
            "COMPILER_NATIVE_FOR",
            "all",
        )
    })
    .await;
    let deployed = deploy(&system, &compile(&input(false)).await).await;
    let job = system.verify(&deployed.address, &body(false)).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    let fell_over = system.said("compiled_again").await;
    assert!(!fell_over.is_empty(), "nothing fell over");
    system.stop().await;
}
