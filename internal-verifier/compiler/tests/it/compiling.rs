//! The compiler in our engine answers as it does everywhere else.

use crate::support::{compile, compilers, hello, node, output, prepared, urls, wide};
use compiler::corpus::inputs;
use compiler::{Compilers, Engine, Outcome};

fn errors_in(output: &[u8]) -> bool {
    let output: serde_json::Value = serde_json::from_slice(output).unwrap();
    let errors = output["errors"].as_array();
    errors.is_some_and(|errors| errors.iter().any(|error| error["severity"] == "error"))
}

/// One release of each generation of soljson that differs in how it must be run.
async fn answers_like_node(number: &str) {
    let compilers = compilers();
    let (release, soljson) = prepared(&compilers, number).await;
    for (name, input) in inputs::for_release(release.number(), None).unwrap() {
        let Outcome::Output(ours) = compile(&compilers, &release, &input).await else {
            panic!("no output for {name}");
        };
        assert!(
            ours == node(&soljson, &input),
            "{number} answers {name} differently from Node"
        );
        let finds_errors = errors_in(&ours);
        let has_errors = ["errors", "recursion"].contains(&name);
        assert_eq!(finds_errors, has_errors, "{number}, {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fastcomp_0_6_2_answers_like_node() {
    answers_like_node("0.6.2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn map_exceptions_0_6_12_answer_like_node() {
    answers_like_node("0.6.12").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_table_0_7_6_answers_like_node() {
    answers_like_node("0.7.6").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_0_8_13_answers_like_node() {
    answers_like_node("0.8.13").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_0_8_28_answers_like_node() {
    answers_like_node("0.8.28").await;
}

async fn first_error(compilers: &Compilers, number: &str, input: &serde_json::Value) -> String {
    let (release, _) = prepared(compilers, number).await;
    let output = output(compile(compilers, &release, input).await);
    output["errors"][0]["formattedMessage"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_named_by_urls_is_not_read() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "contract Secret {} leaked").unwrap();
    let input = urls(secret.path().to_str().unwrap());
    for number in ["0.6.2", "0.7.6", "0.8.28"] {
        let error = first_error(&compilers(), number, &input).await;
        assert!(error.contains("No import callback"), "{number}: {error}");
        assert!(!error.contains("leaked"), "{number}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_too_wide_is_an_error_of_the_source() {
    let error = first_error(&compilers(), "0.8.28", &wide(20_000)).await;
    assert!(error.contains("Error"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_told_so() {
    let compilers = compilers();
    let (release, _) = prepared(&compilers, "0.8.28").await;
    for input in [&b""[..], b"{", b"\xff\xfe", &[0; 1000], b"[]", b"null"] {
        let compilation = compilers
            .compile(&release, Engine::Wasm, input, &crate::support::LIMITS)
            .await
            .unwrap();
        let output = output(compilation.outcome);
        assert!(output["errors"][0]["message"].is_string(), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_do_not_mix() {
    let compilers = compilers();
    let (release, _) = prepared(&compilers, "0.8.28").await;
    let mut jobs = tokio::task::JoinSet::new();
    for number in 0..12 {
        let (compilers, release) = (compilers.clone(), release.clone());
        jobs.spawn(async move {
            let mut input = hello();
            let source = format!("contract N{number} {{ }}");
            input["sources"] = serde_json::json!({ "a.sol": { "content": source } });
            let output = output(compile(&compilers, &release, &input).await);
            assert!(
                output["contracts"]["a.sol"][format!("N{number}")].is_object(),
                "{output}"
            );
        });
    }
    jobs.join_all().await;
}
