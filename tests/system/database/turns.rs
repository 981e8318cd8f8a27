//! Jobs that wait in the table are called in turns: a client's flood is not before another's single job.

use std::net::IpAddr;

use common::db::jobs::{self, Acceptance, JobId, NewJob};

use super::story::{Contract, LONG, NOW, World, new_job};

const FLOOD: &str = "192.0.2.1";

/// A job that is due at once, as one is for which there was no place.
async fn waiting(world: &World, contract: u8, client: Option<&str>) -> JobId {
    let client: Option<IpAddr> = client.map(|text| text.parse().unwrap());
    let job = NewJob {
        client,
        due_after: NOW,
        ..new_job(Contract(contract))
    };
    let accepted = jobs::accept(&world.database, &job).await.unwrap();
    assert_eq!(accepted, Acceptance::Accepted);
    job.id
}

/// The next row, if one is due.
async fn next(world: &World) -> Option<JobId> {
    let taken = jobs::take_due(&world.database, 1, LONG).await.unwrap();
    taken.first().map(|job| job.id)
}

#[tokio::test]
async fn the_oldest_comes_first() {
    let world = World::new().await;
    let mut accepted = Vec::new();
    for contract in 1..=5 {
        // All of one client, whose address nobody knows.
        accepted.push(Some(waiting(&world, contract, None).await));
    }
    accepted.push(None);
    for job in accepted {
        assert_eq!(next(&world).await, job);
    }
}

#[tokio::test]
async fn a_flood_does_not_hold_up_a_single_job() {
    let world = World::new().await;
    let mut flood = Vec::new();
    for contract in 1..=20 {
        flood.push(waiting(&world, contract, Some(FLOOD)).await);
    }
    let first = [next(&world).await, next(&world).await];
    assert_eq!(first, [Some(flood[0]), Some(flood[1])]);
    let single = waiting(&world, 21, Some("198.51.100.7")).await;
    let unknown = waiting(&world, 22, None).await;
    let third = waiting(&world, 23, Some("2001:db8::")).await;
    for wanted in [single, unknown, third, flood[2], flood[3]] {
        assert_eq!(next(&world).await, Some(wanted));
    }
}

#[tokio::test]
async fn places_that_are_free_at_once_are_shared() {
    let world = World::new().await;
    let mut flood = Vec::new();
    for contract in 1..=10 {
        flood.push(waiting(&world, contract, Some(FLOOD)).await);
    }
    let mut second = Vec::new();
    for contract in 11..=12 {
        second.push(waiting(&world, contract, Some("192.0.2.2")).await);
    }
    let taken = jobs::take_due(&world.database, 6, LONG).await.unwrap();
    let mut taken: Vec<JobId> = taken.iter().map(|job| job.id).collect();
    let mut wanted = [&flood[..4], &second[..]].concat();
    taken.sort();
    wanted.sort();
    assert_eq!(taken, wanted);
}

#[tokio::test]
async fn a_client_whose_jobs_have_ended_is_as_good_as_new() {
    let world = World::new().await;
    let first = waiting(&world, 1, Some(FLOOD)).await;
    assert_eq!(next(&world).await, Some(first));
    let second = waiting(&world, 2, Some(FLOOD)).await;
    let other = waiting(&world, 3, Some("192.0.2.2")).await;
    let lease = world.lease(first, LONG).await.unwrap().lease;
    let failure = super::story::failure("no_match");
    assert!(jobs::fail(&world.database, &lease, &failure).await.unwrap());
    assert_eq!(
        next(&world).await,
        Some(second),
        "older, and as few under way"
    );
    assert_eq!(next(&world).await, Some(other));
}

#[tokio::test]
async fn whoever_waits_for_an_answer_learns_that_nobody_works() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let (worked_on, called) = (lease.job(), world.accepted(Contract(2)).await);
    let due = waiting(&world, 3, None).await;
    let all = [worked_on, called, due, JobId::random()];
    let idle = async || jobs::list_idle(&world.database, &all).await.unwrap();
    assert_eq!(idle().await, [due]);
    world.let_lease_lapse(worked_on).await;
    assert_eq!(idle().await.len(), 2, "its worker is gone");
    let beat = jobs::heartbeat(&world.database, &lease, LONG).await;
    assert!(beat.unwrap());
    assert_eq!(idle().await, [due]);
    let failure = super::story::failure("no_match");
    assert!(jobs::fail(&world.database, &lease, &failure).await.unwrap());
    assert_eq!(idle().await.len(), 2, "it has ended");
}

#[tokio::test]
async fn of_a_full_table_each_client_gets_one_turn() {
    let world = World::new().await;
    world
        .sql
        .batch_execute(
            "INSERT INTO verification_jobs (chain_id, contract_address, verification_endpoint, started_at, next_attempt_at) \
             SELECT 1, decode(lpad(to_hex(n), 40, '0'), 'hex'), '/', now() - make_interval(secs => 20000 - n), now() \
             FROM generate_series(1, 10000) AS n; \
             INSERT INTO verification_job_inputs (id, kind, input, client) \
             SELECT id, 'std_json', '{}', set_masklen('10.0.0.0'::inet, 32) + (row_number() OVER () / 100) \
             FROM verification_jobs; ANALYZE",
        )
        .await
        .unwrap();
    let taken = jobs::take_due(&world.database, 50, LONG).await.unwrap();
    assert_eq!(taken.len(), 50);
    let clients = world
        .count(
            "SELECT count(DISTINCT client) FROM verification_job_inputs JOIN verification_jobs USING (id) \
             WHERE dispatches = 1",
        )
        .await;
    assert_eq!(clients, 50, "one of each");
}
