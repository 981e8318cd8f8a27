//! The way from public-api to the verifier breaks: a call is a hint, and its loss only delays.

use std::time::Duration;

use local_stack::Service;
use local_stack::client::Accepted;
use local_stack::cut::Mode;

use super::ways::Ways;
use super::words::{ATTEMPTS, RUNNING, as_it_is, becomes, ends_exact, says};
use crate::support::TestSystem;

async fn submitted(system: &TestSystem) -> Accepted {
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    system.submit(&deployed.address, &body).await
}

async fn ends_in_its_first_attempt(system: &TestSystem, accepted: &Accepted) {
    ends_exact(system, accepted).await;
    assert_eq!(system.count(ATTEMPTS).await, 1);
}

#[tokio::test]
async fn cut_dispatch_refused() {
    let (system, ways) = Ways::system(as_it_is).await;
    ways.dispatch.set(Mode::Refuse);
    let accepted = submitted(&system).await;
    says(&system.stack.public_api(), "dispatch_retry").await;
    assert_eq!(system.stack.front().report().answers, [0_u16; 0]);
    ways.dispatch.set(Mode::Pass);
    ends_in_its_first_attempt(&system, &accepted).await;
    system.stop().await;
}

#[tokio::test]
async fn cut_dispatch_after_send() {
    let (system, ways) = Ways::system(|config| {
        config
            .with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "15000")
            .with(Service::PublicApi, "REQUEST_TIMEOUT_MS", "1400")
            .with(Service::PublicApi, "DISPATCH_TIMEOUT_MS", "1500")
    })
    .await;
    ways.chain.set(Mode::Silent);
    let accepted = submitted(&system).await;
    becomes(&system, "the run", RUNNING, 1).await;
    ways.dispatch.set(Mode::BlackHole);
    says(&system.stack.public_api(), "dispatch_left").await;
    let lines = system.stack.public_api().lines();
    let repeats = lines
        .iter()
        .filter(|line| line["event"] == "dispatch_retry");
    assert_eq!(repeats.count(), 0, "after a time-out nobody calls again");
    assert_eq!(system.stack.front().report().in_flight, 1);
    ways.chain.set(Mode::Pass);
    ends_in_its_first_attempt(&system, &accepted).await;
    system.stop().await;
}

#[tokio::test]
async fn cut_dispatch_blackhole() {
    // As in production, longer than it takes to give up a connection.
    let (system, ways) =
        Ways::system(|config| config.with(Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "15000"))
            .await;
    ways.dispatch.set(Mode::BlackHole);
    let accepted = submitted(&system).await;
    assert!(
        accepted.took < Duration::from_secs(4),
        "nobody waits for the call"
    );
    // Before the row is due again.
    says(&system.stack.public_api(), "dispatch_retry").await;
    assert_eq!(system.stack.front().report().answers, [0_u16; 0]);
    ways.dispatch.set(Mode::Pass);
    ends_in_its_first_attempt(&system, &accepted).await;
    system.stop().await;
}
