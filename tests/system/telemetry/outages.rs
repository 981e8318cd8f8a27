//! A receiver that is down, slow or broken costs a bounded wait, and one warning a minute.

use std::net::TcpListener;
use std::time::Duration;

use local_stack::Service;
use serde_json::Value;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::exporting;
use crate::support::{LIMIT, TestSystem, until};

/// A flush takes three seconds at most.
const WITH_FLUSH: Duration = Duration::from_secs(4);

/// Verifies twice, which takes what it takes without a receiver, and the flush before the verifier's answer.
async fn verifies_all_the_same(endpoint: &str) {
    let system = TestSystem::with(|config| {
        // A sweep would see that the job has ended, and spare the call the wait for its answer.
        exporting(config, endpoint).with(Service::PublicApi, "SWEEP_INTERVAL_MS", "600000")
    })
    .await;
    for _ in 0..2 {
        let (project, deployed) = system.small().await;
        let body = project.submission(None).unwrap();
        let accepted = system.submit(&deployed.address, &body).await;
        assert!(accepted.took < Duration::from_secs(2), "nobody waits here");
        let job = system.end_of(&accepted).await;
        assert_eq!(job["contract"]["match"], "exact_match", "{job}");
        let public_api = system.stack.public_api();
        let answered =
            |line: &Value| line["event"] == "dispatched" && line["job_id"] == accepted.id.as_str();
        public_api.wait_for(LIMIT, answered).await.unwrap();
    }
    let verifier = system.stack.verifier(0).unwrap();
    let calls = async || {
        let lines = verifier.lines();
        let calls = lines.iter().filter(|line| {
            line["event"] == "request"
                && line["httpRequest"]["requestUrl"] == "/internal_api_verify"
        });
        let calls = calls.count();
        assert!(calls <= 2, "each was called once");
        (calls == 2).then_some(())
    };
    until("the lines of both calls", calls).await;
    for process in system.stack.processes() {
        let failed = |line: &Value| line["event"] == "telemetry_flush_failed";
        process.wait_for(LIMIT, failed).await.unwrap();
    }
    let processes: Vec<_> = system.stack.processes().collect();
    let began = std::time::Instant::now();
    system.stop().await;
    assert!(began.elapsed() < WITH_FLUSH * 3, "{:?}", began.elapsed());
    for process in processes {
        let lines = process.lines();
        let complaints: Vec<_> = lines
            .iter()
            .filter(|line| line["event"] == "telemetry_flush_failed")
            .collect();
        assert_eq!(complaints.len(), 1, "{}: {complaints:#?}", process.name());
        assert_eq!(complaints[0]["severity"], "WARNING");
    }
}

#[tokio::test]
async fn a_receiver_that_is_down_costs_one_warning() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    verifies_all_the_same(&format!("http://{address}")).await;
}

#[tokio::test]
async fn a_receiver_that_answers_500_costs_one_warning() {
    let broken = MockServer::start().await;
    let answer = Mock::given(method("POST")).respond_with(ResponseTemplate::new(500));
    answer.mount(&broken).await;
    verifies_all_the_same(&broken.uri()).await;
}

#[tokio::test]
async fn a_receiver_that_never_answers_costs_one_warning() {
    let slow = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    let answer = Mock::given(method("POST")).respond_with(late);
    answer.mount(&slow).await;
    verifies_all_the_same(&slow.uri()).await;
}
