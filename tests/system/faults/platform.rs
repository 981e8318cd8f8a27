//! public-api dies, the platform is full, too generous, or has two revisions at once.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures::future::join_all;
use local_stack::deploy;
use local_stack::process::{Process, ProcessSpec};
use local_stack::project::Project;
use local_stack::{Platform, Service};
use serde_json::{Value, json};

use super::words::says;
use super::{attempts, call, endless, until_one};
use crate::support::event_stream::{EventStream, assert_whole};
use crate::support::{TestSystem, compilers, job_error, until};

/// Another instance of a service, of another revision.
async fn another(system: &TestSystem, of: &Process) -> Process {
    let mut spec: ProcessSpec = of.spec().clone();
    let revision = format!("{}-00002", spec.name);
    let own = [("PORT", "0"), ("K_REVISION", revision.as_str())];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    spec.environment.extend(own);
    spec.log = system.stack.folder().join(format!("{revision}.log"));
    spec.name = revision;
    Process::start(spec).await.unwrap()
}

#[tokio::test]
async fn public_killed_before_dispatch() {
    let mut system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    let switches = system.stack.identity().switches();
    switches.identity_delay_ms.store(600_000, SeqCst);
    switches.identity_hits.store(0, SeqCst);
    // A process that has a token needs none for a while; this one never gets any.
    system.stack.restart_public_api().await.unwrap();
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    until("a token is asked for", async || {
        let switches = system.stack.identity().switches();
        (switches.identity_hits.load(SeqCst) > 0).then_some(())
    })
    .await;
    system.stack.public_api().kill();
    assert_eq!(system.stack.front().report().peak_in_flight, 0);
    until_one(&system, "state = 'pending' AND attempt = 0").await;
    let switches = system.stack.identity().switches();
    switches.identity_delay_ms.store(0, SeqCst);
    system.stack.restart_public_api().await.unwrap();
    let job = system.end_of(&accepted).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    assert_eq!(attempts(&system).await, 1);
    system.stop().await;
}

#[tokio::test]
async fn public_killed_after_dispatch() {
    let mut system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    system.stack.verifier(0).unwrap().freeze().unwrap();
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    until("the call is sent", async || {
        (system.stack.front().report().in_flight == 1).then_some(())
    })
    .await;
    system.stack.public_api().kill();
    system.stack.verifier(0).unwrap().thaw().unwrap();
    until_one(&system, "state = 'succeeded'").await;
    system.stack.restart_public_api().await.unwrap();
    let job = system.end_of(&accepted).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    assert_eq!(attempts(&system).await, 1);
    let lines = system.stack.verifier(0).unwrap().lines();
    let compiled = lines.iter().filter(|line| line["event"] == "compiled");
    assert_eq!(compiled.count(), 1);
    system.stop().await;
}

#[tokio::test]
async fn job_deadline_before_front_timeout() {
    let system = TestSystem::with(|mut config| {
        config.verifier.request_timeout = Duration::from_secs(12);
        config
            .with(Service::InternalVerifier, "JOB_DEADLINE_MS", "6000")
            .with(Service::InternalVerifier, "REQUEST_TIMEOUT_MS", "12000")
            .with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "15000")
    })
    .await;
    let (project, deployed) = system.small().await;
    let job = system.verify(&deployed.address, &endless(&project)).await;
    assert_eq!(job_error(&job).0, "compiler_timeout");
    assert_eq!(attempts(&system).await, 1);
    // The same instance does the next.
    let body = project.submission(None).unwrap();
    let job = system.verify(&deployed.address, &body).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    until("both calls are answered", async || {
        let answers = system.stack.front().report().answers;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        (answers.len() == 2).then_some(())
    })
    .await;
    system.stop().await;
}

/// By the page for Prometheus; without any there is no such line.
async fn given_up_calls(system: &TestSystem) -> usize {
    let page = reqwest::get(format!("{}/metrics", system.stack.base_url()));
    let page = page.await.unwrap().text().await.unwrap();
    assert!(page.contains("dispatches_total{"), "{page}");
    let given_up = page
        .lines()
        .filter(|line| line.starts_with("dispatches_total{") && line.contains(r#""in_vain""#));
    let counts = given_up.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    counts.sum()
}

#[tokio::test]
async fn burst_beyond_max_instances() {
    const JOBS: usize = 200;
    const AT_ONCE: usize = 20;
    let system = TestSystem::with(|mut config| {
        config.platform = Platform::Autoscaled;
        // The limit on calls is each instance's own.
        config.public_api.max_instances = 1;
        config.public_api.concurrency = 1000;
        config.verifier.max_instances = 2;
        config.verifier.start_delay = Duration::from_secs(1);
        config.verifier.pending_limit = Some(Duration::from_millis(300));
        let at_once = AT_ONCE.to_string();
        config
            .with(Service::PublicApi, "DISPATCHES_AT_ONCE", &at_once)
            // A call that waits for an instance is not given up meanwhile.
            .with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "15000")
            .with(Service::PublicApi, "SWEEP_INTERVAL_MS", "2000")
            .with(Service::PublicApi, "MAX_OPEN_JOBS_PER_CLIENT", "1000")
    })
    .await;
    let project = Project::read("Small.sol", "Small").unwrap();
    let compiled = deploy::compile(&compilers(), &project).await.unwrap();
    let body = project.submission(None).unwrap();
    let mut accepted = Vec::new();
    for _ in 0..JOBS {
        let deployed = deploy::deploy(&system.anvil, &compiled, Vec::new());
        let deployed = deployed.await.unwrap();
        accepted.push(system.submit(&deployed.address, &body).await);
    }
    let ended = join_all(accepted.iter().map(|accepted| system.end_of(accepted))).await;
    let is_verified = |job: &&Value| job["contract"]["match"] == "exact_match";
    assert_eq!(ended.iter().filter(is_verified).count(), JOBS);
    let report = system.stack.front().report();
    assert!(report.answers.contains(&429), "nothing was too much");
    // A call whose job has ended is given up, and its place is free, before the platform is done with it.
    let given_up = given_up_calls(&system).await;
    assert!(
        report.peak_in_flight <= AT_ONCE + given_up,
        "{}, {given_up} given up",
        report.peak_in_flight
    );
    assert_eq!(report.started, 2);
    let jobs = i64::try_from(JOBS).unwrap();
    assert_eq!(attempts(&system).await, jobs, "a 429 is no attempt");
    system.stop().await;
}

#[tokio::test]
async fn more_verifiers_than_allowed() {
    let system = TestSystem::with(|config| {
        // Long enough to start a process and to verify another job meanwhile.
        config.with(Service::InternalVerifier, "JOB_DEADLINE_MS", "20000")
    })
    .await;
    let (project, first) = system.small().await;
    let (_, second) = system.small().await;
    let first = system.submit(&first.address, &endless(&project)).await;
    until_one(&system, "state = 'running'").await;
    let extra = another(&system, system.stack.verifier(0).unwrap()).await;
    let skipped: Value = call(&system, &extra, &first).await.json().await.unwrap();
    assert_eq!(skipped, json!({"skipped": true}));
    // A job that waits for the one instance that is allowed.
    let body = project.submission(None).unwrap();
    let second = system.submit(&second.address, &body).await;
    let answer = call(&system, &extra, &second).await;
    assert_eq!(answer.status(), 200);
    let job = system.end_of(&second).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    until_one(&system, "state = 'running' AND attempt = 1").await;
    assert_eq!(
        job_error(&system.end_of(&first).await).0,
        "compiler_timeout"
    );
    assert_eq!(attempts(&system).await, 2);
    extra.stop().await.unwrap();
    system.stop().await;
}

#[tokio::test]
async fn two_revisions_share_rows() {
    let system = TestSystem::with(|config| {
        config
            .with(Service::InternalVerifier, "JOB_DEADLINE_MS", "5000")
            .with(Service::InternalVerifier, "K_REVISION", "verifier-00001")
    })
    .await;
    let (project, first) = system.small().await;
    let (_, second) = system.small().await;
    let old = system.stack.verifier(0).unwrap();
    let new = another(&system, old).await;
    let new_public = another(&system, &system.stack.public_api()).await;
    let accepted = system.submit(&first.address, &endless(&project)).await;
    until_one(&system, "lease_owner LIKE 'verifier-00001/%'").await;
    // Requests go to the new revision, and the old one is asked to stop with a job half done.
    system.stack.front().move_instance(0, new.address());
    old.stop().await.unwrap();
    says(old, "job_released").await;
    until_one(
        &system,
        "lease_owner LIKE 'internal-verifier-0-00002/%' AND attempt = 1",
    )
    .await;
    let job = system.end_of(&accepted).await;
    assert_eq!(job_error(&job).0, "compiler_timeout");
    let body = project.submission(None).unwrap();
    let verified = system.verify(&second.address, &body).await;
    assert_eq!(verified["contract"]["match"], "exact_match", "{verified}");
    let told = async |process: &Process, path: &str| {
        let url = format!("http://{}{path}", process.address());
        let answer = reqwest::get(url).await.unwrap();
        answer.json::<Value>().await.unwrap()
    };
    let contract = format!("/v2/contract/31337/{}?fields=all", second.address);
    for path in [format!("/v2/verify/{}", accepted.id), contract] {
        let old = told(&system.stack.public_api(), &path).await;
        assert!(
            old.get("jobStartTime").or(old.get("match")).is_some(),
            "{old}"
        );
        assert_eq!(told(&new_public, &path).await, old);
    }
    for process in [new, new_public] {
        assert!(process.errors().is_empty(), "{:?}", process.errors());
        process.stop().await.unwrap();
    }
    system.stop().await;
}

/// Several instances of public-api, and verifiers that are there only while they are needed and have
/// processor time only beside a request.
#[tokio::test]
async fn from_zero_and_back() {
    let system = TestSystem::with(|mut config| {
        config.platform = Platform::Autoscaled;
        config.public_api.min_instances = 2;
        config.verifier.cpu_idle = true;
        config.verifier.idle_limit = Duration::from_millis(500);
        // A call that waits for an instance is not repeated meanwhile.
        config.with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "15000")
    })
    .await;
    let verifiers = system.stack.front();
    let (project, first) = system.small().await;
    let (_, second) = system.small().await;
    let body = project.submission(None).unwrap();
    for (jobs, deployed) in [(1, first), (2, second)] {
        assert!(verifiers.instances().is_empty());
        let accepted = system.submit(&deployed.address, &body).await;
        let http = reqwest::Client::new();
        let mut stream =
            EventStream::open(&http, &system.stack.base_url(), &accepted.id, None).await;
        let events = stream.rest().await;
        assert_whole(&events, 1);
        let job = &events.last().unwrap().data;
        assert_eq!(job["contract"]["match"], "exact_match", "{job}");
        until("all verifiers are gone", async || {
            (verifiers.report().stopped == jobs && verifiers.instances().is_empty()).then_some(())
        })
        .await;
    }
    // Either instance of public-api may die; the other is there at once.
    let public_api = system.stack.public_api_service().unwrap();
    public_api.instances()[0].process.kill();
    until("another is there", async || {
        (public_api.report().started == 3).then_some(())
    })
    .await;
    let report = verifiers.report();
    assert_eq!((report.started, report.killed, report.crashed), (2, 0, 0));
    system.stop().await;
}
