//! A verifier that prepares nothing: its compilers come from a store, or the jobs wait until they are there.

use std::path::Path;
use std::process::Command;

use compiler::config::default_cache;
use local_stack::programs::Programs;
use local_stack::{Service, StackConfig};
use serde_json::Value;

use crate::support::{LIMIT, TestSystem, job_error};

/// As in production, on an instance that has just started.
fn bare(config: StackConfig, folder: &Path) -> StackConfig {
    let place = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(folder.join("store")).unwrap();
    [
        ("SOURCERUN_CACHE", place("cache")),
        ("COMPILER_REPOSITORY", place("compilers")),
        ("COMPILER_STORE", place("store")),
        ("COMPILER_FETCH", "false".to_owned()),
    ]
    .into_iter()
    .fold(config, |config, (name, value)| {
        config.with(Service::InternalVerifier, name, &value)
    })
}

/// What the job does that prepares compilers.
fn publish(folder: &Path) {
    let compilers = Programs::beside_this_one().unwrap().find("compilers");
    let published = Command::new(compilers.unwrap())
        .args(["--versions", "0.8.28", "--publish", "--store"])
        .arg(folder.join("store"))
        .arg("--cache")
        .arg(default_cache())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&published.stderr).into_owned();
    assert!(said.contains("published"), "{said}");
}

#[tokio::test]
async fn a_compiler_that_another_machine_prepared_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let system = TestSystem::with(|config| bare(config, folder.path())).await;
    let (project, deployed) = system.small().await;
    publish(folder.path());
    let body = project.submission(None).unwrap();
    let job = system.verify(&deployed.address, &body).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    let made_ready = system.said("compiler_made_ready").await;
    assert_eq!(made_ready.len(), 1, "{made_ready:?}");
    assert_eq!(made_ready[0]["from"], "store");
    system.stop().await;
}

#[tokio::test]
async fn a_job_waits_for_a_compiler_that_is_being_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let system = TestSystem::with(|config| {
        bare(config, folder.path()).with(Service::InternalVerifier, "FAULT_PAUSE_MS", "200")
    })
    .await;
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let verifier = system.stack.verifier(0).unwrap();
    let given_back = |line: &Value| line["event"] == "job_given_back";
    verifier.wait_for(LIMIT, given_back).await.unwrap();
    publish(folder.path());
    let job = system.end_of(&accepted).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    system.stop().await;
}

#[tokio::test]
async fn a_job_whose_compiler_nobody_prepares_ends_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut system = TestSystem::with(|config| bare(config, folder.path())).await;
    system.expect_error("job_finished");
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let job = system.verify(&deployed.address, &body).await;
    let (code, message) = job_error(&job);
    assert_eq!(code, "compiler_not_ready");
    assert!(message.contains("0.8.28+commit.7893614a"), "{message}");
    assert_eq!(system.said("lease_taken").await.len(), 5);
    system.stop().await;
}
