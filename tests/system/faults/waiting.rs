//! There are fewer places than jobs: they wait in the table, in turns, and nobody holds a place in vain.

use local_stack::Service;
use local_stack::client::Accepted;
use local_stack::cloud_run::FrontFault;
use local_stack::cut::Mode;
use local_stack::process::Ended;
use serde_json::Value;

use super::ways::Ways;
use super::words::{ATTEMPTS, becomes, ends_exact, says};
use super::{endless, until_one};
use crate::support::{CHAIN_ID, TestSystem, job_error, until};

const WAITING: &str = "SELECT count(*) FROM verification_jobs \
                       WHERE state = 'pending' AND dispatches = 0 AND next_attempt_at <= now()";

/// A request as it comes through the platform from this client.
async fn submit_as(system: &TestSystem, client: &str, body: &Value) -> Accepted {
    let (_, deployed) = system.small().await;
    let url = format!(
        "{}/v2/verify/{CHAIN_ID}/{}",
        system.stack.base_url(),
        deployed.address
    );
    let request = reqwest::Client::new()
        .post(url)
        .header("x-forwarded-for", client);
    let sent_at = std::time::Instant::now();
    let answer = request.json(body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let document: Value = answer.json().await.unwrap();
    Accepted {
        id: document["verificationId"].as_str().unwrap().to_owned(),
        took: sent_at.elapsed(),
        sent_at,
    }
}

#[tokio::test]
async fn a_flood_of_one_client_does_not_hold_up_another() {
    let system = TestSystem::with(|config| {
        config
            .with(Service::PublicApi, "DISPATCHES_AT_ONCE", "1")
            .with(Service::PublicApi, "TRUSTED_PROXIES", "1")
            // A call that is frozen for a while is not made again, and no sweep takes a turn.
            .with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "600000")
            .with(Service::PublicApi, "SWEEP_INTERVAL_MS", "600000")
    })
    .await;
    let (project, _) = system.small().await;
    let body = project.submission(None).unwrap();
    let verifier = system.stack.verifier(0).unwrap();
    verifier.freeze().unwrap();
    let mut flood = Vec::new();
    for _ in 0..6 {
        flood.push(submit_as(&system, "192.0.2.1", &body).await);
    }
    let single = submit_as(&system, "192.0.2.2", &body).await;
    assert_eq!(
        system.count(WAITING).await,
        6,
        "all but the one that is called"
    );
    until("the call", async || {
        (system.stack.front().report().in_flight == 1).then_some(())
    })
    .await;
    verifier.thaw().unwrap();
    for accepted in flood.iter().chain([&single]) {
        ends_exact(&system, accepted).await;
    }
    let order = "SELECT rank FROM (SELECT id, rank() OVER (ORDER BY completed_at) AS rank FROM verification_jobs) AS ends \
                 WHERE id = ";
    for (accepted, wanted) in [(&flood[0], 1), (&single, 2), (&flood[1], 3), (&flood[5], 7)] {
        let rank = system.count(&format!("{order}'{}'", accepted.id)).await;
        assert_eq!(rank, wanted);
    }
    assert_eq!(system.stack.front().report().peak_in_flight, 1);
    assert_eq!(system.count(ATTEMPTS).await, 7);
    system.stop().await;
}

#[tokio::test]
async fn a_call_that_nobody_answers_does_not_keep_its_place() {
    let system = TestSystem::with(|mut config| {
        config.verifiers = 2;
        config
            .with(Service::PublicApi, "DISPATCHES_AT_ONCE", "1")
            // Long enough for the second call to get its lease, whatever else the machine does.
            .with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "5000")
    })
    .await;
    let (project, deployed) = system.small().await;
    let silent = system.stack.verifier(0).unwrap();
    silent.freeze().unwrap();
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    ends_exact(&system, &accepted).await;
    assert_eq!(system.stack.front().report().peak_in_flight, 2);
    silent.thaw().unwrap();
    // It finds that the job has ended.
    says(silent, "lease_skipped").await;
    assert_eq!(system.count(ATTEMPTS).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn public_sigterm_hands_back() {
    let mut system = TestSystem::with(|config| {
        config.with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "600000")
    })
    .await;
    let (project, deployed) = system.small().await;
    system.stack.front().fail_next(FrontFault::Answer {
        status: 429,
        retry_after_s: Some(60),
    });
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    says(&system.stack.public_api(), "dispatch_retry").await;
    let ended = system.stack.public_api().stop().await.unwrap();
    let Ended::Itself { status, .. } = ended else {
        panic!("it had to be killed");
    };
    assert!(status.success(), "{status}");
    until_one(&system, "state = 'pending' AND next_attempt_at <= now()").await;
    system.stack.restart_public_api().await.unwrap();
    ends_exact(&system, &accepted).await;
    assert_eq!(system.count(ATTEMPTS).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn what_waits_is_taken_when_a_place_is_free_again() {
    let system = TestSystem::with(|config| {
        config
            .with(Service::PublicApi, "DISPATCHES_AT_ONCE", "2")
            .with(Service::PublicApi, "SWEEP_INTERVAL_MS", "600000")
    })
    .await;
    let (project, _) = system.small().await;
    let body = project.submission(None).unwrap();
    let mut accepted = Vec::new();
    for _ in 0..20 {
        accepted.push(submit_as(&system, "192.0.2.1", &body).await);
    }
    for accepted in &accepted {
        ends_exact(&system, accepted).await;
    }
    becomes(&system, "attempts", ATTEMPTS, 20).await;
    until("the calls end", async || {
        (system.stack.front().report().in_flight == 0).then_some(())
    })
    .await;
    system.stop().await;
}

#[tokio::test]
async fn places_that_are_free_together_are_all_used_again() {
    let (system, ways) = Ways::system(|mut config| {
        config.verifiers = 3;
        config
            .with(Service::PublicApi, "DISPATCHES_AT_ONCE", "3")
            .with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "600000")
            .with(Service::PublicApi, "SWEEP_INTERVAL_MS", "600000")
            .with(Service::InternalVerifier, "JOB_DEADLINE_MS", "30000")
    })
    .await;
    // The first three end as soon as the chain answers, and that is in the same moment.
    ways.chain.set(Mode::Silent);
    let mut accepted = Vec::new();
    for _ in 0..3 {
        let (project, deployed) = system.small().await;
        let body = project.submission(None).unwrap();
        accepted.push(system.submit(&deployed.address, &body).await);
    }
    let running = "SELECT count(*) FROM verification_jobs WHERE state = 'running'";
    becomes(&system, "three runs", running, 3).await;
    let mut long = Vec::new();
    for _ in 0..3 {
        let (project, deployed) = system.small().await;
        long.push(system.submit(&deployed.address, &endless(&project)).await);
    }
    assert_eq!(system.count(WAITING).await, 3);
    ways.chain.set(Mode::Pass);
    let all_run = format!("{running} AND dispatches = 1");
    becomes(&system, "three runs again", &all_run, 3).await;
    for accepted in &accepted {
        ends_exact(&system, accepted).await;
    }
    for accepted in &long {
        let job = system.end_of(accepted).await;
        assert_eq!(job_error(&job).0, "compiler_timeout");
    }
    system.stop().await;
}
