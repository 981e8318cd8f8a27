//! Somebody dies, hangs or cannot be reached: nothing is lost, stuck or done twice.

mod clocks;
mod database;
mod dispatch;
mod network;
mod node;
mod platform;
mod restarts;
mod upkeep;
mod verifier;
mod waiting;
mod ways;
mod words;

use local_stack::client::Accepted;
use local_stack::project::Project;
use local_stack::{Chains, Service};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{CHAIN_ID, TestSystem, chains, job_error, until};

/// Keeps any compiler busy for minutes.
pub(crate) fn endless(project: &Project) -> Value {
    let stores: String = (0..6000)
        .map(|n| format!("a[{n}] = a[{}] * {n};", n + 1))
        .collect();
    let source = format!(
        "pragma solidity ^0.8.20; contract Small {{ uint[2**200] a; function g() public {{ {stores} }} }}"
    );
    let mut body = project.submission(None).unwrap();
    body["stdJsonInput"]["sources"]["contracts/Small.sol"]["content"] = json!(source);
    body["stdJsonInput"]["settings"]["viaIR"] = json!(true);
    body
}

/// Waits until exactly one job is so.
pub(crate) async fn until_one(system: &TestSystem, condition: &str) {
    let count = format!("SELECT count(*) FROM verification_jobs WHERE {condition}");
    until(condition, async || {
        (system.count(&count).await == 1).then_some(())
    })
    .await;
}

/// The attempts of all jobs together.
pub(crate) async fn attempts(system: &TestSystem) -> i64 {
    let attempts = "SELECT sum(attempt) FROM verification_jobs";
    system.count(attempts).await
}

/// Calls one verifier for a job as public-api does, past the platform.
pub(crate) async fn call(
    system: &TestSystem,
    verifier: &local_stack::process::Process,
    job: &Accepted,
) -> reqwest::Response {
    let issuer = system.stack.identity().issuer();
    let token = issuer.token(local_stack::issuer::PUBLIC_API, "internal-verifier");
    let url = format!("http://{}/internal_api_verify", verifier.address());
    let call = reqwest::Client::new()
        .post(url)
        .bearer_auth(token.unwrap())
        .json(&json!({"verificationId": job.id}));
    call.send().await.unwrap()
}

#[tokio::test]
async fn a_chain_that_cannot_be_reached_is_asked_again_and_then_says_so() {
    let mut system = TestSystem::with(|mut config| {
        config.chains = Chains::Document(chains("http://127.0.0.1:1"));
        config
    })
    .await;
    system.expect_error("job_finished");
    let (project, deployed) = system.small().await;
    let job = system
        .verify(&deployed.address, &project.submission(None).unwrap())
        .await;
    let address = job["contract"]["address"].as_str().unwrap().to_owned();
    let message = format!("Cannot fetch bytecode for chain #{CHAIN_ID} and address {address}.");
    assert_eq!(job_error(&job), ("cannot_fetch_bytecode", message.as_str()));
    assert_eq!(
        system
            .count("SELECT sum(attempt) FROM verification_jobs")
            .await,
        5
    );
    system.stop().await;
}

#[tokio::test]
async fn a_node_that_recovers_costs_an_attempt_and_never_the_verdict() {
    let node = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(500))
        .mount(&node)
        .await;
    let uri = node.uri();
    let system = TestSystem::with(|mut config| {
        config.chains = Chains::Document(chains(&uri));
        config.with(Service::InternalVerifier, "FAULT_PAUSE_MS", "300")
    })
    .await;
    let (project, deployed) = system.small().await;
    let code = system
        .anvil
        .call("eth_getCode", json!([deployed.address, "latest"]))
        .await
        .unwrap();
    let accepted = system
        .submit(&deployed.address, &project.submission(None).unwrap())
        .await;
    until("a first attempt that came to nothing", async || {
        let count =
            "SELECT count(*) FROM verification_jobs WHERE state = 'pending' AND attempt >= 1";
        (system.count(count).await == 1).then_some(())
    })
    .await;
    node.reset().await;
    Mock::given(method("POST"))
        .and(wiremock::matchers::body_partial_json(
            json!({"method": "eth_getCode"}),
        ))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"jsonrpc": "2.0", "id": 1, "result": code})),
        )
        .mount(&node)
        .await;
    let job = system.end_of(&accepted).await;
    assert_eq!(job["contract"]["runtimeMatch"], "exact_match", "{job}");
    assert_eq!(
        job["contract"]["creationMatch"],
        Value::Null,
        "nobody knew the transaction"
    );
    let attempts = system
        .count("SELECT sum(attempt) FROM verification_jobs")
        .await;
    assert!(attempts >= 2, "{attempts}");
    system.stop().await;
}

#[tokio::test]
async fn a_job_waits_for_a_verifier_that_is_down() {
    let mut system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    system.stack.verifier(0).unwrap().kill();
    let accepted = system
        .submit(&deployed.address, &project.submission(None).unwrap())
        .await;
    let url = format!("{}/v2/verify/{}", system.stack.base_url(), accepted.id);
    let open: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
    assert_eq!(open["isJobCompleted"], false, "{open}");
    assert!(
        open["contract"].is_object() && open.get("error").is_none(),
        "{open}"
    );
    system.stack.restart_verifier(0).await.unwrap();
    let job = system.end_of(&accepted).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    system.stop().await;
}

#[tokio::test]
async fn only_public_api_may_call_the_verifier_and_a_call_for_nothing_is_skipped() {
    let system = TestSystem::start().await;
    let url = format!(
        "http://{}/internal_api_verify",
        system.stack.verifier(0).unwrap().address()
    );
    let call = json!({"verificationId": "72d12273-0723-448e-a9f6-f7957128efa5"});
    let http = reqwest::Client::new();
    let issuer = system.stack.identity().issuer();
    let good = issuer
        .token(local_stack::issuer::PUBLIC_API, "internal-verifier")
        .unwrap();
    let other_audience = issuer
        .token(local_stack::issuer::PUBLIC_API, "public-api")
        .unwrap();
    let other_caller = issuer
        .token(local_stack::issuer::SWEEPER, "internal-verifier")
        .unwrap();
    assert_eq!(
        http.post(&url).json(&call).send().await.unwrap().status(),
        401
    );
    let other_route = system.stack.sweep_token().unwrap();
    for (token, status) in [
        (&other_audience, 401),
        (&other_route, 401),
        (&other_caller, 403),
        (&good, 200),
    ] {
        let answer = http
            .post(&url)
            .bearer_auth(token)
            .json(&call)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
        let document: Value = answer.json().await.unwrap();
        if status == 200 {
            assert_eq!(document, json!({"skipped": true}));
        }
    }
    for body in ["", "{}", "[]", "null", "{\"verificationId\": 5}"] {
        let request = http
            .post(&url)
            .bearer_auth(&good)
            .header("content-type", "application/json")
            .body(body);
        assert_eq!(request.send().await.unwrap().status(), 400, "{body}");
    }
    let long = " ".repeat(100_000);
    let answer = http
        .post(&url)
        .bearer_auth(&good)
        .body(long)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 413);
    system.stop().await;
}
