//! Whoever waits for a job learns of its end, at once if possible and in any case.

use std::time::Duration;

use common::db::jobs::{self, JobEvents, JobId, Progress};
use common::db::matches;
use tokio::time::Instant;
use verification::verdict::MatchStatus::ExactMatch;

use super::story::{Contract, LONG, SHORT, World, failure, new_match, until};

/// A poll would take a second; some of several ends must come sooner, however slow the machine is.
#[tokio::test]
async fn an_end_wakes_whoever_waits() {
    let world = World::new().await;
    let ends = JobEvents::listen(&world.database).unwrap();
    until_listening(&world).await;
    let mut fastest = LONG;
    for number in 1..=6 {
        let lease = world.leased(Contract(number)).await;
        let waiting = tokio::spawn({
            let ends = ends.clone();
            async move { (ends.wait_for_end(lease.job(), LONG).await, Instant::now()) }
        });
        // The waiter looks first; only a wake shows it the end.
        tokio::task::yield_now().await;
        let ended = Instant::now();
        if number % 2 == 0 {
            jobs::fail(&world.database, &lease, &failure("no_match"))
                .await
                .unwrap();
        } else {
            let new = new_match(None, Some(ExactMatch));
            matches::store_match(&world.database, &lease, &new)
                .await
                .unwrap();
        }
        let (record, woken) = waiting.await.unwrap();
        assert!(record.unwrap().unwrap().is_ended());
        fastest = fastest.min(woken - ended);
    }
    assert!(fastest < Duration::from_millis(500), "{fastest:?}");
}

#[tokio::test]
async fn an_abandoned_job_wakes_too() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    for _ in 0..jobs::MAX_ATTEMPTS {
        world.lease(job, LONG).await.unwrap();
        world.let_lease_lapse(job).await;
    }
    let ends = JobEvents::listen(&world.database).unwrap();
    let (record, abandoned) = tokio::join!(
        ends.wait_for_end(job, LONG),
        jobs::abandon_lapsed(&world.database)
    );
    assert_eq!(abandoned.unwrap().len(), 1);
    assert!(record.unwrap().unwrap().is_ended());
}

#[tokio::test]
async fn who_comes_late_does_not_wait() {
    let world = World::new().await;
    let ends = JobEvents::listen(&world.database).unwrap();
    let lease = world.leased(Contract(1)).await;
    jobs::fail(&world.database, &lease, &failure("no_match"))
        .await
        .unwrap();
    let record = ends.wait_for_end(lease.job(), LONG).await.unwrap().unwrap();
    assert!(record.is_ended());
    let unknown = ends.wait_for_end(JobId::random(), LONG).await.unwrap();
    assert!(unknown.is_none());
}

#[tokio::test]
async fn patience_ends_with_the_job_as_it_is() {
    let world = World::new().await;
    let ends = JobEvents::listen(&world.database).unwrap();
    let job = world.accepted(Contract(1)).await;
    let record = ends.wait_for_end(job, SHORT).await.unwrap().unwrap();
    assert!(matches!(record.progress, Progress::Pending));
    let record = ends
        .wait_for_end(job, Duration::ZERO)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(record.progress, Progress::Pending));
}

#[tokio::test]
async fn a_cut_listener_costs_a_moment_and_no_end() {
    let world = World::new().await;
    let ends = JobEvents::listen(&world.database).unwrap();
    until_listening(&world).await;
    let lease = world.leased(Contract(1)).await;
    let waiting = tokio::spawn({
        let ends = ends.clone();
        async move { ends.wait_for_end(lease.job(), LONG).await }
    });
    let cut = format!("SELECT count(pg_terminate_backend(pid)) {LISTENERS}");
    assert_eq!(world.count(&cut).await, 1);
    jobs::fail(&world.database, &lease, &failure("no_match"))
        .await
        .unwrap();
    assert!(waiting.await.unwrap().unwrap().unwrap().is_ended());
    until_listening(&world).await;
}

#[tokio::test]
async fn nobody_listens_any_more_when_the_last_waiter_is_gone() {
    let world = World::new().await;
    let ends = JobEvents::listen(&world.database).unwrap();
    until_listening(&world).await;
    drop(ends.clone());
    drop(ends);
    until("the connection closes", async || {
        world.count(&format!("SELECT count(*) {LISTENERS}")).await == 0
    })
    .await;
}

const LISTENERS: &str = "FROM pg_stat_activity WHERE datname = current_database() \
                         AND query LIKE '-- name: jobs/listen_ends%'";

async fn until_listening(world: &World) {
    until("somebody listens", async || {
        let idle = format!("SELECT count(*) {LISTENERS} AND state = 'idle'");
        world.count(&idle).await == 1
    })
    .await;
}
