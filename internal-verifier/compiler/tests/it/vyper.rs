//! Vyper, from its pinned wheels to its answers.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use compiler::{CompileError, Compilers, Config, Engine, Release};
use serde_json::{Value, json};
use verification::compiler::Compiler;

use crate::support::{INTAKE, LIMITS, configuration, output};

const NAME: &str = "vyper-0.3.7";
const SOURCE: &str = "x: public(uint256)\n\n@external\ndef f(y: uint256):\n    self.x = y\n";

fn release() -> Release {
    let version = "0.3.7+commit.6020b8bb".parse().unwrap();
    Release::find(Compiler::Vyper, &version).unwrap()
}

/// A configuration with a cache of its own, and the shared wheels.
fn fresh(folder: &Path) -> Config {
    Config {
        cache: folder.join("cache"),
        ..configuration()
    }
}

fn intake(config: &Config) -> Output {
    let mut command = Command::new(INTAKE);
    command
        .args(["--versions", NAME])
        .arg("--cache")
        .arg(&config.cache);
    command.arg("--repository").arg(&config.repository);
    command.arg("--python").arg(&config.python);
    command.output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn input(source: &str) -> Value {
    let outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"];
    json!({
        "language": "Vyper",
        "sources": { "a.vy": { "content": source } },
        "settings": { "outputSelection": { "a.vy": { "*": outputs } } },
    })
}

async fn compile(config: Config, input: &Value) -> Result<Value, CompileError> {
    let compilers = Compilers::open(config).unwrap();
    let input = input.to_string();
    let compilation = compilers
        .compile(&release(), Engine::Vyper, input.as_bytes(), &LIMITS)
        .await?;
    Ok(output(compilation.outcome))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_compiled() {
    let answer = compile(configuration(), &input(SOURCE)).await.unwrap();
    let contract = &answer["contracts"]["a.vy"]["a"];
    let code = contract["evm"]["deployedBytecode"]["object"]
        .as_str()
        .unwrap();
    assert!(code.starts_with("0x") && code.len() > 20, "{answer}");
    let answer = compile(configuration(), &input("x: uint25")).await.unwrap();
    assert_eq!(answer["errors"][0]["severity"], "error", "{answer}");
}

/// `from vyper.interfaces import ERC20` is found in the packages, a file beside the service is not.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_imported_from_files() {
    let secret = tempfile::Builder::new()
        .suffix(".vy")
        .tempfile_in("/tmp")
        .unwrap();
    std::fs::write(secret.path(), SOURCE).unwrap();
    let name = secret.path().file_stem().unwrap().to_str().unwrap();
    let source = format!("import tmp.{name} as Secret\n\ny: Secret\n");
    let answer = compile(configuration(), &input(&source)).await.unwrap();
    assert_eq!(answer["errors"][0]["severity"], "error", "{answer}");
}

#[test]
fn what_is_broken_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path());
    let first = intake(&config);
    assert!(words(&first).contains("made ready"), "{}", words(&first));
    assert!(words(&intake(&config)).contains("is ready"));
    std::fs::write(package(&config).join("six.py"), "raise SystemExit").unwrap();
    let again = intake(&config);
    assert!(
        words(&again).contains("making it anew"),
        "{}",
        words(&again)
    );
    assert!(words(&again).contains("made ready"), "{}", words(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_package_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path());
    let made = intake(&config);
    assert!(made.status.success(), "{}", words(&made));
    std::fs::write(package(&config).join("added.py"), "").unwrap();
    let error = compile(config, &input(SOURCE)).await.unwrap_err();
    let CompileError::Refused { why, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(why.contains("SHA-256"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_python_is_named() {
    let config = Config {
        python: PathBuf::from("/nowhere/python3"),
        ..configuration()
    };
    let said = words(&intake(&config));
    assert!(
        said.contains("/nowhere/python3") && said.contains("please install"),
        "{said}"
    );
    let error = compile(config, &input(SOURCE)).await.unwrap_err();
    let CompileError::Prepare { why, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(why.contains("/nowhere/python3"), "{why}");
}

/// The folder of packages of the one release in a cache.
fn package(config: &Config) -> PathBuf {
    let mut entries = std::fs::read_dir(config.cache.join("vyper"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries.find(|path| path.is_dir()).unwrap().join("packages")
}
