//! Child processes of a few words of shell: started, listened to, frozen, stopped.

use std::time::{Duration, Instant};

use anyhow::Result;
use local_stack::process::{Ended, Process, ProcessSpec};
use serde_json::Value;

const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A program in a few words of shell, with a folder for its log.
async fn start(script: &str) -> Result<(Process, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let process = Process::start(ProcessSpec {
        name: "script".to_owned(),
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: vec![("GREETING".to_owned(), "hello".to_owned())],
        log: folder.path().join("script.log"),
    })
    .await?;
    Ok((process, folder))
}

const LISTENING: &str = r#"echo '{"event":"listening","address":"127.0.0.1:4321"}'; "#;

fn exists(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    // A zombie has ended; whoever adopted it may be slow to wait for it.
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_service_says_where_it_listens_and_has_only_its_own_environment() {
    let script = r#"echo "{\"greeting\":\"$GREETING\",\"home\":\"$HOME\"}"; echo plain >&2; "#;
    let (process, _folder) = start(&format!("{script}{LISTENING} exec sleep 60"))
        .await
        .unwrap();
    assert_eq!(process.address().to_string(), "127.0.0.1:4321");
    assert_eq!(
        process.lines()[0],
        serde_json::json!({"greeting": "hello", "home": ""})
    );
    let log = std::fs::read_to_string(process.log()).unwrap();
    assert!(log.contains("plain") && log.contains("listening"), "{log}");
    assert!(process.usage().unwrap().resident_bytes > 0);
}

#[tokio::test]
async fn a_service_that_ends_at_once_is_an_error_with_its_last_words() {
    let error = start("echo 'no such setting' >&2; exit 3")
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("exit status: 3"), "{text}");
    assert!(text.contains("no such setting"), "{text}");
    let error = start(r#"echo '{"event":"listening","address":"x"}'; sleep 60"#).await;
    assert!(error.unwrap_err().to_string().contains("listens on \"x\""));
}

#[tokio::test]
async fn stopping_is_gentle_first() {
    let gentle = format!("trap 'exit 0' TERM; {LISTENING} while :; do sleep 0.01; done");
    let (process, _folder) = start(&gentle).await.unwrap();
    let ended = process.stop().await.unwrap();
    let Ended::Itself { status, after } = ended else {
        panic!("{ended:?}");
    };
    assert!(
        status.success() && after < Duration::from_secs(5),
        "{ended:?}"
    );
    assert!(process.signal(libc::SIGTERM).is_err());
}

#[tokio::test]
async fn nothing_of_the_group_is_left_behind() {
    let script = format!("sleep 61 & echo \"\\\"$!\\\"\"; {LISTENING} trap '' TERM; wait");
    let (process, _folder) = start(&script).await.unwrap();
    let [own, grandchild] = [
        process.pid().to_string(),
        process.lines()[0].as_str().unwrap().to_owned(),
    ];
    assert!(exists(&own) && exists(&grandchild));
    drop(process);
    assert!(!exists(&own));
    let deadline = Instant::now() + Duration::from_secs(5);
    while exists(&grandchild) {
        assert!(Instant::now() < deadline, "the grandchild lives on");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

#[tokio::test]
async fn a_frozen_service_says_nothing_until_it_goes_on() {
    let script = format!("{LISTENING} while :; do echo '{{\"event\":\"tick\"}}'; sleep 0.01; done");
    let (process, _folder) = start(&script).await.unwrap();
    let tick = |line: &Value| line["event"] == "tick";
    process
        .wait_for(Duration::from_secs(5), tick)
        .await
        .unwrap();
    process.freeze().unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
    while !state().contains(") T ") {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let before = process.lines().len();
    process.thaw().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while process.lines().len() <= before {
        assert!(Instant::now() < deadline, "it does not go on");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
