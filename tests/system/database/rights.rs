//! What each service's database user may do, kept by the database.

use common::db::rights::{self, Process};
use common::db::{Database, DatabaseConfig};
use local_stack::programs::Programs;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::story::World;

async fn run_as(world: &World, user: &str, statement: &str) -> Result<(), SqlState> {
    let url = world.place.url_as(user);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let done = client.batch_execute(statement).await;
    done.map_err(|error| error.code().cloned().unwrap())
}

#[tokio::test]
async fn public_api_writes_no_result_and_the_verifier_accepts_no_job() {
    let world = World::new().await;
    let refused = Err(SqlState::INSUFFICIENT_PRIVILEGE);
    for (user, statement) in [
        ("public-api", "DELETE FROM sourcify_matches"),
        (
            "public-api",
            "INSERT INTO verified_contracts DEFAULT VALUES",
        ),
        (
            "public-api",
            "UPDATE verification_jobs SET verified_contract_id = 1",
        ),
        (
            "public-api",
            "UPDATE verification_jobs SET runtime_match = 'perfect'",
        ),
        ("public-api", "CREATE TABLE mine ()"),
        (
            "internal-verifier",
            "INSERT INTO verification_jobs DEFAULT VALUES",
        ),
        ("internal-verifier", "DELETE FROM verification_jobs"),
        ("internal-verifier", "DELETE FROM sourcify_matches"),
        ("internal-verifier", "UPDATE code SET code = NULL"),
        ("internal-verifier", "DROP TABLE code"),
    ] {
        assert_eq!(
            run_as(&world, user, statement).await,
            refused,
            "{user}: {statement}"
        );
    }
    for user in ["public-api", "internal-verifier"] {
        let everything = run_as(&world, user, "SELECT FROM code, verification_jobs").await;
        assert_eq!(everything, Ok(()), "{user}");
    }
}

#[tokio::test]
async fn rights_are_exactly_those_whatever_a_user_had_before() {
    let world = World::new().await;
    let owner = DatabaseConfig::new(world.place.url(), "migrate");
    let statement = "DELETE FROM verified_contracts";
    let grant = "GRANT ALL ON ALL TABLES IN SCHEMA public TO \"public-api\"";
    run_as(&world, "postgres", grant).await.unwrap();
    assert_eq!(run_as(&world, "public-api", statement).await, Ok(()));
    rights::grant(&owner, Process::PublicApi, "public-api")
        .await
        .unwrap();
    let refused = Err(SqlState::INSUFFICIENT_PRIVILEGE);
    assert_eq!(run_as(&world, "public-api", statement).await, refused);

    let nobody = rights::grant(&owner, Process::PublicApi, "nobody").await;
    let told = common::report::with_causes(&nobody.unwrap_err());
    assert!(
        told.contains("`nobody`") && told.contains("does not exist"),
        "{told}"
    );
}

/// Roles are the server's, so this one is only there for a moment, and for nobody else.
#[tokio::test]
async fn users_of_cloud_sql_leave_its_administrators() {
    let world = World::new().await;
    let owner = DatabaseConfig::new(world.place.url(), "migrate");
    let user = "new-user";
    world
        .sql
        .batch_execute(
            "CREATE ROLE cloudsqlsuperuser CREATEROLE CREATEDB;
             CREATE ROLE \"new-user\" CREATEROLE CREATEDB IN ROLE cloudsqlsuperuser",
        )
        .await
        .unwrap();
    assert!(rights::leave_administrators(&owner, user).await.unwrap());
    let powers = "SELECT count(*) FROM pg_roles WHERE rolname = 'new-user' AND (rolcreaterole OR rolcreatedb)";
    assert_eq!(world.count(powers).await, 0);
    assert!(!rights::leave_administrators(&owner, user).await.unwrap());
    world
        .sql
        .batch_execute("DROP ROLE \"new-user\"; DROP ROLE cloudsqlsuperuser")
        .await
        .unwrap();
}

#[tokio::test]
async fn migrate_gives_rights_and_refuses_what_it_cannot_read() {
    let world = World::new().await;
    let migrate = |variables: &[(&str, &str)]| {
        let program = Programs::beside_this_one()
            .unwrap()
            .find("migrate")
            .unwrap();
        let mut command = std::process::Command::new(program);
        command.env_clear().env("DATABASE_URL", world.place.url());
        command.envs(variables.iter().copied());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    assert_eq!(
        migrate(&[
            ("PUBLIC_ROLE", "public-api"),
            ("VERIFIER_ROLE", "internal-verifier")
        ]),
        (
            true,
            "nothing to apply\nrights given to public-api\nrights given to internal-verifier\n"
                .to_owned()
        )
    );
    let (done, said) = migrate(&[("DATABASE_CA", "/nonexistent/ca.pem")]);
    assert!(!done && said.contains("the file cannot be read"), "{said}");
    let (done, said) = migrate(&[("DATABASE_URL", "host=h user=u password=my hush=x dbname=d")]);
    assert!(!done && said.contains("not of the form"), "{said}");
    assert!(!said.contains("hush"), "{said}");
    let (done, said) = migrate(&[("PUBLIC_ROLE", "nobody")]);
    assert!(
        !done && said.contains("`nobody` could not be given its rights"),
        "{said}"
    );

    // The history of migrations is among what everybody may read.
    let database = Database::new(DatabaseConfig::new(
        world.place.url_as("public-api"),
        "check",
    ));
    common::db::schema::check(&database.unwrap()).await.unwrap();
}
