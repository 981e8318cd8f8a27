//! A process has the wrong time of day: leases are the database's matter, and a token that seems old is an alarm.

use std::sync::atomic::Ordering::SeqCst;

use local_stack::programs::Programs;
use local_stack::{Service, StackConfig};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::words::{ATTEMPTS, ends_exact, says};
use super::{endless, until_one};
use crate::support::{TestSystem, job_error};

/// The service's clock is wrong by so many hours.
fn skewed(config: StackConfig, service: Service, hours: i64) -> StackConfig {
    let programs = Programs::beside_this_one().unwrap();
    let library = programs.find("libskewed_clock.so").unwrap();
    config
        .with(service, "LD_PRELOAD", library.to_str().unwrap())
        .with(service, "SKEWED_CLOCK_S", &(hours * 3600).to_string())
}

/// By what its log says.
fn is_skewed(system: &TestSystem, service: Service, hours: i64) -> bool {
    let lines = match service {
        Service::PublicApi => system.stack.public_api().lines(),
        Service::InternalVerifier => system.stack.verifier(0).unwrap().lines(),
    };
    let times = lines.iter().filter_map(|line| {
        let time = OffsetDateTime::parse(line["time"].as_str()?, &Rfc3339);
        Some((time.ok()? - OffsetDateTime::now_utc()).whole_minutes())
    });
    let mut times = times.map(|minutes| minutes - hours * 60);
    times.all(|minutes| minutes.abs() < 10)
}

#[tokio::test]
async fn clock_skew_leases() {
    for (service, hours) in [(Service::PublicApi, -1), (Service::InternalVerifier, 1)] {
        let mut system = TestSystem::with(|config| {
            skewed(config, service, hours).with(
                Service::InternalVerifier,
                "JOB_DEADLINE_MS",
                "6000",
            )
        })
        .await;
        let switches = system.stack.identity().switches();
        // Tokens are another story.
        switches.token_ttl_s.store(24 * 3600, SeqCst);
        let (project, deployed) = system.small().await;
        assert!(is_skewed(&system, service, hours), "the clock is not wrong");
        // Several leases long: none ends early.
        let accepted = system.submit(&deployed.address, &endless(&project)).await;
        let job = system.end_of(&accepted).await;
        assert_eq!(job_error(&job).0, "compiler_timeout", "{service:?} {hours}");
        assert_eq!(system.count(ATTEMPTS).await, 1, "{service:?} {hours}");
        // And none late: whoever dies is replaced.
        let accepted = system.submit(&deployed.address, &endless(&project)).await;
        until_one(&system, "state = 'running'").await;
        system.stack.verifier(0).unwrap().kill();
        system.stack.restart_verifier(0).await.unwrap();
        until_one(&system, "state = 'running' AND attempt = 2").await;
        let job = system.end_of(&accepted).await;
        assert_eq!(job_error(&job).0, "compiler_timeout", "{service:?} {hours}");
        system.stop().await;
    }
}

#[tokio::test]
async fn clock_skew_tokens() {
    let mut system = TestSystem::with(|config| skewed(config, Service::InternalVerifier, 2)).await;
    system.expect_error("dispatch_refused");
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let alarm = says(&system.stack.public_api(), "dispatch_refused").await;
    assert!(alarm.to_string().contains("401"), "{alarm}");
    until_one(&system, "state = 'pending' AND attempt = 0").await;
    // Tokens that live longer than the clock is wrong are good, and so is the result.
    let switches = system.stack.identity().switches();
    switches.token_ttl_s.store(24 * 3600, SeqCst);
    system.stack.restart_public_api().await.unwrap();
    ends_exact(&system, &accepted).await;
    assert_eq!(system.count(ATTEMPTS).await, 1);
    system.stop().await;
}
