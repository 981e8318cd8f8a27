//! A broken way to the database is a fault in time, and never a false answer.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::db::jobs::{self, Acceptance, Progress};
use common::db::matches::{self, StoreOutcome};
use common::db::{Database, DatabaseConfig, DatabaseError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use verification::verdict::MatchStatus::ExactMatch;

use super::story::{Contract, LONG, World, failure, new_job, new_match};

/// What happens on the way, to one connection and once, but for the black hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    CutBeforeCommit,
    /// The server commits, and we never hear of it.
    CutAfterCommit,
    /// Everything is taken and nothing comes back.
    BlackHole,
}

/// A socket between us and the server, beside the real one.
struct Way {
    folder: PathBuf,
    fault: Arc<Mutex<Fault>>,
    database: Database,
}

impl Way {
    fn to(world: &World) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sourcerun-way-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let settings: Config = world.place.url().parse().unwrap();
        let fault = Arc::new(Mutex::new(Fault::None));
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
        tokio::spawn(listen(listener, settings.clone(), fault.clone()));
        let password = settings.get_password().unwrap_or_default();
        let url = format!(
            "host={} user={} password='{}' dbname={}",
            folder.display(),
            settings.get_user().unwrap(),
            String::from_utf8_lossy(password),
            settings.get_dbname().unwrap()
        );
        let database = Database::new(DatabaseConfig {
            pool_size: 1,
            statement_timeout: Duration::from_millis(500),
            ..DatabaseConfig::new(url, "faulty")
        });
        Self {
            folder,
            fault,
            database: database.unwrap(),
        }
    }

    fn break_with(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn is_whole(&self) -> bool {
        *self.fault.lock().unwrap() == Fault::None
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(settings: &Config) -> Box<dyn Stream> {
    let port = settings.get_ports().first().copied().unwrap_or(5432);
    match &settings.get_hosts()[0] {
        Host::Unix(folder) => {
            let socket = folder.join(format!(".s.PGSQL.{port}"));
            Box::new(UnixStream::connect(socket).await.unwrap())
        }
        Host::Tcp(host) => Box::new(TcpStream::connect((host.as_str(), port)).await.unwrap()),
    }
}

async fn listen(listener: UnixListener, settings: Config, fault: Arc<Mutex<Fault>>) {
    while let Ok((client, _)) = listener.accept().await {
        let server = connect(&settings).await;
        let fault = fault.clone();
        tokio::spawn(async move {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = tokio::io::split(server);
            let is_committing = Arc::new(AtomicBool::new(false));
            let (answered, committing) = (fault.clone(), is_committing.clone());
            let answers = tokio::spawn(async move {
                let mut bytes = vec![0; 65536];
                while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
                    let is_swallowed = match *answered.lock().unwrap() {
                        Fault::None | Fault::CutBeforeCommit => false,
                        // Statements before the commit need their answers.
                        Fault::CutAfterCommit => committing.load(Ordering::SeqCst),
                        Fault::BlackHole => true,
                    };
                    if !is_swallowed && to_client.write_all(&bytes[..length]).await.is_err() {
                        break;
                    }
                }
            });
            let mut bytes = vec![0; 65536];
            while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
                let is_commit = bytes[..length].windows(6).any(|word| word == b"COMMIT");
                let now = *fault.lock().unwrap();
                match (now, is_commit) {
                    (Fault::CutBeforeCommit, true) => break,
                    (Fault::CutAfterCommit, true) => {
                        is_committing.store(true, Ordering::SeqCst);
                        to_server.write_all(&bytes[..length]).await.unwrap();
                        // The server ends when it has read that nothing more comes.
                        to_server.shutdown().await.unwrap();
                        answers.await.unwrap();
                        *fault.lock().unwrap() = Fault::None;
                        return;
                    }
                    _ => to_server.write_all(&bytes[..length]).await.unwrap(),
                }
            }
            *fault.lock().unwrap() = Fault::None;
            answers.abort();
        });
    }
}

#[tokio::test]
async fn a_job_whose_commit_was_lost_on_the_way_back_is_accepted() {
    let world = World::new().await;
    let way = Way::to(&world);
    let job = new_job(Contract(1));
    way.database.ping().await.unwrap();
    way.break_with(Fault::CutAfterCommit);
    let answer = jobs::accept(&way.database, &job).await.unwrap();
    assert!(way.is_whole(), "the fault happened");
    assert_eq!(answer, Acceptance::Accepted);
    assert!(matches!(
        world.job(job.id).await.progress,
        Progress::Pending
    ));
}

#[tokio::test]
async fn a_job_whose_commit_never_arrived_is_no_job() {
    let world = World::new().await;
    let way = Way::to(&world);
    let job = new_job(Contract(1));
    way.break_with(Fault::CutBeforeCommit);
    let fault = jobs::accept(&way.database, &job).await.unwrap_err();
    assert!(
        matches!(fault, DatabaseError::CommitUnknown { .. }),
        "{fault:?}"
    );
    assert!(fault.is_unavailable());
    assert!(
        jobs::find_job(&world.database, job.id)
            .await
            .unwrap()
            .is_none()
    );
    let again = jobs::accept(&way.database, &job).await.unwrap();
    assert_eq!(again, Acceptance::Accepted);
}

#[tokio::test]
async fn a_match_is_stored_once_whichever_way_its_commit_was_lost() {
    let world = World::new().await;
    let way = Way::to(&world);
    for (number, fault) in [(1, Fault::CutBeforeCommit), (2, Fault::CutAfterCommit)] {
        let lease = world.leased(Contract(number)).await;
        way.break_with(fault);
        let new = new_match(Some(ExactMatch), Some(ExactMatch));
        let outcome = matches::store_match(&way.database, &lease, &new)
            .await
            .unwrap();
        assert!(way.is_whole(), "the fault happened");
        assert!(
            matches!(outcome, StoreOutcome::Stored(_)),
            "{fault:?}: {outcome:?}"
        );
        assert!(world.job(lease.job()).await.is_ended());

        // And what was stored already is recognised by the same error id.
        let mut worse = new.clone();
        worse.creation_match = None;
        let elsewhere = world.database.clone();
        world
            .sql
            .batch_execute("UPDATE sourcify_matches SET creation_match = 'partial'")
            .await
            .unwrap();
        let lease = world.leased(Contract(number)).await;
        way.break_with(fault);
        let outcome = matches::store_match(&way.database, &lease, &worse)
            .await
            .unwrap();
        assert!(
            matches!(outcome, StoreOutcome::AlreadyVerified { .. }),
            "{fault:?}: {outcome:?}"
        );
        let ended = jobs::find_job(&elsewhere, lease.job())
            .await
            .unwrap()
            .unwrap();
        assert!(ended.is_ended());
    }
    assert_eq!(
        world.count("SELECT count(*) FROM verified_contracts").await,
        2
    );
}

#[tokio::test]
async fn a_failure_is_written_once_whichever_way_its_commit_was_lost() {
    let world = World::new().await;
    let way = Way::to(&world);
    for (number, fault) in [(1, Fault::CutBeforeCommit), (2, Fault::CutAfterCommit)] {
        let lease = world.leased(Contract(number)).await;
        way.break_with(fault);
        let is_ours = jobs::fail(&way.database, &lease, &failure("no_match"))
            .await
            .unwrap();
        assert!(is_ours && way.is_whole(), "{fault:?}");
        assert_eq!(world.failed_with(lease.job()).await, "no_match");
    }
}

#[tokio::test]
async fn silence_is_a_fault_in_time_and_its_connection_is_not_used_again() {
    let world = World::new().await;
    let way = Way::to(&world);
    let lease = world.leased(Contract(1)).await;
    assert!(jobs::heartbeat(&way.database, &lease, LONG).await.unwrap());
    way.break_with(Fault::BlackHole);
    let asked = tokio::time::Instant::now();
    let fault = jobs::heartbeat(&way.database, &lease, LONG)
        .await
        .unwrap_err();
    assert!(matches!(fault, DatabaseError::NoAnswer { .. }), "{fault:?}");
    assert!(fault.is_unavailable());
    assert!(asked.elapsed() < Duration::from_secs(5));
    way.break_with(Fault::None);
    assert!(jobs::heartbeat(&way.database, &lease, LONG).await.unwrap());
}

/// Who asked may be cancelled: a client goes away, a deadline comes. The pool has one connection.
#[tokio::test]
async fn a_question_that_nobody_waits_for_does_not_delay_the_next() {
    let world = World::new().await;
    let way = Way::to(&world);
    let lease = world.leased(Contract(1)).await;
    way.database.ping().await.unwrap();
    way.break_with(Fault::BlackHole);
    let asked = jobs::heartbeat(&way.database, &lease, LONG);
    let cancelled = tokio::time::timeout(Duration::from_millis(50), asked).await;
    assert!(cancelled.is_err());
    way.break_with(Fault::None);
    assert!(jobs::heartbeat(&way.database, &lease, LONG).await.unwrap());
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    let world = World::new().await;
    world.database.ping().await.unwrap();
    let close = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(world.count(close).await >= 1);
    super::story::until("the pool has a new connection", async || {
        world.database.ping().await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_pool_that_is_used_up_says_so_in_time() {
    let world = World::new().await;
    let config = DatabaseConfig {
        pool_size: 1,
        ..DatabaseConfig::new(world.place.url(), "small")
    };
    let database = Database::new(config).unwrap();
    let held = database.connection().await.unwrap();
    let fault = database.ping().await.unwrap_err();
    assert!(matches!(fault, DatabaseError::Connect { .. }) && fault.is_unavailable());
    drop(held);
    database.ping().await.unwrap();
}

#[tokio::test]
async fn a_long_statement_is_ended_by_the_server() {
    let world = World::new().await;
    let config = DatabaseConfig {
        statement_timeout: Duration::from_millis(200),
        ..DatabaseConfig::new(world.place.url(), "hurried")
    };
    let hurried = Database::new(config).unwrap();
    let job = world.accepted(Contract(1)).await;
    world
        .sql
        .batch_execute("BEGIN; LOCK TABLE verification_jobs")
        .await
        .unwrap();
    let fault = jobs::find_job(&hurried, job).await.unwrap_err();
    assert!(
        matches!(fault, DatabaseError::Statement { .. }),
        "{fault:?}"
    );
    assert!(fault.is_unavailable() && !fault.is_repeatable());
    world.sql.batch_execute("ROLLBACK").await.unwrap();
    assert!(jobs::find_job(&hurried, job).await.unwrap().is_some());
}

#[tokio::test]
async fn a_connection_tells_its_name_and_no_log_its_password() {
    let world = World::new().await;
    world.database.ping().await.unwrap();
    let names = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'system-tests' \
                 AND datname = current_database() AND state = 'idle'";
    assert_eq!(world.count(names).await, 1);
    assert!(Database::new(DatabaseConfig::new("postgres://h:port/d", "x")).is_err());
    let printed = format!("{:?}", DatabaseConfig::new("postgres://u:secret@h/d", "x"));
    assert!(!printed.contains("secret"), "{printed}");
}
