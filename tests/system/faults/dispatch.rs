//! What the platform, or the verifier, answers to a call, and what is made of it.

use std::sync::atomic::Ordering::SeqCst;

use local_stack::client::Accepted;
use local_stack::cloud_run::FrontFault;
use local_stack::{Service, StackConfig};
use serde_json::{Value, json};

use super::words::{ATTEMPTS, MATCHES, becomes, ends_exact, says};
use super::{call, endless, until_one};
use crate::support::{TestSystem, job_error, until};

const DISPATCHES: &str = "SELECT sum(dispatches)::int8 FROM verification_jobs";

/// A row that was called is not due again while the test lasts.
fn no_second_call(config: StackConfig) -> StackConfig {
    again_after(config, "600000")
}

fn again_after(config: StackConfig, ms: &str) -> StackConfig {
    config.with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", ms)
}

fn answer(status: u16) -> FrontFault {
    FrontFault::Answer {
        status,
        retry_after_s: None,
    }
}

async fn submit_small(system: &TestSystem, faults: &[FrontFault]) -> Accepted {
    let (project, deployed) = system.small().await;
    for fault in faults {
        system.stack.front().fail_next(*fault);
    }
    let body = project.submission(None).unwrap();
    system.submit(&deployed.address, &body).await
}

/// Waits until so many calls were answered: an answer is counted when it is given.
async fn answers(system: &TestSystem, wanted: &[u16]) {
    until("all answers", async || {
        let answers = system.stack.front().report().answers;
        assert!(answers.len() <= wanted.len(), "{answers:?}");
        (answers == wanted).then_some(())
    })
    .await;
}

fn said(system: &TestSystem, event: &str) -> Vec<Value> {
    let lines = system.stack.public_api().lines();
    let mut lines: Vec<Value> = lines.into_iter().collect();
    lines.retain(|line| line["event"] == event);
    lines
}

#[tokio::test]
async fn dispatch_429_backs_off() {
    let system = TestSystem::with(|config| again_after(config, "5000")).await;
    let accepted = submit_small(&system, &[answer(429); 5]).await;
    ends_exact(&system, &accepted).await;
    answers(&system, &[429, 429, 429, 429, 429, 200]).await;
    let pauses = said(&system, "dispatch_retry");
    assert_eq!(pauses.len(), 4, "{pauses:?}");
    // Between nothing and twice as much each time, from 50 ms on.
    for (line, longest) in pauses.iter().zip([50, 100, 200, 400]) {
        assert!(line["pause_ms"].as_u64().unwrap() <= longest, "{line}");
    }
    assert_eq!(said(&system, "dispatch_left").len(), 1);
    assert!(system.count(DISPATCHES).await > 0, "the sweep called");
    assert_eq!(system.count(ATTEMPTS).await, 1, "a 429 is no attempt");
    system.stop().await;
}

#[tokio::test]
async fn dispatch_5xx_backs_off() {
    let system = TestSystem::with(no_second_call).await;
    let accepted = submit_small(&system, &[500, 502, 503].map(answer)).await;
    ends_exact(&system, &accepted).await;
    answers(&system, &[500, 502, 503, 200]).await;
    assert_eq!(system.count(DISPATCHES).await, 0, "no sweep was needed");
    assert_eq!(system.count(ATTEMPTS).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn dispatch_503_retry_after() {
    let system = TestSystem::with(no_second_call).await;
    let asked = FrontFault::Answer {
        status: 503,
        retry_after_s: Some(1),
    };
    let accepted = submit_small(&system, &[asked]).await;
    ends_exact(&system, &accepted).await;
    answers(&system, &[503, 200]).await;
    let pause = &said(&system, "dispatch_retry")[0]["pause_ms"];
    assert_eq!(*pause, 1000, "the first pause is at most 50 ms by itself");
    system.stop().await;

    // Longer than the row's own time: the sweep is not earlier either.
    let system = TestSystem::with(|config| again_after(config, "2500")).await;
    let asked = FrontFault::Answer {
        status: 503,
        retry_after_s: Some(3),
    };
    let accepted = submit_small(&system, &[asked]).await;
    let left = says(&system.stack.public_api(), "dispatch_left").await;
    assert_eq!(left["pause_ms"], 3000);
    ends_exact(&system, &accepted).await;
    answers(&system, &[503, 200]).await;
    let begun = "SELECT count(*) FROM verification_job_events AS events \
         JOIN verification_jobs AS jobs ON jobs.id = events.job_id \
         WHERE events.stage = 'started' AND events.happened_at > jobs.started_at + interval '3 s'";
    assert_eq!(system.count(begun).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn dispatch_503_after_success() {
    // No sweep either: it would see that the job has ended, and spare the call.
    let system = TestSystem::with(|config| {
        no_second_call(config).with(Service::PublicApi, "SWEEP_INTERVAL_MS", "600000")
    })
    .await;
    let accepted = submit_small(&system, &[FrontFault::LoseAnswer { status: 503 }]).await;
    ends_exact(&system, &accepted).await;
    answers(&system, &[503, 200]).await;
    says(&system.stack.public_api(), "dispatched").await;
    let verifier = system.stack.verifier(0).unwrap();
    says(verifier, "lease_skipped").await;
    assert_eq!(system.count(ATTEMPTS).await, 1);
    assert_eq!(system.count(MATCHES).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn dispatch_504_leaves_lease() {
    // The run goes on, and records. A sweep would see that, and spare the rest of the call.
    let system = TestSystem::with(|config| {
        no_second_call(config).with(Service::PublicApi, "SWEEP_INTERVAL_MS", "600000")
    })
    .await;
    let accepted = submit_small(&system, &[FrontFault::LoseAnswer { status: 504 }]).await;
    ends_exact(&system, &accepted).await;
    says(&system.stack.public_api(), "dispatch_left").await;
    answers(&system, &[504]).await;
    system.stop().await;

    // There was no run: the row's own time decides, and nobody calls before.
    let system = TestSystem::with(|config| again_after(config, "5000")).await;
    let accepted = submit_small(&system, &[answer(504)]).await;
    ends_exact(&system, &accepted).await;
    answers(&system, &[504, 200]).await;
    assert!(said(&system, "dispatch_retry").is_empty());
    assert!(system.count(DISPATCHES).await > 0);
    system.stop().await;
}

#[tokio::test]
async fn dispatch_refused_alerts() {
    for status in [401, 403] {
        let mut system = TestSystem::with(|config| again_after(config, "5000")).await;
        system.expect_error("dispatch_refused");
        let accepted = submit_small(&system, &[answer(status)]).await;
        let alarm = says(&system.stack.public_api(), "dispatch_refused").await;
        assert_eq!(alarm["severity"], "ERROR");
        ends_exact(&system, &accepted).await;
        answers(&system, &[status, 200]).await;
        assert!(said(&system, "dispatch_retry").is_empty());
        assert!(
            system.count(DISPATCHES).await > 0,
            "the sweep, once it was mended"
        );
        assert_eq!(system.count(ATTEMPTS).await, 1);
        system.stop().await;
    }
}

#[tokio::test]
async fn duplicate_dispatch() {
    let system = TestSystem::with(|mut config| {
        config.verifiers = 2;
        no_second_call(config).with(Service::InternalVerifier, "JOB_DEADLINE_MS", "3000")
    })
    .await;
    let (project, deployed) = system.small().await;
    system.stack.front().fail_next(answer(504));
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    says(&system.stack.public_api(), "dispatch_left").await;
    let verifiers = [0, 1].map(|index| system.stack.verifier(index).unwrap());
    let (first, second) = tokio::join!(
        call(&system, verifiers[0], &accepted),
        call(&system, verifiers[1], &accepted)
    );
    let mut ends: Vec<Value> = Vec::new();
    for answer in [first, second] {
        assert_eq!(answer.status(), 200);
        ends.push(answer.json().await.unwrap());
    }
    ends.sort_by_key(|end| end["skipped"].as_bool());
    assert_eq!(
        ends,
        [
            json!({"skipped": false, "end": "finished"}),
            json!({"skipped": true})
        ]
    );
    assert_eq!(system.count(ATTEMPTS).await, 1);
    let job = system.end_of(&accepted).await;
    assert_eq!(job_error(&job).0, "compiler_timeout");
    system.stop().await;
}

#[tokio::test]
async fn dispatch_of_finished_job() {
    let system = TestSystem::with(no_second_call).await;
    let accepted = submit_small(&system, &[]).await;
    ends_exact(&system, &accepted).await;
    // Until then the verifier is busy.
    answers(&system, &[200]).await;
    let all = "SELECT hashtextextended(string_agg(row_to_json(verification_jobs)::text, ''), 0) FROM verification_jobs";
    let before = system.count(all).await;
    let unknown = Accepted {
        id: "72d12273-0723-448e-a9f6-f7957128efa5".to_owned(),
        ..accepted.clone()
    };
    for job in [&accepted, &unknown] {
        let answer = call(&system, system.stack.verifier(0).unwrap(), job).await;
        assert_eq!(answer.status(), 200);
        let said: Value = answer.json().await.unwrap();
        assert_eq!(said, json!({"skipped": true}));
    }
    assert_eq!(system.count(all).await, before);
    system.stop().await;
}

#[tokio::test]
async fn identity_server_down() {
    // No token can be had: called again, like a verifier that is away.
    let mut system = TestSystem::with(|config| again_after(config, "15000")).await;
    // Keys that cannot be had are an alarm, and not a refusal.
    system.expect_error("token_unchecked");
    let switches = system.stack.identity().switches();
    switches.identity_status.store(503, SeqCst);
    // A process that has a token needs none for a while.
    system.stack.restart_public_api().await.unwrap();
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    says(&system.stack.public_api(), "dispatch_retry").await;
    until_one(&system, "state = 'pending' AND attempt = 0").await;
    system
        .stack
        .identity()
        .switches()
        .identity_status
        .store(200, SeqCst);
    ends_exact(&system, &accepted).await;

    // A verifier that has no keys cannot tell who calls: 503, tried again, never 401.
    let switches = system.stack.identity().switches();
    switches.certs_status.store(500, SeqCst);
    system.stack.restart_verifier(0).await.unwrap();
    let (_, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &body).await;
    until("calls that could not be checked", async || {
        let answers = system.stack.front().report().answers;
        answers.contains(&503).then_some(())
    })
    .await;
    system
        .stack
        .identity()
        .switches()
        .certs_status
        .store(200, SeqCst);
    ends_exact(&system, &accepted).await;
    let answers = system.stack.front().report().answers;
    assert!(
        answers.iter().all(|status| [200, 503].contains(status)),
        "{answers:?}"
    );
    becomes(&system, "two attempts in all", ATTEMPTS, 2).await;
    system.stop().await;
}
