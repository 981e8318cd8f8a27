//! A program and a schema know each other, or don't work together.

use common::db::schema::{self, SchemaError};
use common::db::{Database, DatabaseConfig};
use local_stack::postgres::Postgres;

use super::story::{World, connect};

#[tokio::test]
async fn the_schema_of_the_migrations_is_accepted_and_migrating_again_does_nothing() {
    let world = World::new().await;
    schema::check(&world.database).await.unwrap();
    let config = DatabaseConfig::new(world.place.url(), "migrate");
    assert_eq!(schema::migrate(&config, None).await.unwrap(), []);
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/migrations"));
    assert_eq!(schema::migrate(&config, Some(folder)).await.unwrap(), []);
    schema::check(&world.database).await.unwrap();
}

#[tokio::test]
async fn a_schema_that_lacks_a_migration_is_refused() {
    let world = World::new().await;
    let last = "DELETE FROM refinery_schema_history \
                WHERE version = (SELECT max(version) FROM refinery_schema_history)";
    world.sql.batch_execute(last).await.unwrap();
    let refusal = schema::check(&world.database).await.unwrap_err();
    assert!(matches!(refusal, SchemaError::Missing { .. }));
    assert!(refusal.to_string().contains("run `migrate`"), "{refusal}");
}

#[tokio::test]
async fn a_schema_that_was_migrated_for_a_newer_program_is_taken() {
    let world = World::new().await;
    let future = "INSERT INTO refinery_schema_history VALUES (9999, 'future', '', '1')";
    world.sql.batch_execute(future).await.unwrap();
    schema::check(&world.database).await.unwrap();
}

#[tokio::test]
async fn a_schema_of_another_line_is_refused() {
    let world = World::new().await;
    let other = "INSERT INTO refinery_schema_history VALUES (0, 'other', '', '1')";
    world.sql.batch_execute(other).await.unwrap();
    let refusal = schema::check(&world.database).await.unwrap_err();
    assert!(matches!(refusal, SchemaError::Unknown { .. }));
    assert!(refusal.to_string().contains("V0__other"), "{refusal}");
}

#[tokio::test]
async fn a_schema_with_another_text_or_name_of_a_migration_is_refused() {
    for change in ["checksum = '1'", "name = 'other'"] {
        let world = World::new().await;
        let change = format!("UPDATE refinery_schema_history SET {change} WHERE version = 2");
        world.sql.batch_execute(&change).await.unwrap();
        let refusal = schema::check(&world.database).await.unwrap_err();
        assert!(matches!(refusal, SchemaError::Differs { .. }), "{refusal}");
        let config = DatabaseConfig::new(world.place.url(), "migrate");
        assert!(schema::migrate(&config, None).await.is_err());
    }
}

#[tokio::test]
async fn a_database_without_a_schema_is_refused() {
    let world = World::new().await;
    world
        .sql
        .batch_execute("DROP TABLE refinery_schema_history")
        .await
        .unwrap();
    let refusal = schema::check(&world.database).await.unwrap_err();
    assert!(matches!(refusal, SchemaError::Empty), "{refusal}");
}

#[tokio::test]
async fn a_database_that_is_away_is_a_fault_and_no_judgement() {
    let nowhere = DatabaseConfig::new("postgres://x@127.0.0.1:1/x", "test");
    let database = Database::new(nowhere.clone()).unwrap();
    let fault = schema::check(&database).await.unwrap_err();
    assert!(matches!(&fault, SchemaError::Fault { source } if source.is_unavailable()));
    assert!(schema::migrate(&nowhere, None).await.is_err());
}

#[tokio::test]
async fn two_migrations_at_once_apply_each_once() {
    let world = World::new().await;
    let url = empty_database(&world).await;
    let config = DatabaseConfig::new(&url, "migrate");
    let (one, other) = tokio::join!(
        schema::migrate(&config, None),
        schema::migrate(&config, None)
    );
    let applied = [one.unwrap().len(), other.unwrap().len()];
    let all = schema::embedded_migrations().len();
    assert!(applied == [all, 0] || applied == [0, all], "{applied:?}");
    schema::check(&Database::new(config).unwrap())
        .await
        .unwrap();
    drop_empty(&world).await;
}

/// One transaction for all of them: a failing migration leaves the database as it was.
#[tokio::test]
async fn a_failing_migration_leaves_nothing_of_the_others() {
    let world = World::new().await;
    let url = empty_database(&world).await;
    let sql = connect(&url).await;
    // The last migration will find its table taken.
    sql.batch_execute("CREATE TABLE proxy_resolutions ()")
        .await
        .unwrap();
    let config = DatabaseConfig::new(&url, "migrate");
    let fault = schema::migrate(&config, None).await.unwrap_err();
    assert!(fault.to_string().contains("as before"), "{fault}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' \
                  AND tablename <> 'refinery_schema_history'";
    let left: i64 = sql.query_one(tables, &[]).await.unwrap().get(0);
    assert_eq!(left, 1);
    drop(sql);
    drop_empty(&world).await;
}

/// A dump is restored with an empty search path: nothing of the schema may lean on one.
#[tokio::test]
async fn the_schema_works_without_a_search_path() {
    let world = World::new().await;
    let empty_path = format!("{}?options=-csearch_path%3D", world.place.url());
    let config = DatabaseConfig::new(empty_path, "test");
    let database = Database::new(config).unwrap();
    let world = World { database, ..world };
    let lease = world.leased(super::story::Contract(1)).await;
    let exact = Some(verification::verdict::MatchStatus::ExactMatch);
    let new = super::story::new_match(exact, exact);
    common::db::matches::store_match(&world.database, &lease, &new)
        .await
        .unwrap();
}

/// The shared template cannot be empty, so this is a database by name, without any migration.
async fn empty_database(world: &World) -> String {
    let name = format!("{}_empty", name_of(world));
    let postgres = Postgres::shared().unwrap();
    let url = postgres.named_database(&name).await.unwrap();
    let sql = connect(&url).await;
    sql.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .await
        .unwrap();
    url
}

async fn drop_empty(world: &World) {
    let drop = format!("DROP DATABASE {}_empty WITH (FORCE)", name_of(world));
    world.sql.batch_execute(&drop).await.unwrap();
}

fn name_of(world: &World) -> String {
    let settings: tokio_postgres::Config = world.place.url().parse().unwrap();
    settings.get_dbname().unwrap().to_owned()
}
