//! What holds compilers is told where operators look.

use local_stack::Service;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{LIMIT, TestSystem};

#[tokio::test]
async fn the_walls_around_compilers_are_told_in_log_and_metrics() {
    let collector = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&collector)
        .await;
    let uri = collector.uri();
    let system = TestSystem::with(|config| {
        config.with(
            Service::InternalVerifier,
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &uri,
        )
    })
    .await;
    let verifier = system.stack.verifier(0).unwrap();
    let is_it = |line: &serde_json::Value| line["event"] == "sandbox";
    let line = verifier.wait_for(LIMIT, is_it).await.unwrap();
    let level = compiler::sandbox::probe();
    assert_eq!(
        line["landlock"],
        level.landlock.unwrap_or_default(),
        "{line}"
    );
    assert_eq!(line["seccomp"], level.seccomp, "{line}");

    // What was counted is sent when the service ends, at the latest.
    system.stop().await;
    let requests = collector.received_requests().await.unwrap();
    let bodies: Vec<_> = requests
        .iter()
        .filter(|request| request.url.path() == "/v1/metrics")
        .map(|request| String::from_utf8_lossy(&request.body))
        .collect();
    for word in ["sandbox_level", level.name()] {
        let is_told = bodies.iter().any(|body| body.contains(word));
        assert!(is_told, "{word} is not among the metrics");
    }
}
