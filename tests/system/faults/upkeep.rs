//! Upkeep by order of the scheduler: only it may order, and it may order twice.

use std::collections::BTreeSet;

use local_stack::client::Accepted;
use local_stack::cloud_run::FrontFault;
use local_stack::issuer::{PUBLIC_API, SWEEPER};
use local_stack::process::Process;
use local_stack::{Service, StackConfig};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::until_one;
use super::words::{ATTEMPTS, ends_exact, says};
use crate::support::{TestSystem, job_error, problem, until};

const SWEEP: &str = "/internal_api_sweep";
const EXPIRE: &str = "/internal_api_expire";

/// Only the scheduler sweeps, and what was taken once is not due again.
fn no_loop(config: StackConfig) -> StackConfig {
    config
        .with(Service::PublicApi, "SWEEP_INTERVAL_MS", "600000")
        .with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "600000")
}

fn post(process: &Process, path: &str) -> RequestBuilder {
    reqwest::Client::new().post(format!("http://{}{path}", process.address()))
}

async fn order(system: &TestSystem, process: &Process, path: &str) -> Value {
    let token = system.stack.sweep_token().unwrap();
    let answer = post(process, path).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

/// Accepted, its call was lost, and its time has come.
async fn lost(system: &TestSystem) -> Accepted {
    let (project, deployed) = system.small().await;
    system.stack.front().fail_next(FrontFault::Answer {
        status: 504,
        retry_after_s: None,
    });
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    until("the call is lost", async || {
        let lines = system.stack.public_api().lines();
        let mut left = lines.iter().filter(|line| line["event"] == "dispatch_left");
        left.any(|line| line["job_id"] == accepted.id.as_str())
            .then_some(())
    })
    .await;
    let due = format!(
        "UPDATE verification_jobs SET next_attempt_at = now() WHERE id = '{}'",
        accepted.id
    );
    system.change(&due).await;
    accepted
}

#[tokio::test]
async fn sweep_route_auth() {
    let system = TestSystem::with(no_loop).await;
    let accepted = lost(&system).await;
    let public_api = system.stack.public_api();
    let issuer = system.stack.identity().issuer();
    for path in [SWEEP, EXPIRE] {
        let answer = post(&public_api, path).send().await.unwrap();
        assert_eq!(answer.status(), 401);
        for (account, audience, status) in [
            (SWEEPER, "internal-verifier", 401),
            (PUBLIC_API, "internal-verifier", 401),
            (PUBLIC_API, "public-api", 403),
        ] {
            let token = issuer.token(account, audience).unwrap();
            let request = post(&public_api, path).bearer_auth(token);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), status);
            let document: Value = answer.json().await.unwrap();
            problem(&document);
        }
    }
    until_one(&system, "state = 'pending' AND dispatches = 0").await;
    let round = order(&system, &public_api, SWEEP).await;
    assert_eq!(round, json!({"due": 1, "abandoned": 0}));
    ends_exact(&system, &accepted).await;
    // The scheduler delivers at least once.
    let round = order(&system, &public_api, SWEEP).await;
    assert_eq!(round, json!({"due": 0, "abandoned": 0}));
    assert_eq!(system.count(ATTEMPTS).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn without_an_account_that_may_call_there_are_no_such_routes() {
    let system = TestSystem::with(|config| config.with(Service::PublicApi, "CALLER", "")).await;
    for path in [SWEEP, EXPIRE] {
        let token = system.stack.sweep_token().unwrap();
        let request = post(&system.stack.public_api(), path).bearer_auth(token);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 404);
        let document: Value = answer.json().await.unwrap();
        assert_eq!(problem(&document).0, "route_not_found");
    }
    system.stop().await;
}

#[tokio::test]
async fn two_sweeps_at_once() {
    let system = TestSystem::with(no_loop).await;
    let mut accepted = Vec::new();
    for _ in 0..10 {
        accepted.push(lost(&system).await);
    }
    let public_api = system.stack.public_api();
    let mut spec = public_api.spec().clone();
    spec.environment.push(("PORT".to_owned(), "0".to_owned()));
    spec.log = system.stack.folder().join("public-api-2.log");
    let other = Process::start(spec).await.unwrap();
    until("all are called", async || {
        let (one, other) = tokio::join!(
            order(&system, &public_api, SWEEP),
            order(&system, &other, SWEEP)
        );
        assert!(one["abandoned"] == 0 && other["abandoned"] == 0);
        let waiting = "SELECT count(*) FROM verification_jobs WHERE dispatches = 0";
        (system.count(waiting).await == 0).then_some(())
    })
    .await;
    let called_once = "SELECT count(*) FROM verification_jobs WHERE dispatches = 1";
    assert_eq!(system.count(called_once).await, 10);
    for accepted in &accepted {
        ends_exact(&system, accepted).await;
    }
    assert_eq!(system.count(ATTEMPTS).await, 10);
    other.stop().await.unwrap();
    system.stop().await;
}

#[tokio::test]
async fn of_sweeps_at_once_one_gives_jobs_up_and_all_call() {
    let mut system = TestSystem::with(no_loop).await;
    system.expect_error("job_abandoned");
    let accepted = lost(&system).await;
    let hopeless = lost(&system).await;
    let attempts = format!(
        "UPDATE verification_jobs SET attempt = 5 WHERE id = '{}'",
        hopeless.id
    );
    system.change(&attempts).await;
    let held = system
        .hold_advisory_lock("hashtextextended('sourcerun/sweep', 0)")
        .await;
    let public_api = system.stack.public_api();
    let round = order(&system, &public_api, SWEEP).await;
    assert_eq!(round, json!({"due": 1, "abandoned": 0}));
    ends_exact(&system, &accepted).await;
    drop(held);
    until("the other one ends", async || {
        let round = order(&system, &public_api, SWEEP).await;
        (round["abandoned"] == 1).then_some(())
    })
    .await;
    let job = system.end_of(&hopeless).await;
    let (code, message) = job_error(&job);
    assert_eq!(code, "job_abandoned");
    assert!(message.contains("all 5 attempts"), "{message}");
    assert!(message.contains("`queued`"), "{message}");
    system.stop().await;
}

#[tokio::test]
async fn what_is_old_expires_and_what_was_verified_stays() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let verified = system.submit(&deployed.address, &body).await;
    ends_exact(&system, &verified).await;
    let (_, other) = system.deploy("Small.sol", "Small", Vec::new()).await;
    let mut wrong = body.clone();
    let source = &mut wrong["stdJsonInput"]["sources"]["contracts/Small.sol"]["content"];
    *source = json!("pragma solidity ^0.8.20; contract Small { function other() public {} }");
    let failed = system.submit(&other.address, &wrong).await;
    let job = system.end_of(&failed).await;
    assert!(job["error"].is_object(), "{job}");
    let public_api = system.stack.public_api();
    let gone = async || {
        let expired = order(&system, &public_api, EXPIRE).await;
        ["evidence", "failedJobs"].map(|name| expired[name].as_u64().unwrap())
    };
    assert_eq!(gone().await, [0, 0]);
    let age =
        |days| format!("UPDATE verification_jobs SET completed_at = now() - interval '{days} d'");
    system.change(&age(31)).await;
    assert_eq!(gone().await, [1, 0]);
    let job = system.end_of(&failed).await;
    assert!(job["error"].is_object(), "its end is still told: {job}");
    system.change(&age(91)).await;
    assert_eq!(gone().await, [0, 1]);
    let jobs: BTreeSet<String> = system.jobs().await.into_iter().collect();
    assert_eq!(jobs, [verified.id.clone()].into());
    ends_exact(&system, &verified).await;
    assert!(system.client.job(&failed.id).await.is_err(), "404");
    says(&public_api, "expired").await;
    system.stop().await;
}
