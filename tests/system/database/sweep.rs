//! What nobody called is found again, and what nobody can finish gets an end.

use std::collections::BTreeSet;

use common::db::jobs::{self, Abandoned, Backlog, DueJob, JobId, MAX_ATTEMPTS, Progress};
use futures::future::join_all;

use super::story::{Contract, LONG, NOW, World, failure, new_job};

#[tokio::test]
async fn a_lost_dispatch_is_swept_up_when_its_time_has_come() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    assert_eq!(sweep(&world, 50).await, []);
    assert_eq!(jobs::make_due(&world.database, &[job]).await.unwrap(), 1);
    let wanted = DueJob {
        id: job,
        traceparent: new_job(Contract(1)).traceparent,
        lease_expired: false,
    };
    assert_eq!(sweep(&world, 50).await, [wanted]);
    assert_eq!(
        sweep(&world, 50).await,
        [],
        "it was moved on before it is called"
    );
}

#[tokio::test]
async fn a_row_that_was_taken_is_due_again_later_however_often() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    for dispatches in 1..=12 {
        jobs::make_due(&world.database, &[job]).await.unwrap();
        assert_eq!(sweep(&world, 50).await.len(), 1);
        let row = world
            .sql
            .query_one(
                "SELECT dispatches, extract(EPOCH FROM next_attempt_at - now())::float8 \
                 FROM verification_jobs",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(row.get::<_, i32>(0), dispatches);
        let (wait, wanted) = (row.get::<_, f64>(1), LONG.as_secs_f64());
        assert!(
            (wanted - 5.0..=wanted).contains(&wait),
            "{wait} for {wanted}"
        );
    }
    assert!(matches!(world.job(job).await.progress, Progress::Pending));
}

#[tokio::test]
async fn sweeps_at_the_same_time_never_get_the_same_job() {
    let world = World::new().await;
    let accepted: BTreeSet<JobId> = join_all((1..=40).map(|n| world.accepted(Contract(n))))
        .await
        .into_iter()
        .collect();
    let ids: Vec<JobId> = accepted.iter().copied().collect();
    jobs::make_due(&world.database, &ids).await.unwrap();
    let sweeps = join_all((0..8).map(|_| sweep(&world, 10))).await;
    let mut swept: Vec<JobId> = sweeps.iter().flatten().map(|due| due.id).collect();
    assert!(sweeps.iter().all(|due| due.len() <= 10));
    // A sweep skips what another one is taking, so some may be left for the next round.
    swept.extend(sweep(&world, 50).await.iter().map(|due| due.id));
    assert_eq!(swept.len(), 40);
    assert_eq!(swept.into_iter().collect::<BTreeSet<_>>(), accepted);
}

#[tokio::test]
async fn a_sweep_does_not_wait_for_a_locked_row() {
    let world = World::new().await;
    let first = world.accepted(Contract(1)).await;
    let second = world.accepted(Contract(2)).await;
    jobs::make_due(&world.database, &[first, second])
        .await
        .unwrap();
    world.sql.batch_execute("BEGIN").await.unwrap();
    let lock = "SELECT id FROM verification_jobs WHERE id = $1 FOR UPDATE";
    world.sql.query_one(lock, &[&first.0]).await.unwrap();
    let due = sweep(&world, 50).await;
    assert_eq!(due.iter().map(|due| due.id).collect::<Vec<_>>(), [second]);
    world.sql.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(sweep(&world, 50).await[0].id, first);
}

#[tokio::test]
async fn a_running_job_is_left_alone_until_its_lease_lapses() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    assert_eq!(sweep(&world, 50).await, []);
    assert_eq!(
        jobs::make_due(&world.database, &[lease.job()])
            .await
            .unwrap(),
        0
    );
    world.let_lease_lapse(lease.job()).await;
    assert_eq!(sweep(&world, 50).await[0].id, lease.job());
    assert_eq!(
        world
            .lease(lease.job(), LONG)
            .await
            .unwrap()
            .lease
            .attempt(),
        2
    );
}

#[tokio::test]
async fn a_job_that_five_workers_died_over_is_abandoned() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    for _ in 0..MAX_ATTEMPTS {
        assert_eq!(abandoned(&world).await, []);
        world.lease(job, LONG).await.unwrap();
        assert_eq!(abandoned(&world).await, []);
        world.let_lease_lapse(job).await;
    }
    assert_eq!(sweep(&world, 50).await, [], "nobody may lease it any more");
    let abandoned = abandoned(&world).await;
    assert_eq!(abandoned.len(), 1);
    let Progress::Failed {
        error_code,
        error_id,
        ..
    } = world.job(job).await.progress
    else {
        panic!("the job did not end");
    };
    assert_eq!(error_code, "job_abandoned");
    assert_eq!((job, error_id), (abandoned[0].id, abandoned[0].error_id));
    assert_eq!(
        world
            .count("SELECT count(*) FROM verification_job_inputs")
            .await,
        0
    );
    world.accepted(Contract(1)).await;
}

/// A worker should fail it; if it gives it back instead, the job must not wait for ever.
#[tokio::test]
async fn a_job_given_back_after_its_last_attempt_is_abandoned_too() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    for _ in 0..MAX_ATTEMPTS {
        let lease = world.lease(job, LONG).await.unwrap().lease;
        assert!(jobs::give_back(&world.database, &lease, NOW).await.unwrap());
    }
    let abandoned = abandoned(&world).await;
    assert_eq!(abandoned.len(), 1);
    assert!(!abandoned[0].lease_expired, "it was given back");
    assert_eq!(world.failed_with(job).await, "job_abandoned");
}

#[tokio::test]
async fn the_backlog_is_the_open_jobs() {
    let world = World::new().await;
    let empty = jobs::backlog(&world.database).await.unwrap();
    assert_eq!(empty, Backlog::default());
    world.accepted(Contract(1)).await;
    world.leased(Contract(2)).await;
    let ended = world.leased(Contract(3)).await;
    jobs::fail(&world.database, &ended, &failure("no_match"))
        .await
        .unwrap();
    let backlog = jobs::backlog(&world.database).await.unwrap();
    assert_eq!((backlog.pending.total(), backlog.running.total()), (1, 1));
    assert!(backlog.oldest.unwrap() < LONG);
}

#[tokio::test]
async fn the_backlog_is_told_by_age() {
    let world = World::new().await;
    for (contract, age) in [(1, 5), (2, 11), (3, 59), (4, 61), (5, 601)] {
        let job = world.accepted(Contract(contract)).await;
        let older = format!(
            "UPDATE verification_jobs SET started_at = now() - interval '{age} s' WHERE id = '{}'",
            job.0
        );
        world.sql.batch_execute(&older).await.unwrap();
    }
    let backlog = jobs::backlog(&world.database).await.unwrap();
    let wanted = [
        ("under_10s", 1),
        ("under_1m", 2),
        ("under_10m", 1),
        ("older", 1),
    ];
    assert_eq!(backlog.pending.named().collect::<Vec<_>>(), wanted);
    assert!(backlog.running.named().all(|(_, count)| count == 0));
    assert_eq!(backlog.oldest.unwrap().as_secs(), 601);
}

#[tokio::test]
async fn a_lease_that_ran_out_is_told_once() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    for attempt in 1..=MAX_ATTEMPTS {
        world.lease(job, LONG).await.unwrap();
        world.let_lease_lapse(job).await;
        if attempt == MAX_ATTEMPTS {
            break;
        }
        let told = sweep(&world, 50).await;
        assert_eq!(told.len(), 1);
        assert!(told[0].lease_expired);
        let due = "UPDATE verification_jobs SET next_attempt_at = now() - interval '0.5 s'";
        world.sql.batch_execute(due).await.unwrap();
        let again = sweep(&world, 50).await;
        assert_eq!(again.len(), 1);
        assert!(!again[0].lease_expired, "it was told before");
    }
    assert!(abandoned(&world).await[0].lease_expired);
}

async fn sweep(world: &World, limit: u16) -> Vec<DueJob> {
    jobs::take_due(&world.database, limit, LONG).await.unwrap()
}

async fn abandoned(world: &World) -> Vec<Abandoned> {
    jobs::abandon_lapsed(&world.database).await.unwrap()
}
