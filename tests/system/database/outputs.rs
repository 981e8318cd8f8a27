//! Outputs of compilers are found by their key, and forgotten when nobody asks for them.

use std::time::Duration;

use common::db::outputs::{find_output, purge_outputs, store_output};

use super::story::World;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn an_output_is_found_by_its_key_and_a_new_one_replaces_it() {
    let world = World::new().await;
    let (key, other) = ([1; 32], [2; 32]);
    assert_eq!(find_output(&world.database, &key).await.unwrap(), None);
    store_output(&world.database, &key, b"first").await.unwrap();
    store_output(&world.database, &key, b"second")
        .await
        .unwrap();
    let found = find_output(&world.database, &key).await.unwrap();
    assert_eq!(found.as_deref(), Some(b"second".as_slice()));
    assert_eq!(find_output(&world.database, &other).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_used_is_kept_and_the_rest_is_purged() {
    let world = World::new().await;
    let (used, unused) = ([1; 32], [2; 32]);
    for key in [used, unused] {
        store_output(&world.database, &key, b"{}").await.unwrap();
    }
    let age = "UPDATE compiler_outputs SET used_at = now() - interval '8 days'";
    world.sql.execute(age, &[]).await.unwrap();
    find_output(&world.database, &used).await.unwrap().unwrap();
    let purged = purge_outputs(&world.database, 7 * DAY).await.unwrap();
    assert_eq!(purged, 1);
    assert!(find_output(&world.database, &used).await.unwrap().is_some());
    assert!(
        find_output(&world.database, &unused)
            .await
            .unwrap()
            .is_none()
    );
}
