//! Connections that end or fall silent under our hands cost as little as can be.

use std::time::{Duration, Instant};

use common::db::jobs::{self, Acceptance, JobEvents, Progress};
use common::db::{Database, DatabaseConfig, DatabaseError};
use futures::future::join_all;
use local_stack::cut::{Cut, Hold, Mode};

use super::story::{Contract, World, new_job, until};

const LIMIT: Duration = Duration::from_secs(10);
/// What somebody who waits for an answer of ours may have to wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// A pool whose connections all lead through the proxy.
fn by_way_of_a_cut(world: &World, pool_size: usize) -> (Cut, Database) {
    let (cut, url) = Cut::before_database(world.place.url()).unwrap();
    let database = Database::new(DatabaseConfig {
        pool_size,
        ..DatabaseConfig::new(url, "far")
    });
    (cut, database.unwrap())
}

#[tokio::test]
async fn a_connection_lost_before_its_commit_costs_nothing() {
    let world = World::new().await;
    let (cut, database) = by_way_of_a_cut(&world, 1);
    let job = new_job(Contract(1));
    let held = cut.hold(Hold::before("jobs/insert_input")).unwrap();
    let break_it = async {
        held.happened(LIMIT).await.unwrap();
        held.cut();
    };
    let (accepted, ()) = tokio::join!(jobs::accept(&database, &job), break_it);
    assert_eq!(accepted.unwrap(), Acceptance::Accepted);
    assert!(matches!(
        world.job(job.id).await.progress,
        Progress::Pending
    ));
    assert_eq!(cut.report().connections, 2);
}

#[tokio::test]
async fn a_way_that_is_lost_each_time_is_a_fault_soon() {
    let world = World::new().await;
    let (cut, database) = by_way_of_a_cut(&world, 1);
    let holds: Vec<_> = (0..9)
        .map(|_| cut.hold(Hold::before("jobs/insert_input")).unwrap())
        .collect();
    let break_each = async {
        for held in holds {
            held.happened(LIMIT).await.unwrap();
            held.cut();
        }
    };
    let job = new_job(Contract(1));
    tokio::select! {
        accepted = jobs::accept(&database, &job) => {
            let fault = accepted.unwrap_err();
            assert!(matches!(fault, DatabaseError::Statement { .. }), "{fault:?}");
            assert!(fault.is_unavailable());
        }
        () = break_each => panic!("it does not give up"),
    }
    assert_eq!(cut.report().connections, 3);
    let found = jobs::find_job(&world.database, job.id).await.unwrap();
    assert!(found.is_none());
}

/// The commit may have been done: only the row tells, and it is not there.
#[tokio::test]
async fn a_connection_lost_at_its_commit_is_not_tried_again_blindly() {
    let world = World::new().await;
    let (cut, database) = by_way_of_a_cut(&world, 1);
    let held = cut.hold(Hold::before("COMMIT")).unwrap();
    let break_it = async {
        held.happened(LIMIT).await.unwrap();
        held.cut();
    };
    let job = new_job(Contract(1));
    let (accepted, ()) = tokio::join!(jobs::accept(&database, &job), break_it);
    let fault = accepted.unwrap_err();
    assert!(
        matches!(fault, DatabaseError::CommitUnknown { .. }),
        "{fault:?}"
    );
}

#[tokio::test]
async fn a_pool_that_fell_silent_at_once_keeps_nobody_waiting_for_each_connection() {
    for mode in [Mode::BlackHole, Mode::Silent] {
        let world = World::new().await;
        let (cut, database) = by_way_of_a_cut(&world, 5);
        let all = join_all((0..5).map(|_| database.connection())).await;
        assert!(all.iter().all(Result::is_ok));
        drop(all);
        let idle_since = Instant::now();
        until("nobody has used them for a while", async || {
            idle_since.elapsed() > Duration::from_millis(200)
        })
        .await;
        cut.set(mode);
        let asked = (0..12).map(async |_| {
            let started = Instant::now();
            let fault = database.ping().await.unwrap_err();
            assert!(fault.is_unavailable(), "{fault:?}");
            started.elapsed()
        });
        let longest = join_all(asked).await.into_iter().max().unwrap();
        assert!(longest < PATIENCE, "{mode:?}: {longest:?}");
        cut.set(Mode::Pass);
        until("the way back", async || database.ping().await.is_ok()).await;
        let started = Instant::now();
        join_all((0..5).map(async |_| database.ping().await.unwrap())).await;
        assert!(started.elapsed() < PATIENCE, "what was silent is gone");
    }
}

/// Else whoever waits for a job would only be polling, for as long as this process lives.
#[tokio::test]
async fn a_listener_that_hears_nothing_at_all_begins_again() {
    let world = World::new().await;
    let (cut, database) = by_way_of_a_cut(&world, 1);
    let held = cut.hold(Hold::answer_to("LISTEN")).unwrap();
    let _events = JobEvents::listen(&database).unwrap();
    held.happened(LIMIT).await.unwrap();
    until("another connection", async || cut.report().connections > 1).await;
    let listening = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND query LIKE '%LISTEN verification_job_ended%' AND pid <> pg_backend_pid()";
    until("it listens", async || world.count(listening).await > 0).await;
}
