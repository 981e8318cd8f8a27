//! Postgres is stopped and started again under the services.

use std::path::PathBuf;
use std::time::Instant;

use local_stack::Service;
use local_stack::client::Submitted;
use local_stack::cut::{Hold, Mode};
use local_stack::postgres::Postgres;

use super::ways::Ways;
use super::words::{
    ATTEMPTS, MATCHES, PATIENCE, RUNNING, as_it_is, becomes, ends_exact, says, submit_in_vain,
};
use crate::support::{LIMIT, TestSystem, problem, until};

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
    let of = |index| system.stack.verifier(index).unwrap();
    let has_lease = |index: &usize| {
        let lines = of(*index).lines();
        lines.iter().any(|line| line["event"] == "lease_taken")
    };
    let first = until("a lease", async || [0, 1].into_iter().find(has_lease)).await;
    let (first, second) = (of(first), of(1 - first));
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
