//! The server of the tests leaves nothing behind, and databases are each test's own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use local_stack::postgres::Postgres;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::story::{World, connect, until};

#[tokio::test]
async fn each_test_has_a_database_of_its_own_that_goes_with_it() {
    let (one, other) = (World::new().await, World::new().await);
    one.sql
        .batch_execute("CREATE TABLE only_here ()")
        .await
        .unwrap();
    let there = other.count("SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'");
    assert_eq!(there.await, 0);
    let settings: tokio_postgres::Config = one.place.url().parse().unwrap();
    let name = settings.get_dbname().unwrap().to_owned();
    drop(one);
    let left = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(other.count(&left).await, 0);
}

#[tokio::test]
async fn a_killed_test_run_leaves_no_server_and_no_data() {
    let mut run = Run::of("wait-for-ever").await;
    assert!(run.folder.join("data").is_dir());
    run.process.start_kill().unwrap();
    run.process.wait().await.unwrap();
    until("the server ends", async || !is_running(run.server)).await;
    until("the data are removed", async || !run.folder.exists()).await;
}

#[tokio::test]
async fn a_failed_test_keeps_its_data_and_stops_its_server() {
    let mut run = Run::of("fail-when-asked").await;
    drop(run.process.stdin.take());
    let status = run.process.wait().await.unwrap();
    assert!(!status.success());
    until("the server ends", async || !is_running(run.server)).await;
    assert!(run.folder.join("data").is_dir());
    std::fs::remove_dir_all(&run.folder).unwrap();
}

#[tokio::test]
async fn a_durable_server_that_is_killed_keeps_what_was_committed() {
    let postgres = Postgres::start_durable().unwrap();
    let database = postgres.fresh_database().await.unwrap();
    let client = connect(database.url()).await;
    client
        .batch_execute("CREATE TABLE kept (number int)")
        .await
        .unwrap();
    for (number, end) in (1_i64..).zip(["crash", "restart", "crash"]) {
        let client = connect(database.url()).await;
        client
            .batch_execute("INSERT INTO kept VALUES (1)")
            .await
            .unwrap();
        client
            .batch_execute("BEGIN; INSERT INTO kept VALUES (2)")
            .await
            .unwrap();
        match end {
            "crash" => postgres.crash(Duration::ZERO).await.unwrap(),
            _ => postgres.restart(Duration::ZERO).await.unwrap(),
        }
        assert!(client.batch_execute("COMMIT").await.is_err());
        let client = connect(database.url()).await;
        let row = client.query_one("SELECT count(*), max(number) FROM kept", &[]);
        let row = row.await.unwrap();
        assert_eq!((row.get(0), row.get(1)), (number, 1_i32), "{end}");
    }
}

/// Not from this thread alone: it ends with its test, and the server must not.
#[tokio::test]
async fn a_server_outlives_the_thread_that_asked_for_it() {
    let postgres = std::thread::spawn(|| Postgres::start().unwrap())
        .join()
        .unwrap();
    let database = postgres.fresh_database().await.unwrap();
    connect(database.url())
        .await
        .batch_execute("SELECT 1")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_folder_keeps_its_databases_until_the_next_start() {
    let folder = std::env::temp_dir().join(format!("sourcerun-kept-{}", std::process::id()));
    for start in 0..2_u8 {
        let postgres = Postgres::start_in(&folder).unwrap();
        let refused = Postgres::start_in(&folder).unwrap_err();
        assert!(format!("{refused:#}").contains("in use"), "{refused:#}");
        let url = postgres.named_database("demo").await.unwrap();
        let sql = connect(&url).await;
        let insert = "INSERT INTO code (code_hash, code_hash_keccak, code) \
                      VALUES (sha256($1), sha256($1), $1)";
        sql.execute(insert, &[&vec![start]]).await.unwrap();
        let rows: i64 = sql
            .query_one("SELECT count(*) FROM code", &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(rows, i64::from(start) + 1);
        assert!(postgres.named_database("Demo; DROP").await.is_err());
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A run of tests as a process of its own, which tells its folder.
struct Run {
    process: Child,
    folder: PathBuf,
    server: u32,
}

impl Run {
    async fn of(name: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
            .arg(name)
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let told = async {
            loop {
                let line = lines
                    .next_line()
                    .await
                    .unwrap()
                    .expect("the run tells its folder");
                if let Some((_, folder)) = line.split_once("folder: ") {
                    return PathBuf::from(folder);
                }
            }
        };
        let folder = tokio::time::timeout(Duration::from_secs(20), told)
            .await
            .unwrap();
        let status = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
        let server = status.lines().next().unwrap().parse().unwrap();
        assert!(is_running(server));
        Self {
            process,
            folder,
            server,
        }
    }
}

/// A dead process that nobody has waited for has no working directory.
fn is_running(process: u32) -> bool {
    Path::new(&format!("/proc/{process}/cwd"))
        .read_link()
        .is_ok()
}
