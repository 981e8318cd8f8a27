//! The program that loads the whole system, with next to no load: that it still tells everything.

use std::process::Command;
use std::time::Duration;

use local_stack::run::run;

const LONG: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_little_load_is_borne_and_told() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_load"));
    command
        .args(["--rate", "20", "--seconds", "1", "--jobs", "2"])
        .args(["--compile-ms", "10", "--verifiers", "1,2"])
        .args(["--idle", "1", "--rows", "100"])
        .arg("--end-with-parent");
    let ran = run(command, LONG).await.unwrap();
    let said = ran.succeeded().unwrap();
    for figure in [
        "20 a second, 1 s",
        "all of Postgres",
        "of ideal",
        "jobs/succeed                                   1.00",
        "the empty question",
        "jobs/take_due, rows that wait",
    ] {
        said.says(figure).unwrap();
    }
}
