//! Words that the stories of this folder share.

use std::time::{Duration, Instant};

use local_stack::StackConfig;
use local_stack::client::{Accepted, Submitted};
use local_stack::deploy::Deployed;
use local_stack::process::Process;
use serde_json::Value;

use crate::support::{CHAIN_ID, LIMIT, TestSystem, until};

/// What somebody who waits for an answer of ours may have to wait.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

pub(super) const JOBS: &str = "SELECT count(*) FROM verification_jobs";
pub(super) const RUNNING: &str = "SELECT count(*) FROM verification_jobs WHERE state = 'running'";
pub(super) const ATTEMPTS: &str = "SELECT coalesce(sum(attempt), 0) FROM verification_jobs";
pub(super) const MATCHES: &str = "SELECT count(*) FROM sourcify_matches";

pub(super) fn as_it_is(config: StackConfig) -> StackConfig {
    config
}

pub(super) async fn becomes(system: &TestSystem, what: &str, sql: &str, wanted: i64) {
    until(what, async || {
        (system.count(sql).await == wanted).then_some(())
    })
    .await;
}

pub(super) async fn says(process: &Process, event: &str) -> Value {
    let said = process.wait_for(LIMIT, |line| line["event"] == event);
    said.await.unwrap()
}

/// The one job there is, of which nobody was told.
pub(super) async fn only_job(system: &TestSystem) -> Accepted {
    let [id] = &system.jobs().await[..] else {
        panic!("there is one job");
    };
    Accepted {
        id: id.clone(),
        took: Duration::ZERO,
        sent_at: Instant::now(),
    }
}

pub(super) async fn ends_exact(system: &TestSystem, accepted: &Accepted) {
    let job = system.end_of(accepted).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
}

/// Submits to somebody who will not answer.
pub(super) fn submit_in_vain(
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
