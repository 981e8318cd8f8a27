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

async fn end(world: &World, job: JobId) {
    let lease = world.lease(job, LONG).await.unwrap().lease;
    let failure = super::story::failure("no_match");
    assert!(jobs::fail(&world.database, &lease, &failure).await.unwrap());
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
async fn with_one_place_clients_take_turns() {
    let world = World::new().await;
    let clients = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    let mut jobs = Vec::new();
    for (client, first) in clients.iter().zip([1, 11, 21]) {
        let mut of_client = Vec::new();
        for contract in first..first + 4 {
            of_client.push(waiting(&world, contract, Some(client)).await);
        }
        jobs.push(of_client);
    }
    for turn in 0..3 {
        for of_client in &jobs {
            let job = next(&world).await;
            assert_eq!(job, Some(of_client[turn]), "turn {turn}");
            end(&world, of_client[turn]).await;
        }
    }
    // Who comes late has the turn of that time, and the others' fourth was put off.
    let late = waiting(&world, 31, Some("198.51.100.1")).await;
    let later = waiting(&world, 32, Some("198.51.100.1")).await;
    for wanted in [late, later, jobs[0][3], jobs[1][3], jobs[2][3]] {
        assert_eq!(next(&world).await, Some(wanted));
        end(&world, wanted).await;
    }
}

#[tokio::test]
async fn a_client_whose_jobs_have_ended_is_as_good_as_new() {
    let world = World::new().await;
    for contract in 1..=3 {
        let job = waiting(&world, contract, Some(FLOOD)).await;
        assert_eq!(next(&world).await, Some(job));
        end(&world, job).await;
    }
    let again = waiting(&world, 4, Some(FLOOD)).await;
    let other = waiting(&world, 5, Some("192.0.2.2")).await;
    assert_eq!(
        [next(&world).await, next(&world).await],
        [Some(again), Some(other)]
    );
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
