//! What happens to a job is told in order, once, and by whoever has the right to say it.

use std::time::Duration;

use common::db::jobs::{
    self, EventLog, JobEvents, JobId, Lease, MAX_ATTEMPTS, Progress, RecentJob, Stage,
};
use common::db::matches;
use tokio::time::Instant;
use verification::verdict::MatchStatus::ExactMatch;

use super::story::{Contract, LONG, NOW, World, failure, new_job, new_match, until};

async fn log_after(world: &World, job: JobId, after: u32) -> EventLog {
    let log = jobs::list_events(&world.database, job, after);
    log.await.unwrap().unwrap()
}

/// Number, stage and attempt of each event.
async fn told(world: &World, job: JobId) -> Vec<(u32, Stage, u16)> {
    let log = log_after(world, job, 0).await;
    let events = log.events.iter();
    events
        .map(|event| (event.number, event.stage, event.attempt))
        .collect()
}

async fn report(world: &World, lease: &Lease, stage: Stage) -> bool {
    jobs::report_stage(&world.database, lease, stage)
        .await
        .unwrap()
}

#[tokio::test]
async fn every_step_of_a_job_has_its_number() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    let first = world.lease(job, LONG).await.unwrap().lease;
    assert!(report(&world, &first, Stage::Compiling).await);
    assert!(jobs::give_back(&world.database, &first, NOW).await.unwrap());
    let second = world.lease(job, LONG).await.unwrap().lease;
    assert!(jobs::release(&world.database, &second).await.unwrap());
    world.lease(job, LONG).await.unwrap();
    world.let_lease_lapse(job).await;
    let last = world.lease(job, LONG).await.unwrap().lease;
    assert!(report(&world, &last, Stage::Storing).await);
    let new = new_match(Some(ExactMatch), Some(ExactMatch));
    matches::store_match(&world.database, &last, &new)
        .await
        .unwrap();
    let wanted = [
        (1, Stage::Queued, 0),
        (2, Stage::Started, 1),
        (3, Stage::Compiling, 1),
        (4, Stage::Queued, 1),
        (5, Stage::Started, 2),
        (6, Stage::Queued, 1),
        (7, Stage::Started, 2),
        (8, Stage::Started, 3),
        (9, Stage::Storing, 3),
    ];
    assert_eq!(told(&world, job).await, wanted);
    let rest = log_after(&world, job, 7).await;
    assert_eq!(rest.end_number(), Some(10));
    let numbers: Vec<u32> = rest.events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, [8, 9]);
    assert!(rest.events.iter().all(|event| event.at >= rest.started_at));
    let input = i64::try_from(new_job(Contract(1)).input.to_string().len()).unwrap();
    assert_eq!(rest.input_bytes, u64::try_from(input).ok());
}

#[tokio::test]
async fn without_the_live_lease_nothing_is_told() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    let lost = world.lease(job, LONG).await.unwrap().lease;
    world.let_lease_lapse(job).await;
    let ours = world.lease(job, LONG).await.unwrap().lease;
    assert!(!report(&world, &lost, Stage::Storing).await);
    jobs::fail(&world.database, &ours, &failure("no_match"))
        .await
        .unwrap();
    let ended = log_after(&world, job, 0).await;
    for lease in [&lost, &ours] {
        assert!(!report(&world, lease, Stage::Storing).await);
        assert!(!jobs::release(&world.database, lease).await.unwrap());
    }
    assert_eq!(log_after(&world, job, 0).await, ended);
    assert_eq!((ended.last_number, ended.end_number()), (3, Some(4)));
}

#[tokio::test]
async fn an_abandoned_job_has_one_end_too() {
    let world = World::new().await;
    let job = world.accepted(Contract(1)).await;
    for _ in 0..MAX_ATTEMPTS {
        world.lease(job, LONG).await.unwrap();
        world.let_lease_lapse(job).await;
    }
    assert_eq!(log_after(&world, job, 0).await.end_number(), None);
    for _ in 0..2 {
        jobs::abandon_lapsed(&world.database).await.unwrap();
        let log = log_after(&world, job, 0).await;
        assert_eq!((log.events.len(), log.end_number()), (6, Some(7)));
    }
}

#[tokio::test]
async fn what_a_job_reaches_wakes_who_follows_it() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let other = world.leased(Contract(2)).await;
    let events = JobEvents::listen(&world.database).unwrap();
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND query LIKE '-- name: jobs/listen_ends%' AND state = 'idle'";
    until("somebody listens", async || {
        world.count(listening).await == 1
    })
    .await;
    let mut wakes = events.subscribe(lease.job());
    let mut foreign = events.subscribe(other.job());
    let started = Instant::now();
    report(&world, &lease, Stage::Compiling).await;
    wakes.news(started + LONG).await;
    jobs::give_back(&world.database, &lease, NOW).await.unwrap();
    wakes.news(started + LONG).await;
    let again = world.lease(lease.job(), LONG).await.unwrap().lease;
    wakes.news(started + LONG).await;
    jobs::fail(&world.database, &again, &failure("no_match"))
        .await
        .unwrap();
    wakes.news(started + LONG).await;
    assert!(started.elapsed() < LONG);
    let now = Instant::now();
    foreign.news(now).await;
    assert_eq!(told(&world, other.job()).await.len(), 2);
}

#[tokio::test]
async fn old_events_go_and_the_end_keeps_its_number() {
    let world = World::new().await;
    let open = world.leased(Contract(1)).await;
    let ended = world.leased(Contract(2)).await;
    jobs::fail(&world.database, &ended, &failure("no_match"))
        .await
        .unwrap();
    assert_eq!(jobs::purge_events(&world.database, LONG).await.unwrap(), 0);
    assert_eq!(jobs::purge_events(&world.database, NOW).await.unwrap(), 4);
    let log = log_after(&world, ended.job(), 0).await;
    assert_eq!((log.events.len(), log.end_number()), (0, Some(3)));
    assert!(matches!(
        world.job(open.job()).await.progress,
        Progress::Running {
            stage: Stage::Started,
            ..
        }
    ));
    assert!(report(&world, &open, Stage::Comparing).await);
    assert_eq!(told(&world, open.job()).await, [(3, Stage::Comparing, 1)]);
    let unknown = jobs::list_events(&world.database, JobId::random(), 0);
    assert_eq!(unknown.await.unwrap(), None);
}

/// A program from before there were events accepts, leases and ends a job.
#[tokio::test]
async fn a_job_of_an_older_program_can_be_followed_too() {
    let world = World::new().await;
    let job = JobId::random();
    let accept = "INSERT INTO verification_jobs (id, chain_id, contract_address, verification_endpoint) \
                  VALUES ($1, 1, decode(repeat('01', 20), 'hex'), '/')";
    let input =
        "INSERT INTO verification_job_inputs (id, kind, input) VALUES ($1, 'std_json', '{}')";
    let lease = "UPDATE verification_jobs SET state = 'running', attempt = attempt + 1, \
                 lease_token = gen_random_uuid(), lease_owner = 'old', lease_until = now() WHERE id = $1";
    let fail = "UPDATE verification_jobs SET state = 'failed', completed_at = now(), \
                error_code = 'no_match', error_id = gen_random_uuid(), lease_owner = NULL, \
                lease_token = NULL, lease_until = NULL WHERE id = $1";
    world.sql.execute(accept, &[&job.0]).await.unwrap();
    world.sql.execute(input, &[&job.0]).await.unwrap();
    world.sql.execute(lease, &[&job.0]).await.unwrap();
    let running = world.job(job).await;
    assert_eq!(running.input_bytes, None);
    assert!(matches!(
        running.progress,
        Progress::Running {
            attempt: 1,
            stage: Stage::Started
        }
    ));
    // One of ours takes it over, and loses it again.
    world.lease(job, NOW).await.unwrap();
    assert_eq!(told(&world, job).await, [(1, Stage::Started, 2)]);
    world.sql.execute(fail, &[&job.0]).await.unwrap();
    assert_eq!(log_after(&world, job, 1).await.end_number(), Some(2));
}

#[tokio::test]
async fn recent_jobs_are_those_that_ended_by_somebodys_work() {
    let world = World::new().await;
    for number in 1..=3 {
        let lease = world.leased(Contract(number)).await;
        jobs::fail(&world.database, &lease, &failure("no_match"))
            .await
            .unwrap();
        let took = "UPDATE verification_jobs SET started_at = completed_at - $2 * interval '1 s' \
                    WHERE id = $1";
        let seconds = f64::from(number);
        world
            .sql
            .execute(took, &[&lease.job().0, &seconds])
            .await
            .unwrap();
    }
    world.accepted(Contract(4)).await;
    let abandoned = world.leased(Contract(5)).await;
    jobs::fail(&world.database, &abandoned, &failure("job_abandoned"))
        .await
        .unwrap();
    let recent = jobs::list_recent(&world.database, 2).await.unwrap();
    let input_bytes = recent[0].input_bytes;
    assert!(input_bytes > 0);
    let took = |seconds| RecentJob {
        input_bytes,
        took: Duration::from_secs(seconds),
    };
    assert_eq!(recent, [took(3), took(2)]);
}

#[tokio::test]
async fn old_events_are_purged_also_if_they_are_many() {
    let world = World::new().await;
    world
        .sql
        .batch_execute(
            "INSERT INTO verification_jobs (chain_id, contract_address, verification_endpoint, \
             started_at, completed_at, state, error_code, error_id, input_bytes, events) \
             SELECT n, decode(repeat('01', 20), 'hex'), '/', now() - n * interval '1 s', \
             now() - n * interval '1 s', 'failed', 'no_match', gen_random_uuid(), n, 3 \
             FROM generate_series(1, 20000) AS n; \
             INSERT INTO verification_job_events (job_id, number, stage, attempt, happened_at) \
             SELECT id, number, 'queued', 0, started_at \
             FROM verification_jobs, generate_series(1, 3) AS number",
        )
        .await
        .unwrap();
    let purged = jobs::purge_events(&world.database, NOW);
    assert_eq!(purged.await.unwrap(), 60_000, "more than goes at once");
}
