//! What a block explorer has, asked while the caller waits.

use std::time::Duration;

use local_stack::deploy;
use local_stack::project::Project;
use local_stack::{Chains, Service, StackConfig};
use serde_json::{Value, json};
use wiremock::matchers::{method, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{assert_match, count_of_requests};
use crate::support::{CHAIN_ID, TestSystem, job_error, problem};

const SERVERS_KEY: &str = "the-servers-own-key";

pub(crate) fn with_explorer(mut config: StackConfig, explorer: &MockServer) -> StackConfig {
    if let Chains::Document(chains) = &mut config.chains {
        let api = json!({"supported": true, "apiKeyEnvName": "CHAIN_KEY"});
        chains[CHAIN_ID.to_string()]["etherscanApi"] = api;
    }
    let url = format!("{}/v2/api", explorer.uri());
    config
        .with(Service::PublicApi, "ETHERSCAN_API_URL", &url)
        .with(Service::PublicApi, "ETHERSCAN_API_KEY", SERVERS_KEY)
        .with(Service::PublicApi, "ETHERSCAN_TIMEOUT_MS", "1500")
}

async fn system(explorer: &MockServer) -> TestSystem {
    TestSystem::with(|config| with_explorer(config, explorer)).await
}

async fn answers(explorer: &MockServer, answer: ResponseTemplate) {
    explorer.reset().await;
    Mock::given(method("GET"))
        .and(query_param("module", "contract"))
        .and(query_param("action", "getsourcecode"))
        .and(query_param("chainid", CHAIN_ID.to_string()))
        .respond_with(answer)
        .mount(explorer)
        .await;
}

fn found(contract: &Value) -> ResponseTemplate {
    let document = json!({"status": "1", "message": "OK", "result": [contract]});
    ResponseTemplate::new(200).set_body_json(document)
}

fn refused(words: &str) -> ResponseTemplate {
    let document = json!({"status": "0", "message": "NOTOK", "result": words});
    ResponseTemplate::new(200).set_body_json(document)
}

/// As an explorer has it, in this form.
fn contract(project: &Project, source_code: &str) -> Value {
    json!({
        "SourceCode": source_code, "ABI": "[]", "ContractName": project.target.name,
        "CompilerVersion": format!("v{}", project.version), "OptimizationUsed": "1", "Runs": "200",
        "EVMVersion": "paris", "Library": "", "LicenseType": "MIT", "Proxy": "0",
    })
}

fn standard_json(project: &Project) -> String {
    format!("{{{}}}", serde_json::to_value(&project.input).unwrap())
}

#[tokio::test]
async fn each_form_of_sources_is_verified() {
    let explorer = MockServer::start().await;
    let system = system(&explorer).await;
    let (project, _) = system.small().await;
    let source = &project.input.sources()["contracts/Small.sol"];
    let files = json!({"contracts/Small.sol": {"content": source}}).to_string();
    for (source_code, level, path) in [
        (
            standard_json(&project),
            "exact_match",
            "contracts/Small.sol",
        ),
        (files, "exact_match", "contracts/Small.sol"),
        // The explorer doesn't know the name of the file, and the metadata has another one.
        (source.clone(), "match", "Small.sol"),
    ] {
        // Another contract each time: the first is verified after the first.
        let (_, deployed) = system.small().await;
        answers(&explorer, found(&contract(&project, &source_code))).await;
        let job = system
            .verify_by("etherscan", &deployed.address, &json!({}))
            .await;
        assert_match(&job, level, level);
        let shown = system
            .document_of(&deployed.address, "?fields=compilation,sources")
            .await;
        assert_eq!(
            shown["compilation"]["fullyQualifiedName"],
            if level == "match" {
                // Another path gave other metadata, and the same program.
                format!("{path}:Small")
            } else {
                "contracts/Small.sol:Small".to_owned()
            }
        );
        assert_eq!(shown["sources"][path]["content"], json!(source));
    }
    system.stop().await;
}

#[tokio::test]
async fn vyper_is_found_by_its_number() {
    let case = include_str!("../../cases/vyper_with_immutables.json");
    let case: Value = serde_json::from_str(case).unwrap();
    let source = &case["input"]["stdJson"]["sources"]["limited.vy"]["content"];
    let explorer = MockServer::start().await;
    let system = system(&explorer).await;
    let code = case["onchain"]["creationCode"].as_str().unwrap();
    let deployed = deploy::deploy_code(&system.anvil, code.trim_start_matches("0x"))
        .await
        .unwrap();
    let mut contract = json!({
        "SourceCode": source, "ContractName": "limited", "CompilerVersion": "vyper:0.9.99",
        "OptimizationUsed": "0", "Runs": "0", "EVMVersion": "Default", "Library": "",
    });
    answers(&explorer, found(&contract)).await;
    let job = system
        .verify_by("etherscan", &deployed.address, &json!({}))
        .await;
    let message = "The explorer's Vyper version vyper:0.9.99 is not one we know.";
    let code = "etherscan_vyper_version_mapping_failed";
    assert_eq!(job_error(&job), (code, message));
    contract["CompilerVersion"] = json!("vyper:0.4.0");
    answers(&explorer, found(&contract)).await;
    let job = system
        .verify_by("etherscan", &deployed.address, &json!({}))
        .await;
    assert_match(&job, "match", "match");
    let shown = system
        .document_of(&deployed.address, "?fields=compilation")
        .await;
    assert_eq!(shown["compilation"]["language"], "Vyper");
    assert_eq!(
        shown["compilation"]["compilerVersion"],
        "0.4.0+commit.e9db8d9"
    );
    assert_eq!(
        shown["compilation"]["fullyQualifiedName"],
        "limited.vy:limited"
    );
    system.stop().await;
}

#[tokio::test]
async fn what_an_explorer_lacks_is_the_jobs_to_say() {
    let explorer = MockServer::start().await;
    let system = system(&explorer).await;
    let (project, deployed) = system.small().await;
    let mut other = contract(&project, &standard_json(&project));
    other["ContractName"] = json!("Large");
    let mut vyper = contract(
        &project,
        r#"{{"language": "Vyper", "sources": {"a.vy": {"content": "x: uint256"}}}}"#,
    );
    vyper["CompilerVersion"] = json!("vyper:0.4.0");
    for (contract, code, message) in [
        (
            other,
            "etherscan_missing_contract_in_json",
            "The explorer's sources hold no contract named Large.",
        ),
        (
            vyper,
            "etherscan_missing_vyper_settings",
            "The explorer gave no settings for a Vyper contract.",
        ),
    ] {
        answers(&explorer, found(&contract)).await;
        let job = system
            .verify_by("etherscan", &deployed.address, &json!({}))
            .await;
        assert_eq!(job_error(&job), (code, message));
    }
    system.stop().await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn each_failure_of_the_explorer_has_its_answer_and_no_row() {
    let (explorer, bait) = (MockServer::start().await, MockServer::start().await);
    let system = system(&explorer).await;
    let (project, deployed) = system.small().await;
    let text = |text: &str| ResponseTemplate::new(200).set_body_string(text);
    let unreadable = "The explorer's answer cannot be read: ";
    let huge = contract(&project, &"/".repeat(41 << 20));
    for (answer, status, code, message) in [
        (
            found(&contract(&project, "")),
            404,
            "not_etherscan_verified",
            "This contract is not verified on Etherscan.",
        ),
        (
            refused("Contract source code not verified"),
            404,
            "not_etherscan_verified",
            "This contract is not verified on Etherscan.",
        ),
        (
            refused("Max calls per sec rate limit reached (3/sec)"),
            429,
            "etherscan_limit",
            "Etherscan API rate limit reached, try later.",
        ),
        (
            ResponseTemplate::new(429),
            429,
            "etherscan_limit",
            "Etherscan API rate limit reached, try later.",
        ),
        (
            refused(&format!("Invalid API Key (#err2)|{SERVERS_KEY}")),
            502,
            "etherscan_request_failed",
            "Invalid API Key (#err2)|***",
        ),
        (
            ResponseTemplate::new(500),
            502,
            "etherscan_request_failed",
            "The explorer answered with HTTP status 500.",
        ),
        (
            ResponseTemplate::new(302).insert_header("location", bait.uri()),
            502,
            "etherscan_request_failed",
            "The explorer answered with HTTP status 302.",
        ),
        (
            found(&contract(&project, "contract Small {}")).set_delay(Duration::from_secs(60)),
            502,
            "etherscan_request_failed",
            "The explorer did not answer in time.",
        ),
        (
            text("<html>"),
            400,
            "malformed_etherscan_response",
            &format!("{unreadable}expected value at line 1 column 1"),
        ),
        (
            found(&contract(&project, "{{\"language\": \"Solidity\"}}")),
            400,
            "malformed_etherscan_response",
            &format!("{unreadable}Standard JSON input must contain a sources field."),
        ),
        (
            found(&contract(&project, "contract Small {} // \u{0}")),
            400,
            "malformed_etherscan_response",
            &format!("{unreadable}it contains the character U+0000"),
        ),
        (
            found(&huge),
            400,
            "malformed_etherscan_response",
            "The explorer's answer is larger than we take.",
        ),
    ] {
        answers(&explorer, answer).await;
        let (got, document) = system
            .import("etherscan", &deployed.address, &json!({}))
            .await;
        assert_eq!((got, problem(&document)), (status, (code, message)));
        assert_eq!(count_of_requests(&explorer).await, 1, "{message}");
    }
    assert_eq!(count_of_requests(&bait).await, 0);
    let jobs = "SELECT count(*) FROM verification_jobs";
    assert_eq!(system.count(jobs).await, 0);
    no_key_was_logged(&system, &[SERVERS_KEY]);
    system.stop().await;
}

fn no_key_was_logged(system: &TestSystem, keys: &[&str]) {
    for process in system.stack.processes() {
        let lines = process.lines();
        assert!(!lines.is_empty());
        for line in lines {
            let line = line.to_string();
            assert!(!keys.iter().any(|key| line.contains(key)), "{line}");
        }
    }
}

#[tokio::test]
async fn the_nearest_key_is_used_and_nowhere_seen() {
    const CHAINS_KEY: &str = "the-chains-own-key";
    const CALLERS_KEY: &str = "the-callers-own & only=key";
    let explorer = MockServer::start().await;
    for (chains_key, body, wanted) in [
        ("", json!({}), SERVERS_KEY),
        ("", json!({"apiKey": ""}), SERVERS_KEY),
        (CHAINS_KEY, json!({}), CHAINS_KEY),
        (CHAINS_KEY, json!({"apiKey": CALLERS_KEY}), CALLERS_KEY),
    ] {
        let system = TestSystem::with(|config| {
            let config = with_explorer(config, &explorer);
            config
                .with(Service::PublicApi, "CHAIN_KEY", chains_key)
                .with(Service::PublicApi, "LOG", "debug")
        })
        .await;
        let (project, deployed) = system.small().await;
        let source_code = standard_json(&project);
        answers(&explorer, found(&contract(&project, &source_code))).await;
        let job = system
            .verify_by("etherscan", &deployed.address, &body)
            .await;
        assert_match(&job, "exact_match", "exact_match");
        let requests = explorer.received_requests().await.unwrap();
        let [request] = requests.as_slice() else {
            panic!("{requests:?}");
        };
        assert_eq!(request.url.path(), "/v2/api");
        let keys: Vec<_> = request
            .url
            .query_pairs()
            .filter(|(name, _)| name == "apikey")
            .map(|(_, key)| key.into_owned())
            .collect();
        assert_eq!(keys, [wanted]);
        no_key_was_logged(
            &system,
            &[SERVERS_KEY, CHAINS_KEY, CALLERS_KEY, "the-callers"],
        );
        // A request that would not be taken costs the explorer nothing.
        let (status, _) = system.import("etherscan", &deployed.address, &body).await;
        assert_eq!(status, 409);
        assert_eq!(count_of_requests(&explorer).await, 1);
        system.stop().await;
    }
}

#[tokio::test]
async fn an_import_outlives_its_verifier_and_its_explorer_and_keeps_no_key() {
    let explorer = MockServer::start().await;
    let mut system = system(&explorer).await;
    let (project, deployed) = system.small().await;
    system.stack.verifier(0).unwrap().kill();
    answers(
        &explorer,
        found(&contract(&project, &standard_json(&project))),
    )
    .await;
    let body = json!({"apiKey": "the-callers-key"});
    let accepted = system
        .submit_by("etherscan", &deployed.address, &body)
        .await;
    let (status, document) = system.import("etherscan", &deployed.address, &body).await;
    assert_eq!(
        (status, problem(&document).0),
        (429, "duplicate_verification_request")
    );
    assert_eq!(count_of_requests(&explorer).await, 1, "asked once for both");
    let kept = "SELECT count(*) FROM verification_job_inputs WHERE kind = 'etherscan'";
    let keys = "SELECT count(*) FROM verification_job_inputs WHERE input::text LIKE '%-key%'";
    assert_eq!((system.count(kept).await, system.count(keys).await), (1, 0));
    answers(&explorer, ResponseTemplate::new(500)).await;
    system.stack.restart_verifier(0).await.unwrap();
    let job = system.end_of(&accepted).await;
    assert_match(&job, "exact_match", "exact_match");
    assert_eq!(count_of_requests(&explorer).await, 0);
    system.stop().await;
}
