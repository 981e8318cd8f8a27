//! Exports to Google Cloud itself: with an access token, and for the quota of the project.

use std::sync::atomic::Ordering::SeqCst;

use local_stack::{Service, StackConfig};
use serde_json::Value;
use wiremock::Request;

use super::collector::Collector;
use super::exporting;
use crate::support::{LIMIT, TestSystem, until};

fn to_google(config: StackConfig, endpoint: &str) -> StackConfig {
    exporting(config, endpoint).with(Service::PublicApi, "OTLP_TOKEN", "google")
}

/// The verifier sends without one.
async fn first_with_token(collector: &Collector, path: &str) -> Option<Request> {
    let mut requests = collector.requests(path).await.into_iter();
    requests.find(|request| request.headers.contains_key("authorization"))
}

#[tokio::test]
async fn every_export_says_who_sends_and_whose_quota_it_uses() {
    let collector = Collector::start().await;
    let uri = collector.uri();
    let system = TestSystem::with(|config| to_google(config, &uri)).await;
    let chains = format!("{}/chains", system.stack.base_url());
    assert_eq!(reqwest::get(chains).await.unwrap().status(), 200);
    let token = system.stack.identity().access_token();
    for path in ["/v1/traces", "/v1/metrics"] {
        let request = until(path, async || first_with_token(&collector, path).await).await;
        assert_eq!(request.headers["x-goog-user-project"], "local");
        let authorization = request.headers["authorization"].to_str().unwrap();
        assert_eq!(authorization, format!("Bearer {token}"));
    }
    for process in system.stack.processes() {
        let log = std::fs::read_to_string(process.log()).unwrap();
        assert!(!log.contains(&token), "{}", process.name());
    }
    system.stop().await;
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_until_there_is_one() {
    let collector = Collector::start().await;
    let uri = collector.uri();
    let mut system = TestSystem::with(|config| to_google(config, &uri)).await;
    let switches = system.stack.identity().switches();
    switches.token_status.store(404, SeqCst);
    system.stack.restart_public_api().await.unwrap();
    let public_api = system.stack.public_api();
    let failed = |line: &Value| line["event"] == "telemetry_flush_failed";
    let line = public_api.wait_for(LIMIT, failed).await.unwrap();
    let why = line["error"].as_str().unwrap();
    assert!(why.contains("no access token"), "{line}");
    // The library has given its credentials up for good; they are replaced.
    let switches = system.stack.identity().switches();
    switches.token_status.store(200, SeqCst);
    until("an export with a token", async || {
        first_with_token(&collector, "/v1/metrics").await
    })
    .await;
    system.stop().await;
}
