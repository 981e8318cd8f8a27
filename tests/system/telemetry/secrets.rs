//! What must not be said is in no line, whatever goes wrong, however much is logged.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use local_stack::cloud_run::FrontFault;
use local_stack::process::Process;
use local_stack::{Chains, Service};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::collector::Collector;
use super::{BOTH, exporting, submission};
use crate::support::{CHAIN_ID, LIMIT, TestSystem};

/// Each is in a place of its own.
const PASSWORD: &str = "marked-database-password";
const EXPLORER_KEY: &str = "marked-explorer-key";
const CLIENTS_KEY: &str = "marked-key-of-a-client";
const QUERY: &str = "marked-key-in-a-query";
const NODE_PATH: &str = "marked-key-in-a-path";
const NODE_HEADER: &str = "marked-key-in-a-header";
const SOURCE: &str = "marked_line_of_a_source";

fn chains_with_keys(node: &str, healthy: &Value) -> Value {
    json!({
        CHAIN_ID.to_string(): {
            "sourcifyName": "Test chain",
            "supported": true,
            "etherscanApi": {"supported": true},
            "rpc": [
                // Nobody listens there.
                {"type": "APIKeyRPC", "url": "http://127.0.0.1:1/{API_KEY}", "apiKeyEnvName": "NODE_PATH_KEY"},
                {"type": "FetchRequest", "url": format!("{node}/broken"),
                 "headers": [{"headerName": "x-key", "headerEnvName": "NODE_HEADER_KEY"}]},
                healthy,
            ],
        },
    })
}

async fn system(explorer: &MockServer, collector: &Collector) -> TestSystem {
    let (url, uri) = (explorer.uri(), collector.uri());
    TestSystem::with(|mut config| {
        let Chains::Document(document) = &config.chains else {
            panic!("the chains of a test are a document");
        };
        let healthy = document[CHAIN_ID.to_string()]["rpc"][0].clone();
        config.chains = Chains::Document(chains_with_keys(&url, &healthy));
        for database in [
            &mut config.databases.public_api,
            &mut config.databases.internal_verifier,
        ] {
            *database = database.replacen('@', &format!(":{PASSWORD}@"), 1);
            assert!(database.contains(PASSWORD), "{database}");
        }
        // As much as anybody may ask for who looks for a fault.
        config.log = "debug".to_owned();
        config = exporting(config, &uri);
        for service in BOTH {
            config = config.with(service, "NODE_PATH_KEY", NODE_PATH).with(
                service,
                "NODE_HEADER_KEY",
                NODE_HEADER,
            );
        }
        config
            .with(Service::PublicApi, "OTLP_TOKEN", "google")
            .with(
                Service::PublicApi,
                "ETHERSCAN_API_URL",
                &format!("{url}/v2/api"),
            )
            .with(Service::PublicApi, "ETHERSCAN_API_KEY", EXPLORER_KEY)
            .with(Service::PublicApi, "ETHERSCAN_TIMEOUT_MS", "1500")
    })
    .await
}

#[tokio::test]
async fn no_secret_is_in_a_line_or_a_span() {
    let explorer = MockServer::start().await;
    let broken = ResponseTemplate::new(500).set_body_string(format!("{EXPLORER_KEY} is wrong"));
    for way in ["GET", "POST"] {
        let asked = Mock::given(method(way)).respond_with(broken.clone());
        asked.mount(&explorer).await;
    }
    let collector = Collector::start().await;
    let mut system = system(&explorer, &collector).await;
    system.expect_error("dispatch_refused");
    system.expect_error("token_unchecked");
    let token = much_goes_wrong(&system).await;

    let access_token = system.stack.identity().access_token();
    let processes: Vec<_> = system.stack.processes().collect();
    // The folder is removed with the system. What is said at its end is still heard.
    let log = |process: &Arc<Process>| std::fs::read_to_string(process.log()).unwrap();
    let mut said: Vec<String> = processes.iter().map(log).collect();
    system.stop().await;
    let lines = processes.iter().flat_map(|process| process.lines());
    said.extend(lines.map(|line| line.to_string()));
    for path in ["/v1/traces", "/v1/metrics"] {
        let requests = collector.requests(path).await;
        assert!(!requests.is_empty(), "{path}");
        let bodies = requests
            .iter()
            .map(|sent| String::from_utf8_lossy(&sent.body));
        said.extend(bodies.map(|body| body.into_owned()));
    }
    let secrets = [
        PASSWORD,
        EXPLORER_KEY,
        CLIENTS_KEY,
        QUERY,
        NODE_PATH,
        NODE_HEADER,
        SOURCE,
        &access_token,
        // Of any token of ours: its header.
        token.split('.').next().unwrap(),
    ];
    for said in &said {
        for secret in secrets {
            let line = said.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{secret}: {line:?}");
        }
    }
}

/// Whoever holds a secret is refused, cannot be reached or cannot be understood. Gives a token that was sent.
async fn much_goes_wrong(system: &TestSystem) -> String {
    // The explorer refuses both keys.
    let (project, deployed) = system.small().await;
    let base = system.stack.base_url();
    let http = reqwest::Client::new();
    let import = format!("{base}/v2/verify/etherscan/{CHAIN_ID}/{}", deployed.address);
    for body in [json!({}), json!({"apiKey": CLIENTS_KEY})] {
        let answer = http.post(&import).json(&body).send().await.unwrap();
        assert!(!answer.status().is_success());
        assert!(!answer.text().await.unwrap().contains("marked"));
    }
    let asked = format!("{base}/v2/contracts/{CHAIN_ID}?apikey={QUERY}");
    assert_eq!(http.get(asked).send().await.unwrap().status(), 400);
    // A token that cannot be checked, and a call that the platform refuses.
    let switches = system.stack.identity().switches();
    switches.certs_status.store(500, SeqCst);
    let token = system.stack.sweep_token().unwrap();
    let sweep = http.post(format!("{base}/internal_api_sweep"));
    let answer = sweep.bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    switches.certs_status.store(200, SeqCst);
    system.stack.front().fail_next(FrontFault::Answer {
        status: 401,
        retry_after_s: None,
    });
    // Two of three nodes are broken, and the sources do not compile.
    let mut body = project.submission(None).unwrap();
    let source = format!("contract Small {{ {SOURCE} }}");
    body["stdJsonInput"]["sources"]["contracts/Small.sol"]["content"] = json!(source);
    let request = submission(system, &deployed.address, &body);
    let accepted: Value = request.send().await.unwrap().json().await.unwrap();
    let id = accepted["verificationId"].as_str().unwrap();
    let finished = |line: &Value| line["event"] == "job_finished" && line["job_id"] == id;
    let verifier = system.stack.verifier(0).unwrap();
    verifier.wait_for(LIMIT, finished).await.unwrap();
    token
}
