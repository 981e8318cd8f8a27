//! What is too much of an input is refused at the door. What does not reach the compiler, and what
//! does, is told by cases: `tests/cases/what_must_not_reach_the_compiler.json` and its neighbours.

use local_stack::client::Submitted;
use serde_json::{Map, Value, json};

use crate::support::{CHAIN_ID, TestSystem, job_error, problem};

const NOBODY: &str = "0x00000000000000000000000000000000000000aa";

fn body(sources: Value) -> Value {
    json!({
        "stdJsonInput": {"language": "Solidity", "sources": sources, "settings": {}},
        "compilerVersion": "0.8.28+commit.7893614a",
        "contractIdentifier": "0.sol:A",
    })
}

fn sources(count: usize) -> Value {
    let sources =
        (0..count).map(|number| (format!("{number}.sol"), json!({"content": "contract A {}"})));
    sources.collect::<Map<_, _>>().into()
}

fn source_at_a_path_of(length: usize) -> Value {
    let path = "a".repeat(length);
    let mut sources = sources(1);
    sources[path] = json!({"content": "contract B {}"});
    sources
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[tokio::test]
async fn too_much_is_refused_at_the_door_and_as_much_as_allowed_is_not() {
    let system = TestSystem::start().await;
    let submit = async |body: &Value| {
        let submitted = system.client.try_submit(CHAIN_ID, NOBODY, body).await;
        submitted.unwrap()
    };
    let mut deep = body(sources(1));
    deep["stdJsonInput"]["settings"]["deep"] = nested(200);
    for (body, code, message) in [
        (
            body(sources(5001)),
            "invalid_parameter",
            "Standard JSON input must not contain more than 5000 sources.",
        ),
        (
            body(source_at_a_path_of(1025)),
            "invalid_parameter",
            "The path of a source must not be longer than 1024 bytes.",
        ),
        (
            body(json!({"0.sol": {"urls": ["file:///etc/passwd"]}})),
            "invalid_parameter",
            "Standard JSON input must contain a content field for each source.",
        ),
        (deep, "invalid_json", "recursion limit exceeded"),
    ] {
        let Submitted::Refused { status, answer } = submit(&body).await else {
            panic!("taken, in place of: {message}");
        };
        let (found_code, found_message) = problem(&answer);
        assert_eq!((status, found_code), (400, code), "{answer}");
        assert!(found_message.starts_with(message), "{answer}");
    }
    assert_eq!(
        system.count("SELECT count(*) FROM verification_jobs").await,
        0
    );
    for body in [body(sources(5000)), body(source_at_a_path_of(1024))] {
        let job = system.verify(NOBODY, &body).await;
        assert_eq!(job_error(&job).0, "contract_not_deployed");
    }
    system.stop().await;
}
