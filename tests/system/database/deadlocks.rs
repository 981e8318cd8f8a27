//! Stores that share rows wait for each other and don't lock each other out.

use common::db::matches::{self, NewMatch, StoreOutcome};
use futures::future::join_all;
use verification::signatures::SignatureKind;
use verification::verdict::MatchStatus::{ExactMatch, Match};

use super::story::{Contract, World, new_match, signature, until};

const TOGETHER: u8 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn stores_at_the_same_time_share_their_rows_without_a_deadlock() {
    let world = World::new().await;
    for round in 0..4 {
        let leases = join_all((0..TOGETHER).map(|n| world.leased(Contract(round * TOGETHER + n))));
        let work = leases.await.into_iter().map(|lease| {
            let database = world.database.clone();
            tokio::spawn(async move {
                let new = sharing(round, lease.address().as_bytes()[0]);
                matches::store_match(&database, &lease, &new).await
            })
        });
        for outcome in join_all(work).await {
            let outcome = outcome.unwrap().unwrap();
            assert!(matches!(outcome, StoreOutcome::Stored(_)), "{outcome:?}");
        }
    }
    assert_eq!(deadlocks(&world).await, 0);
    assert_eq!(
        world.count("SELECT count(*) FROM sourcify_matches").await,
        48
    );
}

/// Forty sources and signatures that all matches of a round have, in an order of their own; every
/// second match has the same compilation too.
fn sharing(round: u8, number: u8) -> NewMatch {
    let mut new = new_match(Some(Match), Some(ExactMatch));
    new.compilation.creation_code = vec![round, number / 2];
    new.compilation.runtime_code = vec![round];
    new.deployment.onchain_runtime_code = vec![number / 2, round];
    for file in 0..40_u8 {
        let path = format!("{:02x}.sol", file.wrapping_mul(number | 1));
        let content = format!("// round {round}, file {file}");
        new.compilation.sources.insert(path, content);
        let text = format!("f{}_{round}()", file.wrapping_add(number) % 40);
        let signature = signature(SignatureKind::Function, &text);
        new.compilation.signatures.push(signature);
    }
    new
}

#[tokio::test]
async fn a_deadlock_with_somebody_else_is_run_again() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let new = new_match(Some(Match), Some(ExactMatch));
    let mut codes = [
        &new.compilation.creation_code,
        &new.compilation.runtime_code,
    ];
    codes.sort_by_key(|code| hash(code));
    let insert = "INSERT INTO code (code_hash, code_hash_keccak, code) \
                  VALUES (sha256($1), sha256($1), $1) ON CONFLICT DO NOTHING";
    // Somebody holds the row that the store wants last, and then wants the one that it has.
    world
        .sql
        .batch_execute("BEGIN; SET LOCAL deadlock_timeout = '1 min'")
        .await
        .unwrap();
    world.sql.execute(insert, &[codes[1]]).await.unwrap();
    let storing = tokio::spawn({
        let (database, new) = (world.database.clone(), new.clone());
        async move { matches::store_match(&database, &lease, &new).await }
    });
    let other = super::story::connect(world.place.url()).await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND wait_event_type = 'Lock'";
    until("the store waits", async || {
        other
            .query_one(waiting, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 1
    })
    .await;
    world.sql.execute(insert, &[codes[0]]).await.unwrap();
    world.sql.batch_execute("COMMIT").await.unwrap();
    let outcome = storing.await.unwrap().unwrap();
    assert!(matches!(outcome, StoreOutcome::Stored(_)), "{outcome:?}");
    until("the deadlock is counted", async || {
        deadlocks(&world).await == 1
    })
    .await;
}

fn hash(code: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    Sha256::digest(code).to_vec()
}

async fn deadlocks(world: &World) -> i64 {
    world
        .count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        .await
}
