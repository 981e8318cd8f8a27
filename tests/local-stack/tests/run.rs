//! Programs of a few words of shell, run to their end.

use std::process::Command;
use std::time::{Duration, Instant};

use local_stack::run::{Ran, run};

async fn shell(script: &str, limit: Duration) -> anyhow::Result<Ran> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    run(command, limit).await
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_a_program_said_and_how_it_ended_is_told() {
    let ran = shell("echo out; echo err >&2; exit 3", LONG).await.unwrap();
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("out\n", "err\n")
    );
    ran.refused()
        .unwrap()
        .says("out")
        .unwrap()
        .says("err")
        .unwrap();
    let error = ran.succeeded().unwrap_err().to_string();
    assert!(
        error.contains("exit status: 3") && error.contains("err"),
        "{error}"
    );
    assert!(ran.says("other").is_err());
    let ran = shell("exit 0", LONG).await.unwrap();
    assert!(ran.succeeded().is_ok() && ran.refused().is_err());
    // A crash is no answer.
    let ran = shell("kill -9 $$", LONG).await.unwrap();
    assert!(ran.succeeded().is_err() && ran.refused().is_err());
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_killed_with_all_that_it_started() {
    let script = "sleep 62 & echo $!; wait";
    let error = shell(script, Duration::from_millis(300)).await.unwrap_err();
    let error = error.to_string();
    let pid = error.lines().nth(1).unwrap();
    let pid: u32 = pid.parse().unwrap_or_else(|_none| panic!("{error}"));
    // A killed process takes a moment to end.
    let killed = Instant::now();
    while lives(pid) {
        assert!(killed.elapsed() < LONG, "{pid} lives");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_grandchild_that_lives_on_keeps_nobody_waiting() {
    let ran = shell("setsid sleep 5 & echo done", LONG);
    let ran = tokio::time::timeout(Duration::from_secs(4), ran).await;
    assert_eq!(ran.unwrap().unwrap().stdout, "done\n");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let error = run(Command::new("/no/such/program"), LONG).await;
    assert!(error.unwrap_err().to_string().contains("/no/such/program"));
}
