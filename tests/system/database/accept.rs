//! A request becomes a row, or it is told why not.

use common::db::jobs::{self, Acceptance, JobId, JobKind, NewJob, OpenJobLimits, Progress};
use common::db::matches;
use futures::future::join_all;
use serde_json::{Value, json};
use verification::verdict::MatchStatus::{ExactMatch, Match};

use super::story::{Contract, LONG, World, failure, new_job, new_match};

#[tokio::test]
async fn an_accepted_job_waits_with_all_that_an_attempt_needs() {
    let world = World::new().await;
    let contract = Contract(1);
    let job = new_job(contract);
    let accepted = jobs::accept(&world.database, &job).await.unwrap();
    assert_eq!(accepted, Acceptance::Accepted);

    let record = world.job(job.id).await;
    assert_eq!(record.id, job.id);
    assert_eq!(record.chain_id, contract.chain_id());
    assert_eq!(record.address, contract.address());
    assert!(matches!(record.progress, Progress::Pending), "{record:?}");
    let due_in_a_minute = world
        .count(
            "SELECT count(*) FROM verification_jobs WHERE next_attempt_at BETWEEN \
             started_at + interval '59.9 s' AND started_at + interval '60.1 s'",
        )
        .await;
    assert_eq!(due_in_a_minute, 1);

    let leased = world.lease(job.id, LONG).await.unwrap();
    assert_eq!(leased.input, job.input);
    assert_eq!(leased.kind, job.kind);
    assert_eq!(leased.endpoint, job.endpoint);
    assert_eq!(leased.traceparent, job.traceparent);
    assert_eq!(leased.lease.address(), contract.address());
}

#[tokio::test]
async fn of_parallel_requests_for_one_contract_exactly_one_is_accepted() {
    let world = World::new().await;
    let requests: Vec<NewJob> = (0..16).map(|_| new_job(Contract(1))).collect();
    let answers = join_all(
        requests
            .iter()
            .map(|job| jobs::accept(&world.database, job)),
    )
    .await;
    let answers: Vec<Acceptance> = answers.into_iter().map(Result::unwrap).collect();
    let accepted = answers
        .iter()
        .filter(|answer| **answer == Acceptance::Accepted);
    assert_eq!(accepted.count(), 1, "{answers:?}");
    assert_eq!(
        world.count("SELECT count(*) FROM verification_jobs").await,
        1
    );
    assert_eq!(
        world
            .count("SELECT count(*) FROM verification_job_inputs")
            .await,
        1
    );
}

#[tokio::test]
async fn a_contract_is_free_again_once_its_job_ended() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let again = new_job(Contract(1));
    let duplicate = jobs::accept(&world.database, &again).await.unwrap();
    assert_eq!(duplicate, Acceptance::Duplicate);
    assert!(
        jobs::find_job(&world.database, again.id)
            .await
            .unwrap()
            .is_none()
    );

    jobs::fail(&world.database, &lease, &failure("no_match"))
        .await
        .unwrap();
    let accepted = jobs::accept(&world.database, &again).await.unwrap();
    assert_eq!(accepted, Acceptance::Accepted);
}

#[tokio::test]
async fn the_same_address_on_another_chain_is_another_contract() {
    let world = World::new().await;
    world.accepted(Contract(1)).await;
    let elsewhere = NewJob {
        chain_id: i64::MAX.try_into().unwrap(),
        ..new_job(Contract(1))
    };
    let accepted = jobs::accept(&world.database, &elsewhere).await.unwrap();
    assert_eq!(accepted, Acceptance::Accepted);
}

#[tokio::test]
async fn only_an_exact_match_of_both_sides_refuses_a_job() {
    let world = World::new().await;
    for (number, creation, runtime, wanted) in [
        (
            1,
            Some(ExactMatch),
            Some(ExactMatch),
            Acceptance::AlreadyVerified,
        ),
        (2, Some(Match), Some(ExactMatch), Acceptance::Accepted),
        (3, None, Some(ExactMatch), Acceptance::Accepted),
    ] {
        let lease = world.leased(Contract(number)).await;
        let new = new_match(creation, runtime);
        matches::store_match(&world.database, &lease, &new)
            .await
            .unwrap();
        let answer = jobs::accept(&world.database, &new_job(Contract(number))).await;
        assert_eq!(answer.unwrap(), wanted, "{creation:?} {runtime:?}");
    }
}

#[tokio::test]
async fn an_input_that_cannot_be_kept_leaves_no_job_behind() {
    let world = World::new().await;
    let hostile = NewJob {
        input: json!({"sources": {"a": {"content": "\0"}}}),
        ..new_job(Contract(1))
    };
    let refused = jobs::accept(&world.database, &hostile).await.unwrap_err();
    assert!(!refused.is_unavailable() && !refused.is_repeatable());
    assert_eq!(
        world.count("SELECT count(*) FROM verification_jobs").await,
        0
    );
}

#[tokio::test]
async fn inputs_of_every_kind_and_size_come_back_as_they_were() {
    let world = World::new().await;
    let big = json!({"sources": {"a.sol": {"content": "/ü☃\n".repeat(4_000_000)}}});
    let odd = json!({"": [null, -0.5, 1e15, "\u{1}\u{7f}\u{fffe}"], "a": {"a": {}}});
    let inputs: [(JobKind, Value); 4] = [
        (JobKind::StdJson, big),
        (JobKind::Metadata, odd),
        (JobKind::Etherscan, json!([])),
        (JobKind::Similarity, json!({})),
    ];
    for (number, (kind, input)) in (1..).zip(inputs) {
        let job = NewJob {
            kind,
            input,
            id: JobId::random(),
            traceparent: None,
            ..new_job(Contract(number))
        };
        jobs::accept(&world.database, &job).await.unwrap();
        let leased = world.lease(job.id, LONG).await.unwrap();
        assert!(leased.input == job.input, "input of {kind:?}");
        assert_eq!(leased.kind, kind);
        assert_eq!(leased.traceparent, None);
    }
}

#[tokio::test]
async fn a_client_and_all_of_them_have_so_many_open_jobs_and_no_more() {
    let world = World::new().await;
    let limits = OpenJobLimits {
        in_all: 3,
        per_client: 2,
    };
    let job = |contract: u8, client: &str| NewJob {
        client: Some(client.parse().unwrap()),
        limits,
        ..new_job(Contract(contract))
    };
    let accept = async |job: &NewJob| jobs::accept(&world.database, job).await.unwrap();
    let (one, other) = ("203.0.113.7", "2001:db8::");
    let first = job(1, one);
    for taken in [&first, &job(2, one), &job(3, other)] {
        assert_eq!(accept(taken).await, Acceptance::Accepted);
    }
    let too_many = job(4, one);
    assert_eq!(accept(&too_many).await, Acceptance::TooManyOfClient);
    assert_eq!(accept(&job(5, other)).await, Acceptance::TooMany);
    let unknown = NewJob {
        client: None,
        ..job(6, other)
    };
    assert_eq!(accept(&unknown).await, Acceptance::TooMany);
    assert_eq!(
        world.count("SELECT count(*) FROM verification_jobs").await,
        3
    );

    let lease = world.lease(first.id, LONG).await.unwrap().lease;
    jobs::fail(&world.database, &lease, &failure("no_match"))
        .await
        .unwrap();
    assert_eq!(accept(&too_many).await, Acceptance::Accepted);
}
