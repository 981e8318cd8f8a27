//! Somebody dies, hangs or cannot be reached: nothing is lost, stuck or done twice.

mod database;
mod network;
mod node;
mod restarts;
mod ways;
mod words;

use std::time::{Duration, Instant};

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

#[tokio::test]
async fn a_compiler_that_takes_too_long_is_stopped_and_the_next_job_runs() {
    let system = TestSystem::with(|config| {
        config.with(Service::InternalVerifier, "JOB_DEADLINE_MS", "3000")
    })
    .await;
    let (project, deployed) = system.small().await;
    let job = system.verify(&deployed.address, &endless(&project)).await;
    assert_eq!(job_error(&job).0, "compiler_timeout");
    let job = system
        .verify(&deployed.address, &project.submission(None).unwrap())
        .await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    system.stop().await;
}

#[tokio::test]
async fn a_compiler_that_takes_too_much_memory_ends_its_job_alone() {
    let system = TestSystem::with(|config| {
        config.with(Service::InternalVerifier, "COMPILER_MEMORY_MIB", "24")
    })
    .await;
    let (project, deployed) = system.small().await;
    let job = system.verify(&deployed.address, &endless(&project)).await;
    assert_eq!(job_error(&job).0, "compiler_out_of_memory");
    let attempts = "SELECT sum(attempt) FROM verification_jobs";
    assert_eq!(system.count(attempts).await, 1, "an answer, not a retry");
    system.stop().await;
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
async fn a_verifier_killed_in_mid_compile_is_replaced_within_its_lease() {
    let mut system = TestSystem::with(|config| {
        config.with(Service::InternalVerifier, "JOB_DEADLINE_MS", "6000")
    })
    .await;
    let (project, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    let running = "SELECT count(*) FROM verification_jobs WHERE state = 'running'";
    until("the first run", async || {
        (system.count(running).await == 1).then_some(())
    })
    .await;
    system.stack.verifier(0).unwrap().kill();
    system.stack.restart_verifier(0).await.unwrap();
    let second = "SELECT count(*) FROM verification_jobs WHERE attempt = 2";
    until("the second run", async || {
        (system.count(second).await == 1).then_some(())
    })
    .await;
    let job = system.end_of(&accepted).await;
    assert_eq!(
        job_error(&job).0,
        "compiler_timeout",
        "the second run has its own end"
    );
    assert_eq!(
        system.count("SELECT count(*) FROM verification_jobs").await,
        1
    );
    system.stop().await;
}

#[tokio::test]
async fn a_verifier_that_is_asked_to_stop_gives_its_job_back_uncounted() {
    let mut system = TestSystem::with(|config| {
        config.with(Service::InternalVerifier, "JOB_DEADLINE_MS", "6000")
    })
    .await;
    let (project, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    let running = "SELECT count(*) FROM verification_jobs WHERE state = 'running'";
    until("the run", async || {
        (system.count(running).await == 1).then_some(())
    })
    .await;
    let started = Instant::now();
    system.stack.verifier(0).unwrap().stop().await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "the platform kills after ten seconds"
    );
    system.stack.restart_verifier(0).await.unwrap();
    let job = system.end_of(&accepted).await;
    assert_eq!(job_error(&job).0, "compiler_timeout");
    assert_eq!(
        system
            .count("SELECT sum(attempt) FROM verification_jobs")
            .await,
        1
    );
    system.stop().await;
}

#[tokio::test]
async fn public_api_may_die_after_its_answer() {
    let mut system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    system.stack.verifier(0).unwrap().freeze().unwrap();
    let accepted = system
        .submit(&deployed.address, &project.submission(None).unwrap())
        .await;
    system.stack.restart_public_api().await.unwrap();
    system.stack.verifier(0).unwrap().thaw().unwrap();
    let job = system.end_of(&accepted).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    assert_eq!(
        system
            .count("SELECT count(*) FROM verified_contracts")
            .await,
        1
    );
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
    for (token, status) in [(&other_audience, 401), (&other_caller, 403), (&good, 200)] {
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
