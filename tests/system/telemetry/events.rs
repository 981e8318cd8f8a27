//! Each event that alerts and log metrics use is said when it happens: one story in which all of it does.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use local_stack::Service;
use local_stack::client::Accepted;
use local_stack::cloud_run::FrontFault;
use local_stack::process::Process;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::faults::{call, endless, until_one};
use crate::support::{LIMIT, TestSystem, until};

/// As `docs/telemetry.md` lists them.
const EVENTS: [&str; 18] = [
    "caller_refused",
    "dispatch_left",
    "dispatch_refused",
    "dispatch_retry",
    "dispatched",
    "job_abandoned",
    "job_accepted",
    "job_finished",
    "job_released",
    "lease_expired",
    "lease_lost",
    "lease_skipped",
    "lease_taken",
    "run_failed",
    "shutdown",
    "sweep_done",
    "telemetry_flush_failed",
    "token_unchecked",
];

async fn says(process: &Process, event: &str) {
    let said = process.wait_for(LIMIT, |line| line["event"] == event);
    said.await.unwrap();
}

#[tokio::test]
async fn every_event_that_somebody_waits_for_is_said() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let mut system = TestSystem::with(|config| {
        config
            .with(Service::PublicApi, "OTEL_EXPORTER_OTLP_ENDPOINT", &nobody)
            .with(Service::PublicApi, "OTEL_BSP_SCHEDULE_DELAY", "100")
            .with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "600")
    })
    .await;
    for event in [
        "dispatch_refused",
        "job_abandoned",
        "run_failed",
        "token_unchecked",
    ] {
        system.expect_error(event);
    }
    let public_api = system.stack.public_api();
    let first: Vec<Arc<Process>> = system.stack.processes().collect();
    the_keys_cannot_be_had(&system).await;
    let accepted = the_platform_refuses(&system).await;
    the_verifier_is_called_in_vain(&system, &accepted).await;
    the_verifier_is_cut_off_and_stopped(&mut system).await;
    says(&public_api, "telemetry_flush_failed").await;

    let mut processes: Vec<Arc<Process>> = system.stack.processes().collect();
    processes.extend(first);
    system.stop().await;
    let lines = processes.iter().flat_map(|process| process.lines());
    let lines: Vec<Value> = lines.collect();
    let said: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| line["event"].as_str())
        .collect();
    let unsaid: Vec<_> = EVENTS
        .iter()
        .filter(|event| !said.contains(*event))
        .collect();
    assert!(unsaid.is_empty(), "nobody said {unsaid:?}");
    for line in &lines {
        for must in ["severity", "message", "target", "time"] {
            assert!(line[must].is_string(), "{must}: {line}");
        }
        let target = line["target"].as_str().unwrap();
        let ours = ["public_api", "internal_verifier", "common"];
        if ours.contains(&target.split("::").next().unwrap()) {
            assert!(line["event"].is_string(), "a line without an event: {line}");
        }
    }
}

/// The scheduler orders a sweep, and nobody can tell who that is.
async fn the_keys_cannot_be_had(system: &TestSystem) {
    let switches = system.stack.identity().switches();
    switches.certs_status.store(500, SeqCst);
    let url = format!("{}/internal_api_sweep", system.stack.base_url());
    let order = reqwest::Client::new().post(url);
    let order = order.bearer_auth(system.stack.sweep_token().unwrap());
    let answer = order.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    switches.certs_status.store(200, SeqCst);
    says(&system.stack.public_api(), "token_unchecked").await;
}

/// Full, away, forbidden: and in the end the job is done.
async fn the_platform_refuses(system: &TestSystem) -> Accepted {
    let public_api = system.stack.public_api();
    let mut last = None;
    for (status, event) in [
        (503, "dispatch_retry"),
        (504, "dispatch_left"),
        (403, "dispatch_refused"),
    ] {
        let (project, deployed) = system.small().await;
        system.stack.front().fail_next(FrontFault::Answer {
            status,
            retry_after_s: None,
        });
        let body = project.submission(None).unwrap();
        let accepted = system.submit(&deployed.address, &body).await;
        says(&public_api, event).await;
        let job = system.end_of(&accepted).await;
        assert_eq!(job["contract"]["match"], "exact_match", "{job}");
        last = Some(accepted);
    }
    for event in ["job_accepted", "dispatched", "sweep_done"] {
        says(&public_api, event).await;
    }
    until("no call is under way", async || {
        (system.stack.front().report().in_flight == 0).then_some(())
    })
    .await;
    last.unwrap()
}

async fn the_verifier_is_called_in_vain(system: &TestSystem, ended: &Accepted) {
    let verifier = system.stack.verifier(0).unwrap();
    let answer = call(system, verifier, ended).await;
    assert_eq!(
        answer.json::<Value>().await.unwrap()["skipped"],
        json!(true)
    );
    says(verifier, "lease_skipped").await;
    let url = format!("http://{}/internal_api_verify", verifier.address());
    let stranger = reqwest::Client::new().post(url).bearer_auth("nobody");
    assert_eq!(stranger.send().await.unwrap().status(), 401);
    says(verifier, "caller_refused").await;
    // A database that has no such table any more, for a moment.
    system
        .change("ALTER TABLE verification_jobs RENAME TO away")
        .await;
    let answer = call(system, verifier, ended).await;
    system
        .change("ALTER TABLE away RENAME TO verification_jobs")
        .await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    says(verifier, "run_failed").await;
}

/// One run loses its lease, the next is released at the end of the process, and then the job is given up.
async fn the_verifier_is_cut_off_and_stopped(system: &mut TestSystem) {
    let (project, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    until_one(system, "state = 'running' AND attempt = 1").await;
    let lapse = "UPDATE verification_jobs SET lease_token = gen_random_uuid(), \
                 lease_until = now() - interval '1 s', next_attempt_at = now() - interval '1 s' \
                 WHERE state = 'running'";
    system.change(lapse).await;
    let verifier = find_verifier(system);
    says(&verifier, "lease_lost").await;
    says(&system.stack.public_api(), "lease_expired").await;
    until_one(system, "state = 'running' AND attempt = 2").await;
    verifier.stop().await.unwrap();
    for event in ["job_released", "shutdown"] {
        says(&verifier, event).await;
    }
    let hopeless = "UPDATE verification_jobs SET attempt = 5, next_attempt_at = now() \
                    WHERE state = 'pending'";
    system.change(hopeless).await;
    says(&system.stack.public_api(), "job_abandoned").await;
    let job = system.end_of(&accepted).await;
    assert_eq!(job["error"]["customCode"], "job_abandoned", "{job}");
    system.stack.restart_verifier(0).await.unwrap();
}

fn find_verifier(system: &TestSystem) -> Arc<Process> {
    let mut processes = system.stack.processes();
    let is_it = |process: &Arc<Process>| process.name().starts_with("internal-verifier");
    processes.find(is_it).unwrap()
}
