//! The way to the database breaks: no promise is lost, and none is kept twice.

use std::time::{Duration, Instant};

use local_stack::Service;
use local_stack::client::Submitted;
use local_stack::cut::{Hold, Mode};

use super::endless;
use super::ways::Ways;
use super::words::{
    ATTEMPTS, JOBS, MATCHES, PATIENCE, RUNNING, as_it_is, becomes, ends_exact, only_job, says,
    submit_in_vain,
};
use crate::support::{CHAIN_ID, LIMIT, children_of, job_error, problem, until};

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
    for (lost, is_committed) in [
        (Hold::before("COMMIT"), false),
        (Hold::answer_to("COMMIT"), true),
    ] {
        let (system, ways) = Ways::system(as_it_is).await;
        let (project, deployed) = system.small().await;
        let held = ways.verifier_db.hold(lost.clone().after("jobs/succeed"));
        let held = held.unwrap();
        let body = project.submission(None).unwrap();
        let accepted = system.submit(&deployed.address, &body).await;
        held.happened(LIMIT).await.unwrap();
        if is_committed {
            becomes(&system, "the commit", MATCHES, 1).await;
        }
        // Away for a moment, so that nobody can be asked at once what became of it.
        ways.verifier_db.set(Mode::Refuse);
        held.cut();
        says(system.stack.verifier(0).unwrap(), "write_failed").await;
        ways.verifier_db.set(Mode::Pass);
        ends_exact(&system, &accepted).await;
        assert_eq!(system.count(ATTEMPTS).await, 1, "{lost:?}");
        assert_eq!(system.count(MATCHES).await, 1, "{lost:?}");
        let verifier = system.stack.verifier(0).unwrap();
        says(verifier, "job_finished").await;
        system.stop().await;
    }
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
    let order = reqwest::Client::new().post(format!("{url}/internal_api_sweep"));
    let order = order.bearer_auth(system.stack.sweep_token().unwrap());
    let sweep = async { order.send().await.unwrap().status() };
    let submit = submit_in_vain(&system, &other, &body);
    let (job, contract, sweep, submitted) = tokio::join!(job, contract, sweep, submit);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert_eq!(
        [job, contract, sweep].map(|status| status.as_u16()),
        [503; 3]
    );
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
            .with(Service::InternalVerifier, "HEARTBEAT_PATIENCE_MS", "3000")
            .with(Service::InternalVerifier, "JOB_DEADLINE_MS", "12000")
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
    assert!(took < Duration::from_secs(10), "{took:?}");
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
    let held = Hold::answer_to("COMMIT").after("jobs/take_due");
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
