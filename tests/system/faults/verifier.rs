//! A verifier dies, freezes, is asked to stop, or has a compiler that does not behave.

use std::time::Duration;

use local_stack::children::{self, descendants};
use local_stack::process::Ended;
use local_stack::{Platform, Service};
use serde_json::Value;

use super::{attempts, endless, until_one};
use crate::engines;
use crate::support::{LIMIT, TestSystem, job_error, until};

const PLATFORM_KILLS_AFTER: Duration = Duration::from_secs(8);

/// A system in which a compiler that never ends is stopped after some seconds.
async fn patient() -> TestSystem {
    TestSystem::with(|config| config.with(Service::InternalVerifier, "JOB_DEADLINE_MS", "6000"))
        .await
}

/// The process ended by itself, in time.
fn assert_in_time(ended: Ended) {
    let Ended::Itself { after, .. } = ended else {
        panic!("it had to be killed");
    };
    assert!(after < PLATFORM_KILLS_AFTER, "{after:?}");
}

/// Its compiler and whatever that needs, once it compiles.
async fn compilers_of(system: &TestSystem, verifier: usize) -> Vec<u32> {
    let compiling = "SELECT count(*) FROM verification_job_events WHERE stage = 'compiling'";
    let pid = system.stack.verifier(verifier).unwrap().pid();
    until("a compiler", async || {
        let all = descendants(pid);
        (system.count(compiling).await > 0 && !all.is_empty()).then_some(all)
    })
    .await
}

async fn until_gone(processes: &[u32]) {
    until("the end of all compilers", async || {
        // One that has ended has no memory, even while nobody has asked how it ended.
        let gone = |pid: &u32| {
            let memory = std::fs::read_to_string(format!("/proc/{pid}/statm"));
            memory.is_err() || memory.is_ok_and(|memory| memory.starts_with("0 "))
        };
        processes.iter().all(gone).then_some(())
    })
    .await;
}

#[tokio::test]
async fn verifier_killed_mid_job() {
    let mut system = patient().await;
    let (project, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    until_one(&system, "state = 'running' AND attempt = 1").await;
    let compilers = compilers_of(&system, 0).await;
    system.stack.verifier(0).unwrap().kill();
    system.stack.restart_verifier(0).await.unwrap();
    until_one(&system, "attempt = 2").await;
    until_gone(&compilers).await;
    let job = system.end_of(&accepted).await;
    let (code, _) = job_error(&job);
    assert_eq!(code, "compiler_timeout", "the second run has its own end");
    let answers = system.stack.front().report().answers;
    assert_eq!(answers.first(), Some(&503), "{answers:?}");
    system.stop().await;
}

#[tokio::test]
async fn verifier_sigterm_releases() {
    let mut system = patient().await;
    let (project, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    until_one(&system, "state = 'running'").await;
    let compilers = compilers_of(&system, 0).await;
    assert_in_time(system.stack.verifier(0).unwrap().stop().await.unwrap());
    until_gone(&compilers).await;
    until_one(&system, "state = 'pending' AND attempt = 0").await;
    system.stack.restart_verifier(0).await.unwrap();
    let job = system.end_of(&accepted).await;
    assert_eq!(job_error(&job).0, "compiler_timeout");
    assert_eq!(attempts(&system).await, 1);
    system.stop().await;
}

/// The release waits for a row that somebody else keeps locked, as when the database hangs.
#[tokio::test]
async fn verifier_sigterm_with_a_database_that_hangs() {
    let mut system = patient().await;
    let (project, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    until_one(&system, "state = 'running'").await;
    let lock = system.lock("verification_jobs").await;
    let public_api = system.stack.public_api();
    let verifier = system.stack.verifier(0).unwrap();
    let (verifier, public_api) = tokio::join!(verifier.stop(), public_api.stop());
    assert_in_time(verifier.unwrap());
    assert_in_time(public_api.unwrap());
    drop(lock);
    system.stack.restart_public_api().await.unwrap();
    system.stack.restart_verifier(0).await.unwrap();
    let job = system.end_of(&accepted).await;
    assert_eq!(job_error(&job).0, "compiler_timeout");
    assert_eq!(attempts(&system).await, 2, "the lease ran out");
    system.stop().await;
}

#[tokio::test]
async fn verifier_sigterm_stubborn_child() {
    let folder = tempfile::tempdir().unwrap();
    let stubborn = "const SIGTERM: i32 = 15; const IGNORE: usize = 1;
        unsafe extern \"C\" { fn signal(number: i32, handler: usize) -> usize; }
        unsafe { signal(SIGTERM, IGNORE); }
        loop { std::hint::spin_loop(); }";
    let mut system = TestSystem::with(|config| {
        engines::native(config, folder.path(), "wasm,native", stubborn)
            .with(Service::InternalVerifier, "COMPILER_NATIVE_FOR", "all")
            .with(Service::InternalVerifier, "JOB_DEADLINE_MS", "6000")
    })
    .await;
    let deployed = engines::deploy(&system, &engines::compile(&engines::input(false)).await).await;
    let accepted = system
        .submit(&deployed.address, &engines::body(false))
        .await;
    until_one(&system, "state = 'running'").await;
    let compilers = compilers_of(&system, 0).await;
    for pid in &compilers {
        // Those that do not ignore it anyway cannot hear it.
        children::freeze(*pid).unwrap();
    }
    assert_in_time(system.stack.verifier(0).unwrap().stop().await.unwrap());
    until_gone(&compilers).await;
    until_one(&system, "state = 'pending' AND attempt = 0").await;
    system.stack.restart_verifier(0).await.unwrap();
    system.end_of(&accepted).await;
    system.stop().await;
}

#[tokio::test]
async fn verifier_oom_is_abandoned() {
    let mut system = TestSystem::with(|mut config| {
        config.platform = Platform::Autoscaled;
        config.verifier.max_instances = 2;
        config
    })
    .await;
    system.expect_error("job_abandoned");
    let (project, poisoned) = system.small().await;
    let (_, innocent) = system.small().await;
    let body = project.submission(None).unwrap();
    let poison = system.submit(&poisoned.address, &endless(&project)).await;
    let mut others = Vec::new();
    for attempt in 1..=5_u64 {
        let instance = until("the next attempt", async || {
            let instances = system.stack.front().instances();
            instances.into_iter().find(|instance| {
                let has_lease = |line: &Value| {
                    line["event"] == "lease_taken"
                        && line["job_id"] == poison.id.as_str()
                        && line["attempt"] == attempt
                };
                instance.process.lines().iter().any(has_lease)
            })
        })
        .await;
        if attempt == 1 {
            others.push(system.submit(&innocent.address, &body).await);
        }
        instance.process.kill();
    }
    let job = system.end_of(&poison).await;
    assert_eq!(job_error(&job).0, "job_abandoned");
    for other in others {
        let job = system.end_of(&other).await;
        assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    }
    let job = system.verify(&poisoned.address, &body).await;
    assert_eq!(job["contract"]["match"], "exact_match", "it is free: {job}");
    assert_eq!(attempts(&system).await, 7, "five, and one of each other");
    assert_eq!(system.stack.front().report().crashed, 5);
    system.stop().await;
}

#[tokio::test]
async fn compiler_oom_is_a_result() {
    let system = TestSystem::with(|config| {
        config.with(Service::InternalVerifier, "COMPILER_MEMORY_MIB", "24")
    })
    .await;
    let (project, deployed) = system.small().await;
    let job = system.verify(&deployed.address, &endless(&project)).await;
    assert_eq!(job_error(&job).0, "compiler_out_of_memory");
    assert_eq!(attempts(&system).await, 1, "an answer, not a retry");
    let verifier = system.stack.verifier(0).unwrap();
    assert_eq!(verifier.has_ended().unwrap(), None);
    system.stop().await;
}

#[tokio::test]
async fn frozen_verifier_is_fenced() {
    let system = TestSystem::with(|mut config| {
        config.verifiers = 2;
        config.with(Service::InternalVerifier, "JOB_DEADLINE_MS", "8000")
    })
    .await;
    let (project, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    until_one(&system, "state = 'running' AND attempt = 1").await;
    let of = |index| system.stack.verifier(index).unwrap();
    let has_lease = |index: &usize| {
        let lines = of(*index).lines();
        lines.iter().any(|line| line["event"] == "lease_taken")
    };
    let first = until("a lease", async || [0, 1].into_iter().find(has_lease)).await;
    let compilers = compilers_of(&system, first).await;
    of(first).freeze().unwrap();
    until_one(&system, "state = 'running' AND attempt = 2").await;
    of(first).thaw().unwrap();
    let lost = of(first).wait_for(LIMIT, |line| line["event"] == "lease_lost");
    lost.await.unwrap();
    until_gone(&compilers).await;
    let job = system.end_of(&accepted).await;
    assert_eq!(job_error(&job).0, "compiler_timeout");
    assert_eq!(attempts(&system).await, 2);
    // The second run wrote the end.
    let finished = |line: &Value| line["event"] == "job_finished";
    let wrote = of(1 - first).wait_for(LIMIT, finished);
    wrote.await.unwrap();
    assert!(!of(first).lines().iter().any(finished));
    system.stop().await;
}

#[tokio::test]
async fn second_request_is_refused() {
    let system = patient().await;
    let (project, first) = system.small().await;
    let (_, second) = system.small().await;
    let first = system.submit(&first.address, &endless(&project)).await;
    until_one(&system, "state = 'running'").await;
    // The platform would hold it back; this one comes past it.
    let body = project.submission(None).unwrap();
    let second = system.submit(&second.address, &body).await;
    let refused = super::call(&system, system.stack.verifier(0).unwrap(), &second).await;
    assert_eq!(refused.status(), 503);
    let retry_after = refused.headers()["retry-after"].to_str().unwrap();
    assert!(retry_after.parse::<u32>().unwrap() >= 1, "{retry_after}");
    until_one(&system, "state = 'running' AND attempt = 1").await;
    assert_eq!(
        job_error(&system.end_of(&first).await).0,
        "compiler_timeout"
    );
    let job = system.end_of(&second).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    assert_eq!(attempts(&system).await, 2, "the first was not disturbed");
    system.stop().await;
}
