//! The right to work on a job is one worker's at a time, and without it nothing is written.

use std::time::Duration;

use common::db::jobs::{self, Evidence, JobFailure, JobId, Lease, MAX_ATTEMPTS, Progress};
use common::db::matches::{self, StoreOutcome};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;
use verification::verdict::MatchStatus::ExactMatch;

use super::story::{
    Contract, LONG, SHORT, World, creation_transaction, failure, new_match, until, worker,
};

#[tokio::test]
async fn of_parallel_dispatches_exactly_one_gets_the_lease() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    let worker = worker();
    let leases = (0..16).map(|_| jobs::lease(&world.database, job, &worker, LONG));
    let leases = join_all(leases).await;
    let taken: Vec<_> = leases.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].lease.attempt(), 1);
    assert!(matches!(
        world.job(job).await.progress,
        Progress::Running { attempt: 1, .. }
    ));
}

#[tokio::test]
async fn there_is_nothing_to_take_of_an_unknown_or_ended_job() {
    let world = World::new().await;
    assert!(world.lease(JobId::random(), LONG).await.is_none());
    let lease = world.leased(Contract(1)).await;
    jobs::fail(&world.database, &lease, &failure("no_match"))
        .await
        .unwrap();
    assert!(world.lease(lease.job(), LONG).await.is_none());
}

#[tokio::test]
async fn a_lapsed_lease_is_taken_over() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    let first = world.lease(job, SHORT).await.unwrap().lease;
    let (world_, second) = (&world, std::cell::Cell::new(None));
    until("the lease lapses", async || {
        second.set(world_.lease(job, LONG).await.map(|leased| leased.lease));
        second.get().is_some()
    })
    .await;
    assert_eq!(second.get().unwrap().attempt(), 2);
    assert_fenced(&world, &first).await;
    let second = second.get().unwrap();
    assert!(
        jobs::heartbeat(&world.database, &second, LONG)
            .await
            .unwrap()
    );
}

/// Whatever a worker does with an old lease, no row changes.
async fn assert_fenced(world: &World, old: &Lease) {
    let all = "SELECT row_to_json(verification_jobs)::text FROM verification_jobs";
    let before: String = world.sql.query_one(all, &[]).await.unwrap().get(0);
    let database = &world.database;
    assert!(!jobs::heartbeat(database, old, LONG).await.unwrap());
    assert!(!jobs::release(database, old).await.unwrap());
    assert!(!jobs::give_back(database, old, LONG).await.unwrap());
    assert!(!jobs::fail(database, old, &with_evidence()).await.unwrap());
    let new = new_match(Some(ExactMatch), Some(ExactMatch));
    let outcome = matches::store_match(database, old, &new).await.unwrap();
    assert_eq!(outcome, StoreOutcome::LeaseLost);
    let after: String = world.sql.query_one(all, &[]).await.unwrap().get(0);
    assert_eq!(before, after);
    for table in [
        "code",
        "sources",
        "sourcify_matches",
        "verification_jobs_ephemeral",
    ] {
        let rows = world.count(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(rows, 0, "{table}");
    }
}

#[tokio::test]
async fn the_lease_of_an_ended_job_is_worth_nothing() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    assert!(
        jobs::fail(&world.database, &lease, &failure("no_match"))
            .await
            .unwrap()
    );
    assert_fenced(&world, &lease).await;
}

#[tokio::test]
async fn a_heartbeat_extends_the_lease_and_a_late_one_still_counts() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    world.let_lease_lapse(lease.job()).await;
    let hour = Duration::from_secs(3600);
    assert!(
        jobs::heartbeat(&world.database, &lease, hour)
            .await
            .unwrap()
    );
    let extended = world
        .count(
            "SELECT count(*) FROM verification_jobs WHERE lease_until = next_attempt_at \
             AND lease_until > now() + interval '59 min'",
        )
        .await;
    assert_eq!(extended, 1);
    assert!(world.lease(lease.job(), LONG).await.is_none());
}

#[tokio::test]
async fn a_released_job_has_its_attempt_back_and_is_due_at_once() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    assert!(jobs::release(&world.database, &lease).await.unwrap());
    assert!(matches!(
        world.job(lease.job()).await.progress,
        Progress::Pending
    ));
    let due = jobs::take_due(&world.database, 10, LONG).await.unwrap();
    assert_eq!(due.len(), 1);
    let again = world.lease(lease.job(), LONG).await.unwrap().lease;
    assert_eq!(again.attempt(), 1);
}

#[tokio::test]
async fn a_job_given_back_counts_its_attempt_and_waits() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    assert!(
        jobs::give_back(&world.database, &lease, LONG)
            .await
            .unwrap()
    );
    let due = jobs::take_due(&world.database, 10, LONG).await.unwrap();
    assert_eq!(due, []);
    let again = world.lease(lease.job(), LONG).await.unwrap().lease;
    assert_eq!(again.attempt(), 2);
}

#[tokio::test]
async fn after_the_last_attempt_there_is_nothing_to_take() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    for attempt in 1..=MAX_ATTEMPTS {
        let lease = world.lease(job, LONG).await.unwrap().lease;
        assert_eq!(lease.attempt(), attempt);
        assert_eq!(lease.is_last_attempt(), attempt == MAX_ATTEMPTS);
        world.let_lease_lapse(job).await;
    }
    assert!(world.lease(job, LONG).await.is_none());
}

#[tokio::test]
async fn a_failure_keeps_its_evidence_and_frees_the_input() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let given = with_evidence();
    assert!(jobs::fail(&world.database, &lease, &given).await.unwrap());
    let Progress::Failed {
        compilation_time_ms,
        error_code,
        error_id,
        error_data,
        evidence,
        ..
    } = world.job(lease.job()).await.progress
    else {
        panic!("the job did not fail");
    };
    assert_eq!(compilation_time_ms, given.compilation_time_ms);
    assert_eq!(error_code, given.error_code);
    assert_eq!(error_id, given.error_id);
    assert_eq!(error_data, given.error_data);
    assert_eq!(evidence, given.evidence);
    let inputs = world
        .count("SELECT count(*) FROM verification_job_inputs")
        .await;
    assert_eq!(inputs, 0);

    assert_eq!(
        jobs::purge_evidence(&world.database, LONG).await.unwrap(),
        0
    );
    assert_eq!(
        jobs::purge_evidence(&world.database, Duration::ZERO)
            .await
            .unwrap(),
        1
    );
    let purged = world.job(lease.job()).await.progress;
    let Progress::Failed { evidence, .. } = purged else {
        panic!("the job is still a failure");
    };
    assert_eq!(evidence, Evidence::default());
}

#[tokio::test]
async fn a_job_whose_input_is_gone_is_a_fault_and_not_a_wait_for_ever() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    world
        .sql
        .batch_execute("DELETE FROM verification_job_inputs")
        .await
        .unwrap();
    let worker = worker();
    assert!(
        jobs::lease(&world.database, job, &worker, LONG)
            .await
            .is_err()
    );
    assert!(matches!(
        world.job(job).await.progress,
        Progress::Running { attempt: 1, .. }
    ));
}

fn with_evidence() -> JobFailure {
    JobFailure {
        error_code: "compiler_error".to_owned(),
        error_id: Uuid::new_v4(),
        error_data: Some(json!({"compilerErrors": [{"message": "nul \0, snow ☃"}]})),
        compilation_time_ms: Some(17),
        evidence: Evidence {
            recompiled_creation_code: Some(vec![]),
            recompiled_runtime_code: Some(vec![0; 100_000]),
            onchain_creation_code: None,
            onchain_runtime_code: Some(vec![1]),
            creation_transaction_hash: Some(creation_transaction().hash),
        },
    }
}
