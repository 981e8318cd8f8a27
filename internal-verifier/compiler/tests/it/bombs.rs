//! Inputs that are meant to hurt, on the engine that is used for most: each ends by itself or is ended,
//! while a small contract beside it is compiled undisturbed, and no process is left.

use std::time::Duration;

use compiler::{Compilers, Engine, Limits, Outcome};
use serde_json::{Value, json};

use crate::support::{
    LIMITS, compile, compilers, endless, eventually, hello, nested, output, prepared, processes,
    wide,
};

/// The small contract may wait for a processor, and for nothing else.
const UNDISTURBED: Duration = Duration::from_secs(20);

/// Tests tell their processes apart by the limit of time.
async fn ends(number: &str, input: &Value, limits: Limits) -> Outcome {
    let compilers = compilers();
    let (release, _) = prepared(&compilers, number).await;
    let input = serde_json::to_vec(input).unwrap();
    let small = hello();
    let beside = tokio::time::timeout(UNDISTURBED, compile(&compilers, &release, &small));
    let bomb = compilers.compile(&release, Engine::Wasm, &input, &limits);
    let (bomb, beside) = tokio::join!(bomb, beside);
    assert!(output(beside.unwrap())["contracts"]["a.sol"]["A"].is_object());
    eventually("the end of the process", || {
        processes(limits.time).is_empty()
    })
    .await;
    works(&compilers, number).await;
    bomb.unwrap().outcome
}

async fn works(compilers: &Compilers, number: &str) {
    let (release, _) = prepared(compilers, number).await;
    let next = output(compile(compilers, &release, &hello()).await);
    assert!(next["contracts"]["a.sol"]["A"].is_object());
}

fn within(milliseconds: u64) -> Limits {
    Limits {
        time: Duration::from_millis(milliseconds),
        ..LIMITS
    }
}

fn first_message(outcome: Outcome) -> String {
    let message = &output(outcome)["errors"][0]["message"];
    message.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_nested_parentheses() {
    let outcome = ends("0.8.28", &nested(20_000), within(61_001)).await;
    let message = first_message(outcome);
    assert!(message.contains("Maximum recursion depth"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_operands() {
    let outcome = ends("0.8.28", &wide(20_000), within(61_002)).await;
    assert!(!first_message(outcome).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_storage_writes_for_the_optimizer() {
    let outcome = ends("0.8.28", &endless(), within(1_503)).await;
    assert_eq!(outcome, Outcome::TimedOut);
}

#[tokio::test(flavor = "multi_thread")]
async fn less_memory_than_is_needed() {
    let limits = Limits {
        memory_bytes: 20 << 20,
        ..within(61_004)
    };
    let outcome = ends("0.8.28", &endless(), limits).await;
    assert_eq!(outcome, Outcome::OutOfMemory);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_longer_than_is_taken() {
    let limits = Limits {
        output_bytes: 1000,
        ..within(61_005)
    };
    let outcome = ends("0.8.28", &hello(), limits).await;
    assert_eq!(outcome, Outcome::OutputTooLong { limit_bytes: 1000 });
}

/// A source can start the solver whatever the settings say; this one asks it to factor a number.
#[tokio::test(flavor = "multi_thread")]
async fn a_solver_that_does_not_come_to_an_end() {
    let source = "pragma experimental SMTChecker; \
        contract A { function f(uint128 a, uint128 b, uint128 c, uint128 d) public pure { \
        if (a > 1 && b > 1 && c > 1 && d > 1) \
        assert(uint(a) * b * c * d + uint(a) * a * d != 340282366920938463463374607431768211507); } }";
    let input = json!({
        "language": "Solidity",
        "sources": { "a.sol": { "content": source } },
        "settings": { "outputSelection": { "*": { "*": ["evm.bytecode.object"] } } },
    });
    let outcome = ends("0.7.6", &input, within(1_506)).await;
    assert_eq!(outcome, Outcome::TimedOut);
}

fn reading(sources: Value, remappings: Value) -> Value {
    json!({
        "language": "Solidity",
        "sources": sources,
        "settings": {
            "remappings": remappings,
            "outputSelection": { "*": { "*": ["evm.bytecode.object"] } },
        },
    })
}

fn importing(path: &str, remappings: Value) -> Value {
    let source = format!("import \"{path}\"; contract A {{}}");
    reading(json!({ "a.sol": { "content": source } }), remappings)
}

const WAYS_TO_NAME: [fn(&str) -> Value; 5] = [
    |path| reading(json!({ "a.sol": { "urls": [path] } }), json!([])),
    |path| {
        reading(
            json!({ "a.sol": { "urls": [format!("file://{path}")] } }),
            json!([]),
        )
    },
    |path| importing(path, json!([])),
    |path| importing(&format!("../../../../../..{path}"), json!([])),
    |path| importing(&format!("all{path}"), json!(["all/=/"])),
];

/// None of the ways to name a file gives what is in it, nor tells whether it is there.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_an_input_names_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    // Names of one length: excerpts underline them.
    let [there, absent] = ["there.sol", "where.sol"].map(|name| folder.path().join(name));
    std::fs::write(&there, "contract Secret {} // leaked").unwrap();
    let names = [&there, &absent].map(|path| path.to_str().unwrap());
    let compilers = compilers();
    for number in ["0.6.2", "0.7.6", "0.8.28"] {
        let (release, _) = prepared(&compilers, number).await;
        for input in WAYS_TO_NAME {
            let mut answers = Vec::new();
            for file in names {
                let answer = compile(&compilers, &release, &input(file)).await;
                let answer = output(answer).to_string();
                assert!(!answer.contains("leaked"), "{number}: {answer}");
                assert!(answer.contains("not found") || answer.contains("No import callback"));
                answers.push(answer.replace(file.trim_start_matches('/'), ""));
            }
            let [there, absent] = answers.as_slice() else {
                panic!("two answers")
            };
            assert_eq!(there, absent, "{number}");
        }
    }
}
