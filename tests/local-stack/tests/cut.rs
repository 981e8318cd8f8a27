//! What the proxy does to connections, seen from both ends.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use local_stack::cut::{Cut, Direction, Hold, Mode, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(5);
/// Nothing was heard for this long.
const QUIET: Duration = Duration::from_millis(150);

/// A target that says everything back.
async fn echo() -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                // The test sees what came of it.
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address.into()
}

async fn connect(cut: &Cut) -> TcpStream {
    TcpStream::connect(cut.address()).await.unwrap()
}

async fn hear(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut heard = vec![0; length];
    let read = stream.read_exact(&mut heard);
    timeout(LIMIT, read).await.unwrap().unwrap();
    heard
}

async fn says_back(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.unwrap();
    assert_eq!(hear(stream, text.len()).await, text);
}

async fn is_quiet(stream: &mut TcpStream) -> bool {
    timeout(QUIET, stream.read_u8()).await.is_err()
}

async fn is_reset(stream: &mut TcpStream) -> bool {
    let end = timeout(LIMIT, stream.read_u8()).await.unwrap();
    end.unwrap_err().kind() == ErrorKind::ConnectionReset
}

#[tokio::test]
async fn everything_passes_whole_both_ways_and_is_counted() {
    let cut = Cut::before(echo().await).unwrap();
    let mut stream = connect(&cut).await;
    let much: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let (mut from, mut to) = stream.split();
    let said = async {
        to.write_all(&much).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut heard = Vec::new();
    let (_, read) = tokio::join!(said, from.read_to_end(&mut heard));
    read.unwrap();
    assert!(heard == much, "what came back is what was sent");
    let report = cut.report();
    assert_eq!(report.connections, 1);
    assert_eq!(report.bytes_to_target, 1_000_000);
    assert_eq!(report.bytes_to_caller, 1_000_000);
}

#[tokio::test]
async fn the_target_may_come_later_and_may_be_a_socket_of_files() {
    let cut = Cut::start().unwrap();
    assert!(is_reset(&mut connect(&cut).await).await);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    cut.forward_to(Target::Unix(path));
    let mut stream = connect(&cut).await;
    let (mut target, _) = listener.accept().await.unwrap();
    stream.write_all(b"there").await.unwrap();
    let mut heard = [0; 5];
    target.read_exact(&mut heard).await.unwrap();
    target.write_all(b"and back").await.unwrap();
    assert_eq!(hear(&mut stream, 8).await, b"and back");
    drop(target);
    assert_eq!(stream.read(&mut heard).await.unwrap(), 0);
}

#[tokio::test]
async fn latency_is_that_of_each_direction() {
    let cut = Cut::before(echo().await).unwrap();
    let mut stream = connect(&cut).await;
    says_back(&mut stream, b"fast").await;
    cut.set(Mode::Slow {
        to_target: Duration::from_millis(100),
        to_caller: Duration::from_millis(200),
    });
    let started = Instant::now();
    says_back(&mut stream, b"slow").await;
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_shut_door_refuses_resets_what_is_open_and_opens_again() {
    let cut = Cut::before(echo().await).unwrap();
    let mut open = connect(&cut).await;
    says_back(&mut open, b"before").await;
    cut.set(Mode::Refuse);
    assert!(is_reset(&mut open).await);
    let refused = async {
        loop {
            // The door takes a moment to shut.
            if let Err(error) = TcpStream::connect(cut.address()).await {
                break error;
            }
        }
    };
    let refused = timeout(LIMIT, refused).await.unwrap();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    cut.set(Mode::Pass);
    let again = async {
        loop {
            if let Ok(stream) = TcpStream::connect(cut.address()).await {
                break stream;
            }
        }
    };
    let mut again = timeout(LIMIT, again).await.unwrap();
    says_back(&mut again, b"after").await;
    cut.cut_open();
    assert!(is_reset(&mut again).await);
    says_back(&mut connect(&cut).await, b"new").await;
}

#[tokio::test]
async fn in_a_black_hole_nothing_is_heard_and_nobody_can_connect() {
    let cut = Cut::before(echo().await).unwrap();
    let mut open = connect(&cut).await;
    says_back(&mut open, b"before").await;
    cut.set(Mode::BlackHole);
    open.write_all(b"late").await.unwrap();
    assert!(is_quiet(&mut open).await);
    assert_eq!(cut.report().bytes_to_target, 6);
    let no_answer = async {
        loop {
            let connecting = TcpStream::connect(cut.address());
            // A wall takes a moment to be built.
            match timeout(QUIET, connecting).await {
                Err(elapsed) => break elapsed,
                Ok(_in_time_yet) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(LIMIT, no_answer).await.unwrap();
    cut.set(Mode::Pass);
    assert_eq!(hear(&mut open, 4).await, b"late", "it was only delayed");
    let again = timeout(LIMIT, TcpStream::connect(cut.address())).await;
    says_back(&mut again.unwrap().unwrap(), b"after").await;
}

#[tokio::test]
async fn in_silence_a_connection_is_made_and_nothing_follows() {
    let cut = Cut::before(echo().await).unwrap();
    cut.set(Mode::Silent);
    let mut stream = connect(&cut).await;
    stream.write_all(b"hello").await.unwrap();
    assert!(is_quiet(&mut stream).await);
    cut.set(Mode::Pass);
    assert_eq!(hear(&mut stream, 5).await, b"hello");
}

#[tokio::test]
async fn a_connection_is_cut_after_so_many_bytes_once() {
    for direction in [Direction::ToTarget, Direction::ToCaller] {
        let cut = Cut::before(echo().await).unwrap();
        cut.cut_after(direction, 10);
        let mut stream = connect(&cut).await;
        says_back(&mut stream, b"seven..").await;
        stream.write_all(b"and four").await.unwrap();
        let mut heard = Vec::new();
        let end = timeout(LIMIT, stream.read_to_end(&mut heard))
            .await
            .unwrap();
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let report = cut.report();
        let passed = match direction {
            Direction::ToTarget => report.bytes_to_target,
            Direction::ToCaller => report.bytes_to_caller,
        };
        assert_eq!(passed, 10, "{direction:?}");
        says_back(&mut connect(&cut).await, b"more than ten bytes").await;
    }
}

#[tokio::test]
async fn a_text_is_held_before_the_target_hears_it() {
    let cut = Cut::before(echo().await).unwrap();
    let mut stream = connect(&cut).await;
    let held = cut.hold(Hold::before("COMMIT").skip(1)).unwrap();
    says_back(&mut stream, b"COMMIT one; ").await;
    stream.write_all(b"BEGIN; COM").await.unwrap();
    assert_eq!(hear(&mut stream, 10).await, b"BEGIN; COM");
    assert!(!held.has_happened());
    stream.write_all(b"MIT two").await.unwrap();
    held.happened(LIMIT).await.unwrap();
    assert!(is_quiet(&mut stream).await);
    says_back(&mut connect(&cut).await, b"COMMIT of others").await;
    held.let_go();
    assert_eq!(hear(&mut stream, 7).await, b"MIT two");
    says_back(&mut stream, b"COMMIT").await;

    let held = cut.hold(Hold::before("COMMIT")).unwrap();
    stream.write_all(b"before COMMIT").await.unwrap();
    held.happened(LIMIT).await.unwrap();
    assert_eq!(hear(&mut stream, 7).await, b"before ");
    held.cut();
    assert!(is_reset(&mut stream).await);
}

#[tokio::test]
async fn an_answer_is_held_after_the_target_has_heard() {
    let cut = Cut::before(echo().await).unwrap();
    let mut stream = connect(&cut).await;
    let held = cut.hold(Hold::answer_to("COMMIT")).unwrap();
    assert!(held.happened(QUIET).await.is_err(), "nobody said it yet");
    stream.write_all(b"COMMIT").await.unwrap();
    held.happened(LIMIT).await.unwrap();
    assert_eq!(cut.report().bytes_to_target, 6);
    assert!(is_quiet(&mut stream).await);
    drop(held);
    assert_eq!(hear(&mut stream, 6).await, b"COMMIT");
    let held = cut.hold(Hold::answer_to("COMMIT")).unwrap();
    stream.write_all(b"COMMIT").await.unwrap();
    held.happened(LIMIT).await.unwrap();
    held.cut();
    assert!(is_reset(&mut stream).await);
    assert!(cut.hold(Hold::before("")).is_err());
}

/// The text of a prepared statement is said once on a connection, and running it says no text at all.
#[tokio::test]
async fn a_statement_of_a_real_database_is_held_before_and_after_it_ran() {
    let server = local_stack::postgres::Postgres::shared().unwrap();
    let place = server.fresh_database().await.unwrap();
    let insert = "/* the insert */ INSERT INTO seen SELECT 1";
    let direct = session(place.url()).await;
    direct
        .batch_execute("CREATE TABLE seen (n int)")
        .await
        .unwrap();
    let count = async || {
        let row = direct.query_one("SELECT count(*) FROM seen", &[]).await;
        row.unwrap().get::<_, i64>(0)
    };
    let (cut, url) = Cut::before_database(place.url()).unwrap();
    let held = cut.hold(Hold::before_statement("the insert")).unwrap();
    let far = session(&url).await;
    let running = tokio::spawn(async move { far.execute(insert, &[]).await });
    held.happened(LIMIT).await.unwrap();
    assert_eq!(count().await, 0);
    held.let_go();
    assert_eq!(running.await.unwrap().unwrap(), 1);

    let held = cut.hold(Hold::answer_to_statement("the insert")).unwrap();
    let far = session(&url).await;
    let running = tokio::spawn(async move { far.execute(insert, &[]).await });
    held.happened(LIMIT).await.unwrap();
    let started = Instant::now();
    while count().await < 2 {
        assert!(started.elapsed() < LIMIT, "it is run");
    }
    assert!(!running.is_finished());
    held.cut();
    assert!(running.await.unwrap().is_err());
}

async fn session(url: &str) -> tokio_postgres::Client {
    let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
    let (client, connection) = connected.unwrap();
    tokio::spawn(connection);
    client
}
