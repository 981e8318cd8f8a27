//! What the tests of this package share: the programs, the cache, and inputs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use compiler::corpus::inputs::input;
pub(crate) use compiler::corpus::inputs::{errors, hello, nested};
use compiler::engine::Engines;
use compiler::release::Platform;
use compiler::{Compilers, Config, Engine, Limits, Outcome, Release, config};
use serde_json::{Value, json};
use verification::compiler::Compiler;

pub(crate) const HOST: &str = env!("CARGO_BIN_EXE_compiler-host");
pub(crate) const INTAKE: &str = env!("CARGO_BIN_EXE_compilers");

/// The shared cache: what is prepared once serves all tests, and all later runs.
pub(crate) fn configuration() -> Config {
    let cache = config::default_cache();
    Config {
        repository: config::default_repository(&cache),
        cache,
        host_program: HOST.into(),
        intake_program: INTAKE.into(),
        store: None,
        fetch: true,
        own_bytes: u64::MAX,
        engines: Engines::default(),
        native_list: None,
        node: config::NODE.into(),
        python: config::PYTHON.into(),
    }
}

pub(crate) fn compilers() -> Compilers {
    Compilers::open(configuration()).unwrap()
}

pub(crate) fn release(number: &str) -> Release {
    Release::find_number(
        Compiler::Solc,
        number
            .parse::<verification::compiler::CompilerVersion>()
            .unwrap()
            .number(),
    )
    .unwrap()
}

/// A prepared release and its `soljson.js`.
pub(crate) async fn prepared(compilers: &Compilers, number: &str) -> (Release, PathBuf) {
    let release = release(number);
    compilers.prepare(&release, Engine::Wasm).await.unwrap();
    let soljson = configuration()
        .repository
        .join("emscripten-wasm32")
        .join(Platform::EmscriptenWasm32.file_name(&release));
    (release, soljson)
}

pub(crate) const LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    memory_bytes: 2 << 30,
    output_bytes: 64 << 20,
};

pub(crate) async fn compile(compilers: &Compilers, release: &Release, input: &Value) -> Outcome {
    let input = serde_json::to_vec(input).unwrap();
    compilers
        .compile(release, Engine::Wasm, &input, &LIMITS)
        .await
        .unwrap()
        .outcome
}

pub(crate) fn output(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Output(json) => serde_json::from_slice(&json).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn one(source: &str) -> Value {
    json!({ "a.sol": { "content": source } })
}

/// One source is said to lie in a file.
pub(crate) fn urls(path: &str) -> Value {
    let sources = json!({
        "a.sol": { "content": "contract A {}" },
        "b.sol": { "urls": [format!("file://{path}"), path] },
    });
    input(&sources, &json!({ "*": { "*": ["evm.bytecode.object"] } }))
}

/// Work for minutes: thousands of storage writes for the IR optimizer.
pub(crate) fn endless() -> Value {
    let stores: String = (0..6000)
        .map(|k| format!("a[{k}] = a[{}] * {k}; ", k + 1))
        .collect();
    let source = format!("contract A {{ uint[2**200] a; function g() public {{ {stores} }} }}");
    let mut input = input(
        &one(&source),
        &json!({ "*": { "*": ["evm.bytecode.object"] } }),
    );
    input["settings"]["viaIR"] = json!(true);
    input
}

/// An expression of so many operands.
pub(crate) fn wide(operands: usize) -> Value {
    let sum = vec!["x"; operands].join("+");
    let source = format!(
        "contract A {{ function f(uint x) public pure returns(uint) {{ return {sum}; }} }}"
    );
    input(
        &one(&source),
        &json!({ "*": { "*": ["evm.bytecode.object"] } }),
    )
}

/// Process ids of compilers that were started with this time limit: tests tell theirs apart by it.
pub(crate) fn processes(time: Duration) -> Vec<u32> {
    processes_told(&format!("\0--time-ms\0{}\0", time.as_millis()))
}

/// Process ids of everything that has this in its command line, whose words end with zeros.
pub(crate) fn processes_told(words: &str) -> Vec<u32> {
    let ids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|id| command_line(*id).contains(words)).collect()
}

pub(crate) fn command_line(id: u32) -> String {
    let arguments = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&arguments).into_owned()
}

/// Processor time of a process, in hundredths of a second.
pub(crate) fn cpu_ticks(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields = stat
        .rsplit_once(") ")
        .map_or("", |(_, fields)| fields)
        .split(' ');
    fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum()
}

/// Waits until something holds, for ten seconds at most.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{what} did not happen"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What Node answers with the same compiler.
pub(crate) fn node(soljson: &Path, input: &Value) -> Vec<u8> {
    compiler::corpus::node_answer(Path::new(config::NODE), soljson, input).unwrap()
}
