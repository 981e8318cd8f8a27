//! The database goes away, or the way to it: no promise is lost, and none is kept twice.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use local_stack::client::{Accepted, Submitted};
use local_stack::cut::{Hold, Mode};
use local_stack::deploy::Deployed;
use local_stack::postgres::Postgres;
use local_stack::process::Process;
use local_stack::{Service, StackConfig};
use serde_json::Value;

use super::endless;
use super::ways::Ways;
use crate::support::{CHAIN_ID, LIMIT, TestSystem, children_of, job_error, problem, until};

/// What somebody who waits for an answer of ours may have to wait.
const PATIENCE: Duration = Duration::from_secs(5);

const JOBS: &str = "SELECT count(*) FROM verification_jobs";
const RUNNING: &str = "SELECT count(*) FROM verification_jobs WHERE state = 'running'";
const ATTEMPTS: &str = "SELECT coalesce(sum(attempt), 0) FROM verification_jobs";
const MATCHES: &str = "SELECT count(*) FROM sourcify_matches";

fn as_it_is(config: StackConfig) -> StackConfig {
    config
}

async fn becomes(system: &TestSystem, what: &str, sql: &str, wanted: i64) {
    until(what, async || {
        (system.count(sql).await == wanted).then_some(())
    })
    .await;
}

async fn says(process: &Process, event: &str) -> Value {
    let said = process.wait_for(LIMIT, |line| line["event"] == event);
    said.await.unwrap()
}

/// The one job there is, of which nobody was told.
async fn only_job(system: &TestSystem) -> Accepted {
    let [id] = &system.jobs().await[..] else {
        panic!("there is one job");
    };
    Accepted {
        id: id.clone(),
        took: Duration::ZERO,
        sent_at: Instant::now(),
    }
}

async fn ends_exact(system: &TestSystem, accepted: &Accepted) {
    let job = system.end_of(accepted).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
}

/// Submits to somebody who will not answer.
fn submit_in_vain(
    system: &TestSystem,
    deployed: &Deployed,
    body: &Value,
) -> tokio::task::JoinHandle<anyhow::Result<Submitted>> {
    let (client, address, body) = (
        system.client.clone(),
        deployed.address.clone(),
        body.clone(),
    );
    tokio::spawn(async move { client.try_submit(CHAIN_ID, &address, &body).await })
}

#[tokio::test]
async fn public_killed_before_commit() {
    let (mut system, ways) = Ways::system(as_it_is).await;
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let held = Hold::before("COMMIT").after("jobs/insert_input");
    let held = ways.public_db.hold(held).unwrap();
    let submitting = submit_in_vain(&system, &deployed, &body);
    held.happened(LIMIT).await.unwrap();
    system.stack.public_api().kill();
    held.cut();
    assert!(
        submitting.await.unwrap().is_err(),
        "the connection is broken"
    );
    system.stack.restart_public_api().await.unwrap();
    assert_eq!(system.count(JOBS).await, 0);
    let accepted = system.submit(&deployed.address, &body).await;
    ends_exact(&system, &accepted).await;
    assert_eq!(system.count(JOBS).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn public_killed_after_commit() {
    let (mut system, ways) = Ways::system(as_it_is).await;
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    ways.chain.set(Mode::Silent);
    let held = Hold::answer_to("COMMIT").after("jobs/insert_input");
    let held = ways.public_db.hold(held).unwrap();
    let submitting = submit_in_vain(&system, &deployed, &body);
    held.happened(LIMIT).await.unwrap();
    becomes(&system, "the commit", JOBS, 1).await;
    system.stack.public_api().kill();
    held.cut();
    assert!(submitting.await.unwrap().is_err(), "nobody was told");
    system.stack.restart_public_api().await.unwrap();
    let again = submit_in_vain(&system, &deployed, &body).await.unwrap();
    let Submitted::Refused { status, answer } = again.unwrap() else {
        panic!("the job is there");
    };
    assert_eq!(status, 429, "{answer}");
    ways.chain.set(Mode::Pass);
    let job = only_job(&system).await;
    ends_exact(&system, &job).await;
    assert_eq!(system.count(ATTEMPTS).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn submit_commit_unknown() {
    let (mut system, ways) = Ways::system(as_it_is).await;
    system.expect_error("request_failed");
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    // The commit never arrives: it is no job, and the caller may come again.
    let held = Hold::before("COMMIT").after("jobs/insert_input");
    let held = ways.public_db.hold(held).unwrap();
    let submitting = submit_in_vain(&system, &deployed, &body);
    held.happened(LIMIT).await.unwrap();
    held.cut();
    let Submitted::Refused { status, answer } = submitting.await.unwrap().unwrap() else {
        panic!("there is no job");
    };
    assert_eq!(
        (status, problem(&answer).0),
        (503, "internal_error"),
        "{answer}"
    );
    assert_eq!(system.count(JOBS).await, 0);
    // The commit is done and its answer lost: the row is found by its id.
    let held = Hold::answer_to("COMMIT").after("jobs/insert_input");
    let held = ways.public_db.hold(held).unwrap();
    let submitting = submit_in_vain(&system, &deployed, &body);
    held.happened(LIMIT).await.unwrap();
    becomes(&system, "the commit", JOBS, 1).await;
    held.cut();
    let Submitted::Accepted(accepted) = submitting.await.unwrap().unwrap() else {
        panic!("there is a job");
    };
    ends_exact(&system, &accepted).await;
    assert_eq!(system.count(JOBS).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn finish_commit_unknown() {
    for lost in [Hold::before("COMMIT"), Hold::answer_to("COMMIT")] {
        let (system, ways) = Ways::system(as_it_is).await;
        let (project, deployed) = system.small().await;
        let held = ways.verifier_db.hold(lost.clone().after("jobs/succeed"));
        let held = held.unwrap();
        let body = project.submission(None).unwrap();
        let accepted = system.submit(&deployed.address, &body).await;
        held.happened(LIMIT).await.unwrap();
        held.cut();
        ends_exact(&system, &accepted).await;
        assert_eq!(system.count(ATTEMPTS).await, 1, "{lost:?}");
        assert_eq!(system.count(MATCHES).await, 1, "{lost:?}");
        let verifier = system.stack.verifier(0).unwrap();
        says(verifier, "job_finished").await;
        system.stop().await;
    }
}

/// A server of the test's own.
struct OwnServer {
    folder: PathBuf,
    running: Option<Postgres>,
}

impl OwnServer {
    async fn start(name: &str) -> (Self, String) {
        let folder = format!("sourcerun-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let postgres = Postgres::start_in(&folder).unwrap();
        let url = postgres.named_database("system").await.unwrap();
        let running = Some(postgres);
        (Self { folder, running }, url)
    }

    fn stop(&mut self) {
        self.running = None;
    }

    fn start_again(&mut self) {
        self.running = Some(Postgres::start_in(&self.folder).unwrap());
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.running = None;
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.folder).unwrap();
        }
    }
}

#[tokio::test]
async fn postgres_restart_public() {
    let (mut server, url) = OwnServer::start("public").await;
    let mut system = TestSystem::on(&url, as_it_is).await;
    system.expect_error("request_failed");
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let job = format!(
        "{}/v2/verify/72d12273-0723-448e-a9f6-f7957128efa5",
        system.stack.base_url()
    );
    assert_eq!(reqwest::get(&job).await.unwrap().status(), 404);
    server.stop();
    let started = Instant::now();
    let refused = submit_in_vain(&system, &deployed, &body).await.unwrap();
    let Submitted::Refused { status, answer } = refused.unwrap() else {
        panic!("there is no database");
    };
    assert_eq!(
        (status, problem(&answer).0),
        (503, "internal_error"),
        "{answer}"
    );
    assert_eq!(reqwest::get(&job).await.unwrap().status(), 503);
    assert!(started.elapsed() < PATIENCE);
    server.start_again();
    let accepted = system.submit(&deployed.address, &body).await;
    ends_exact(&system, &accepted).await;
    system.stop().await;
}

#[tokio::test]
async fn postgres_restart_short() {
    let (mut server, url) = OwnServer::start("short").await;
    let (system, ways) = Ways::system_on(&url, |config| {
        config.with(Service::InternalVerifier, "LEASE_MS", "30000")
    })
    .await;
    let (project, deployed) = system.small().await;
    ways.chain.set(Mode::Silent);
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    becomes(&system, "the run", RUNNING, 1).await;
    server.stop();
    let verifier = system.stack.verifier(0).unwrap();
    says(verifier, "heartbeat_failed").await;
    server.start_again();
    ways.chain.set(Mode::Pass);
    ends_exact(&system, &accepted).await;
    assert_eq!(system.count(ATTEMPTS).await, 1, "nobody took over");
    system.stop().await;
}

#[tokio::test]
async fn postgres_restart_long() {
    let (mut server, url) = OwnServer::start("long").await;
    let (system, ways) = Ways::system_on(&url, |mut config| {
        config.verifiers = 2;
        config
    })
    .await;
    let (project, deployed) = system.small().await;
    ways.chain.set(Mode::Silent);
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    becomes(&system, "the run", RUNNING, 1).await;
    let [first, second] = [0, 1].map(|index| system.stack.verifier(index).unwrap());
    let has_lease = |process: &Process| {
        let lines = process.lines();
        lines.iter().any(|line| line["event"] == "lease_taken")
    };
    let (first, second) = match has_lease(first) {
        true => (first, second),
        false => (second, first),
    };
    server.stop();
    says(first, "heartbeat_failed").await;
    // When the database is back, the first run is late, and the lease runs out.
    let held = ways
        .verifier_db
        .hold(Hold::before("jobs/heartbeat"))
        .unwrap();
    server.start_again();
    held.happened(LIMIT).await.unwrap();
    says(second, "lease_taken").await;
    held.let_go();
    says(first, "lease_lost").await;
    ways.chain.set(Mode::Pass);
    ends_exact(&system, &accepted).await;
    assert_eq!(system.count(ATTEMPTS).await, 2);
    assert_eq!(system.count(MATCHES).await, 1);
    assert!(
        !first
            .lines()
            .iter()
            .any(|line| line["event"] == "job_finished")
    );
    system.stop().await;
}

#[tokio::test]
async fn cut_public_db() {
    let (mut system, ways) = Ways::system(|config| {
        // Else the sweep is what uses the connections, all the time.
        config.with(Service::PublicApi, "SWEEP_INTERVAL_MS", "60000")
    })
    .await;
    system.expect_error("request_failed");
    let (project, deployed) = system.small().await;
    let (_, other) = system.small().await;
    let body = project.submission(None).unwrap();
    ways.chain.set(Mode::Silent);
    let accepted = system.submit(&deployed.address, &body).await;
    becomes(&system, "the run", RUNNING, 1).await;
    let late = "SELECT count(*) FROM verification_jobs WHERE now() - started_at > interval '0.5 s'";
    becomes(&system, "idle connections", late, 1).await;
    ways.public_db.set(Mode::BlackHole);
    let started = Instant::now();
    let url = system.stack.base_url();
    let reads = [
        format!("{url}/v2/verify/{}", accepted.id),
        format!("{url}/v2/contract/{CHAIN_ID}/{}", deployed.address),
    ];
    let [job, contract] = reads.map(|url| async { reqwest::get(url).await.unwrap().status() });
    let submit = submit_in_vain(&system, &other, &body);
    let (job, contract, submitted) = tokio::join!(job, contract, submit);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert_eq!((job.as_u16(), contract.as_u16()), (503, 503));
    let Submitted::Refused { status, answer } = submitted.unwrap().unwrap() else {
        panic!("nothing was committed");
    };
    assert_eq!(
        (status, problem(&answer).0),
        (503, "internal_error"),
        "{answer}"
    );
    ways.chain.set(Mode::Pass);
    let ended = "SELECT count(*) FROM verification_jobs WHERE state = 'succeeded' AND attempt = 1";
    becomes(&system, "the end of the run", ended, 1).await;
    ways.public_db.set(Mode::Pass);
    ends_exact(&system, &accepted).await;
    assert_eq!(system.count(JOBS).await, 1);
    let accepted = system.submit(&other.address, &body).await;
    ends_exact(&system, &accepted).await;
    system.stop().await;
}

#[tokio::test]
async fn cut_verifier_db_before_lease() {
    let (mut system, ways) = Ways::system(as_it_is).await;
    system.expect_error("run_failed");
    let (project, deployed) = system.small().await;
    ways.verifier_db.set(Mode::Refuse);
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    says(system.stack.verifier(0).unwrap(), "run_failed").await;
    let answers = system.stack.front();
    until("the call's 503", async || {
        answers.report().answers.contains(&503).then_some(())
    })
    .await;
    assert_eq!(system.count(ATTEMPTS).await, 0);
    ways.verifier_db.set(Mode::Pass);
    ends_exact(&system, &accepted).await;
    assert_eq!(system.count(ATTEMPTS).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn cut_verifier_db_mid_job() {
    let (mut system, ways) = Ways::system(|config| {
        config
            .with(Service::InternalVerifier, "HEARTBEAT_PATIENCE_MS", "1500")
            .with(Service::InternalVerifier, "JOB_DEADLINE_MS", "8000")
    })
    .await;
    let (project, deployed) = system.small().await;
    system.expect_error("run_failed");
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    let verifier = system.stack.verifier(0).unwrap();
    let compiles = || children_of(verifier.pid()) > 0;
    until("a compiler", async || compiles().then_some(())).await;
    let written = "SELECT count(*) FROM verification_job_events WHERE stage = 'compiling'";
    becomes(&system, "its stage", written, 1).await;
    ways.verifier_db.set(Mode::BlackHole);
    let cut_at = Instant::now();
    until("its end", async || (!compiles()).then_some(())).await;
    let took = cut_at.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    says(verifier, "lease_lost").await;
    assert_eq!(system.count(RUNNING).await, 1, "nothing was written");
    ways.verifier_db.set(Mode::Pass);
    let job = system.end_of(&accepted).await;
    assert_eq!(job_error(&job).0, "compiler_timeout", "of the second run");
    assert_eq!(system.count(ATTEMPTS).await, 2);
    system.stop().await;
}

#[tokio::test]
async fn sweep_killed_after_update() {
    let (mut system, ways) = Ways::system(as_it_is).await;
    let (project, deployed) = system.small().await;
    ways.dispatch.set(Mode::Refuse);
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    system.stack.public_api().kill();
    let due = "UPDATE verification_jobs SET next_attempt_at = now() - interval '1 s'";
    system.change(due).await;
    let held = Hold::answer_to_statement("jobs/sweep");
    let held = ways.public_db.hold(held).unwrap();
    system.stack.restart_public_api().await.unwrap();
    held.happened(LIMIT).await.unwrap();
    let moved = "SELECT count(*) FROM verification_jobs WHERE next_attempt_at > now()";
    becomes(&system, "the update", moved, 1).await;
    system.stack.public_api().kill();
    held.cut();
    ways.dispatch.set(Mode::Pass);
    assert_eq!(system.count(ATTEMPTS).await, 0, "nobody was called");
    system.stack.restart_public_api().await.unwrap();
    ends_exact(&system, &accepted).await;
    assert_eq!(system.count(ATTEMPTS).await, 1);
    system.stop().await;
}
