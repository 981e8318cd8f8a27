//! A result is stored whole, under the live lease, and only if it is better.

use common::db::jobs::{self, Lease, Progress};
use common::db::matches::{self, NewMatch, StoreOutcome, StoredMatch};
use serde_json::json;
use verification::verdict::MatchLevels;
use verification::verdict::MatchStatus::{self, ExactMatch, Match};

use super::story::{Contract, LONG, World, new_match};

type Levels = (Option<MatchStatus>, Option<MatchStatus>);

const EVERYWHERE: [&str; 9] = [
    "code",
    "contracts",
    "contract_deployments",
    "compiled_contracts",
    "sources",
    "compiled_contracts_sources",
    "signatures",
    "verified_contracts",
    "sourcify_matches",
];

#[tokio::test]
async fn a_first_match_is_stored_whole_and_ends_its_job() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let stored = stored(&world, &lease, &new_match(Some(Match), Some(ExactMatch))).await;

    let Progress::Succeeded {
        compilation_time_ms,
        levels,
        match_id,
        finished_at,
        verified_at,
    } = world.job(lease.job()).await.progress
    else {
        panic!("the job did not succeed");
    };
    assert_eq!(compilation_time_ms, Some(1333));
    assert_eq!(
        (levels.creation, levels.runtime),
        (Some(Match), Some(ExactMatch))
    );
    assert_eq!(levels.best(), Some(ExactMatch));
    assert_eq!(match_id, stored.match_id);
    assert_eq!(finished_at, verified_at, "one transaction has one time");
    assert_eq!(rows(&world).await, [3, 1, 1, 1, 2, 3, 2, 1, 1]);
    assert_eq!(count(&world, "compiled_contracts_signatures").await, 3);
    assert_eq!(count(&world, "verification_job_inputs").await, 0);
    assert_eq!(count(&world, "verification_jobs_ephemeral").await, 0);
}

/// Better is one side strictly better and the other not worse.
#[tokio::test]
async fn only_what_is_better_replaces_a_match() {
    let world = World::new().await;
    let cases: [(Levels, Levels, bool); 8] = [
        ((None, Some(Match)), (None, Some(Match)), false),
        ((None, Some(Match)), (None, Some(ExactMatch)), true),
        ((None, Some(Match)), (Some(Match), Some(Match)), true),
        ((None, Some(ExactMatch)), (None, Some(Match)), false),
        (
            (None, Some(ExactMatch)),
            (Some(ExactMatch), Some(Match)),
            false,
        ),
        ((None, Some(Match)), (Some(ExactMatch), None), false),
        (
            (Some(Match), Some(Match)),
            (Some(ExactMatch), Some(ExactMatch)),
            true,
        ),
        ((Some(Match), None), (Some(Match), Some(Match)), true),
    ];
    for (number, (first, second, is_better)) in (1..).zip(cases) {
        let lease = world.leased(Contract(number)).await;
        let before = stored(&world, &lease, &new_match(first.0, first.1)).await;
        let lease = world.leased(Contract(number)).await;
        let outcome = store(&world, &lease, &new_match(second.0, second.1)).await;
        let what = format!("{second:?} after {first:?}");
        if is_better {
            let StoreOutcome::Stored(after) = outcome else {
                panic!("{what}: {outcome:?}");
            };
            assert_eq!(after.match_id, before.match_id, "{what}");
        } else {
            assert!(
                matches!(outcome, StoreOutcome::AlreadyVerified { .. }),
                "{what}"
            );
            assert_eq!(world.failed_with(lease.job()).await, "already_verified");
        }
    }
}

#[tokio::test]
async fn a_better_match_keeps_its_id_and_its_date() {
    let world = World::new().await;
    let dates = "SELECT created_at::text, updated_at > created_at FROM sourcify_matches";
    let lease = world.leased(Contract(1)).await;
    let first = stored(&world, &lease, &new_match(None, Some(Match))).await;
    let first_job = lease.job();
    let before: String = world.sql.query_one(dates, &[]).await.unwrap().get(0);

    let lease = world.leased(Contract(1)).await;
    let mut better = new_match(Some(ExactMatch), Some(ExactMatch));
    better.compilation.creation_code = vec![0x60, 7];
    let second = stored(&world, &lease, &better).await;

    let row = world.sql.query_one(dates, &[]).await.unwrap();
    assert_eq!((row.get::<_, String>(0), row.get(1)), (before, true));
    assert_eq!(second.match_id, first.match_id);
    assert_ne!(second.verified_contract_id, first.verified_contract_id);
    assert_eq!(
        count(&world, "verified_contracts").await,
        2,
        "the older one stays"
    );
    let Progress::Succeeded {
        levels, match_id, ..
    } = world.job(first_job).await.progress
    else {
        panic!("the first job succeeded");
    };
    let first_levels = MatchLevels {
        creation: None,
        runtime: Some(Match),
    };
    assert_eq!((levels, match_id), (first_levels, first.match_id));
}

#[tokio::test]
async fn the_same_pair_gets_better_in_its_place() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let first = stored(&world, &lease, &new_match(None, Some(Match))).await;
    let first_job = lease.job();
    let lease = world.leased(Contract(1)).await;
    let second = stored(&world, &lease, &new_match(Some(Match), Some(ExactMatch))).await;
    assert_eq!(first, second);
    let Progress::Succeeded { levels, .. } = world.job(first_job).await.progress else {
        panic!("the first job succeeded");
    };
    let found = MatchLevels {
        creation: None,
        runtime: Some(Match),
    };
    assert_eq!(levels, found, "a job tells what it found itself");
    assert_eq!(rows(&world).await, [3, 1, 1, 1, 2, 3, 2, 1, 1]);
}

#[tokio::test]
async fn a_useless_repeat_stores_nothing_but_its_failure() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    stored(&world, &lease, &new_match(Some(Match), Some(Match))).await;
    let before = rows(&world).await;
    let lease = world.leased(Contract(1)).await;
    let mut repeat = new_match(Some(Match), None);
    repeat.compilation.runtime_code = vec![1; 100];
    repeat
        .compilation
        .sources
        .insert("new".into(), "new".into());
    let StoreOutcome::AlreadyVerified { error_id } = store(&world, &lease, &repeat).await else {
        panic!("nothing better");
    };
    assert_eq!(rows(&world).await, before);
    let Progress::Failed {
        error_id: told,
        evidence,
        ..
    } = world.job(lease.job()).await.progress
    else {
        panic!("a useless repeat is a failure");
    };
    assert_eq!(told, error_id);
    assert_eq!(evidence.recompiled_runtime_code, Some(vec![1; 100]));
    assert_eq!(count(&world, "verification_job_inputs").await, 0);
}

#[tokio::test]
async fn contracts_share_what_is_equal() {
    let world = World::new().await;
    for number in 1..=3 {
        let lease = world.leased(Contract(number)).await;
        stored(&world, &lease, &new_match(Some(Match), Some(ExactMatch))).await;
    }
    assert_eq!(rows(&world).await, [3, 1, 3, 1, 2, 3, 2, 3, 3]);
}

/// Unknown is one value here: with distinct NULLs each verification would add a contract.
#[tokio::test]
async fn unknown_creation_code_is_the_same_unknown_each_time() {
    let world = World::new().await;
    for (number, runtime) in [(1, Match), (1, ExactMatch), (2, Match)] {
        let lease = world.leased(Contract(number)).await;
        let mut new = new_match(None, Some(runtime));
        new.deployment.onchain_creation_code = None;
        new.deployment.creation_transaction = None;
        stored(&world, &lease, &new).await;
    }
    assert_eq!(rows(&world).await, [2, 1, 2, 1, 2, 3, 2, 2, 2]);
}

/// Code without a metadata hash is the same for many sets of sources.
#[tokio::test]
async fn the_first_sources_of_a_compilation_stay() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    stored(&world, &lease, &new_match(None, Some(Match))).await;
    let lease = world.leased(Contract(2)).await;
    let mut other = new_match(None, Some(Match));
    other.compilation.sources = [("other.sol".to_owned(), "other".to_owned())].into();
    other.compilation.settings = json!({"other": true});
    other.compilation.signatures.clear();
    stored(&world, &lease, &other).await;
    assert_eq!(rows(&world).await, [3, 1, 2, 1, 2, 3, 2, 2, 2]);
}

#[tokio::test]
async fn a_refused_document_leaves_nothing_and_the_lease_is_still_ours() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let mut bad = new_match(Some(Match), Some(Match));
    if let Some(side) = &mut bad.runtime_match {
        side.transformations = json!([{"reason": "bogus"}]);
    }
    let mut no_side = new_match(None, None);
    no_side.metadata = None;
    let mut no_json = new_match(Some(Match), None);
    no_json.metadata = Some("{".to_owned());
    let mut nul = new_match(Some(Match), None);
    nul.compilation.sources.insert("nul".into(), "\0".into());
    for new in [bad, no_side, no_json, nul] {
        let refused = matches::store_match(&world.database, &lease, &new)
            .await
            .unwrap_err();
        assert!(
            !refused.is_unavailable() && !refused.is_repeatable(),
            "{refused:?}"
        );
        assert_eq!(rows(&world).await, [0; 9]);
    }
    assert!(
        jobs::heartbeat(&world.database, &lease, LONG)
            .await
            .unwrap()
    );
    stored(&world, &lease, &new_match(Some(Match), None)).await;
}

#[tokio::test]
async fn a_match_without_lists_and_one_with_long_ones_are_stored() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let mut bare = new_match(None, Some(Match));
    bare.compilation.sources.clear();
    bare.compilation.signatures.clear();
    bare.compilation.creation_code.clear();
    bare.metadata = None;
    stored(&world, &lease, &bare).await;

    let lease = world.leased(Contract(2)).await;
    let mut long = new_match(Some(ExactMatch), Some(ExactMatch));
    long.compilation.runtime_code = vec![0xfe; 200_000];
    long.deployment.onchain_runtime_code = vec![0xfd; 200_000];
    for number in 0..1000 {
        let content = format!("// {number}\n").repeat(1000);
        long.compilation
            .sources
            .insert(format!("{number}.sol"), content);
        long.compilation.signatures.push(super::story::signature(
            verification::signatures::SignatureKind::Function,
            &format!("f{number}()"),
        ));
    }
    stored(&world, &lease, &long).await;
    assert_eq!(count(&world, "compiled_contracts_sources").await, 1003);
    assert_eq!(count(&world, "compiled_contracts_signatures").await, 1003);
}

async fn store(world: &World, lease: &Lease, new: &NewMatch) -> StoreOutcome {
    matches::store_match(&world.database, lease, new)
        .await
        .unwrap()
}

async fn stored(world: &World, lease: &Lease, new: &NewMatch) -> StoredMatch {
    match store(world, lease, new).await {
        StoreOutcome::Stored(stored) => stored,
        other => panic!("not stored: {other:?}"),
    }
}

async fn count(world: &World, table: &str) -> i64 {
    world.count(&format!("SELECT count(*) FROM {table}")).await
}

async fn rows(world: &World) -> [i64; 9] {
    let mut rows = [0; 9];
    for (rows, table) in rows.iter_mut().zip(EVERYWHERE) {
        *rows = count(world, table).await;
    }
    rows
}
