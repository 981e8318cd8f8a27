//! Requests that are not taken: each with its exact answer, and no row.

use std::io::{Read, Write};

use local_stack::Service;
use serde_json::{Value, json};

use crate::support::{TestSystem, problem};

const ADDRESS: &str = "0x5FbDB2315678afecb367f032d93F642f64180aa3";

fn body() -> Value {
    json!({
        "stdJsonInput": {"language": "Solidity", "sources": {"a.sol": {"content": "contract A {}"}}, "settings": {}},
        "compilerVersion": "0.8.28+commit.7893614a",
        "contractIdentifier": "a.sol:A",
    })
}

fn without(name: &str) -> String {
    let mut body = body();
    body.as_object_mut().unwrap().remove(name);
    body.to_string()
}

struct Request<'a> {
    path: String,
    content_type: Option<&'a str>,
    body: String,
}

fn post(path: &str, body: impl Into<String>) -> Request<'static> {
    Request {
        path: path.to_owned(),
        content_type: Some("application/json"),
        body: body.into(),
    }
}

async fn answer(base: &str, request: Request<'_>) -> (u16, Value) {
    let mut sent = reqwest::Client::new()
        .post(format!("{base}{}", request.path))
        .body(request.body);
    if let Some(content_type) = request.content_type {
        sent = sent.header("content-type", content_type);
    }
    let response = sent.send().await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(
        response.headers()["content-type"],
        "application/json; charset=utf-8"
    );
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    (status, response.json().await.unwrap())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn wrong_requests_are_refused_with_the_contracts_words() {
    let system = TestSystem::start().await;
    let base = system.stack.base_url();
    let good = format!("/v2/verify/31337/{ADDRESS}");
    let wrong_checksum = ADDRESS.replace("afe", "aFe");
    for (request, status, code, message) in [
        (
            post(&format!("/v2/verify/99/{ADDRESS}"), body().to_string()),
            400,
            "unsupported_chain",
            "Chain 99 not found",
        ),
        (
            post(&format!("/v2/verify/0/{ADDRESS}"), body().to_string()),
            400,
            "unsupported_chain",
            "Chain 0 not found",
        ),
        (
            post(&format!("/v2/verify/5/{ADDRESS}"), body().to_string()),
            400,
            "unsupported_chain",
            "Chain 5 is deprecated and takes no new verifications",
        ),
        (
            post(&format!("/v2/verify/x/{ADDRESS}"), body().to_string()),
            400,
            "invalid_parameter",
            r#"request/params/chainId must match pattern "^\d+$""#,
        ),
        (
            post(
                &format!("/v2/verify/31337/{wrong_checksum}"),
                body().to_string(),
            ),
            400,
            "invalid_parameter",
            &format!("Invalid address: {wrong_checksum}"),
        ),
        (
            post(&good, without("stdJsonInput")),
            400,
            "invalid_parameter",
            "request/body must have required property 'stdJsonInput'",
        ),
        (
            post(&good, without("compilerVersion")),
            400,
            "invalid_parameter",
            "request/body must have required property 'compilerVersion'",
        ),
        (
            post(&good, without("contractIdentifier")),
            400,
            "invalid_parameter",
            "request/body must have required property 'contractIdentifier'",
        ),
        (
            post(&good, "[]"),
            400,
            "invalid_parameter",
            "request/body must be object",
        ),
        (
            Request {
                path: good.clone(),
                content_type: Some("text/plain"),
                body: body().to_string(),
            },
            400,
            "invalid_parameter",
            "unsupported media type text/plain",
        ),
        (
            Request {
                path: good.clone(),
                content_type: None,
                body: body().to_string(),
            },
            400,
            "invalid_parameter",
            "unsupported media type undefined",
        ),
        (
            post(&format!("{good}?x=1"), body().to_string()),
            400,
            "invalid_parameter",
            "Unknown query parameter 'x'",
        ),
        (
            post(&good, " ".repeat((30 << 20) + 1)),
            413,
            "invalid_parameter",
            "request entity too large",
        ),
        (
            post("/v2/nosuch", "{}"),
            404,
            "route_not_found",
            "Cannot POST /v2/nosuch",
        ),
        (
            post("/chains", "{}"),
            404,
            "route_not_found",
            "Cannot POST /chains",
        ),
    ] {
        let (path, (got, document)) = (request.path.clone(), answer(&base, request).await);
        assert_eq!(
            (got, problem(&document)),
            (status, (code, message)),
            "{path}"
        );
    }
    let (status, document) = answer(&base, post(&good, "{\"stdJsonInput\": ")).await;
    assert_eq!((status, problem(&document).0), (400, "invalid_json"));
    assert_eq!(
        system.count("SELECT count(*) FROM verification_jobs").await,
        0
    );
    system.stop().await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn reading_answers_as_the_contract_says() {
    let system = TestSystem::start().await;
    let base = system.stack.base_url();
    let get = async |path: &str| {
        let response = reqwest::get(format!("{base}{path}")).await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    let unknown = "72d12273-0723-448e-a9f6-f7957128efa5";
    for (path, status, code, message) in [
        (
            format!("/v2/verify/{unknown}"),
            404,
            "job_not_found",
            format!("No verification job found for id {unknown}"),
        ),
        (
            "/v2/verify/abc".to_owned(),
            400,
            "invalid_parameter",
            "request/params/verificationId must NOT have fewer than 36 characters".to_owned(),
        ),
        (
            format!("/v2/contract/99/{ADDRESS}"),
            400,
            "unsupported_chain",
            "Chain 99 not found".to_owned(),
        ),
        (
            format!("/v2/contract/31337/{ADDRESS}?fields=abi&omit=abi"),
            400,
            "invalid_parameter",
            "Cannot specify both fields and omit".to_owned(),
        ),
        (
            format!("/v2/contract/31337/{ADDRESS}?fields=foo"),
            400,
            "invalid_parameter",
            "Field selector foo is not a valid field".to_owned(),
        ),
        (
            format!("/v2/contract/31337/{ADDRESS}?fields="),
            400,
            "invalid_parameter",
            "Empty value found for query parameter 'fields'".to_owned(),
        ),
        (
            format!("/v2/contract/31337/{ADDRESS}?fields=proxyResolution.onchainRuntimeBytecode"),
            400,
            "invalid_parameter",
            "Field selector proxyResolution.onchainRuntimeBytecode is not a valid field".to_owned(),
        ),
        (
            "/v2/contracts/31337?limit=1.5".to_owned(),
            400,
            "invalid_parameter",
            "request/query/limit must be integer".to_owned(),
        ),
        (
            "/v2/contracts/31337?afterMatchId=zzz".to_owned(),
            400,
            "invalid_parameter",
            "request/query/afterMatchId must be a match id".to_owned(),
        ),
        (
            "/v2/contracts/31337?afterMatchId=9223372036854775808".to_owned(),
            400,
            "invalid_parameter",
            "request/query/afterMatchId must be a match id".to_owned(),
        ),
        (
            format!("/v2/contract/0/{ADDRESS}"),
            400,
            "unsupported_chain",
            "Chain 0 not found".to_owned(),
        ),
        (
            "/chains?x=1".to_owned(),
            400,
            "invalid_parameter",
            "Unknown query parameter 'x'".to_owned(),
        ),
    ] {
        let (got, document) = get(&path).await;
        assert_eq!(
            (got, problem(&document)),
            (status, (code, message.as_str())),
            "{path}"
        );
    }
    let (status, document) = get(&format!("/v2/contract/5/{}", ADDRESS.to_lowercase())).await;
    let minimal = json!({"match": null, "creationMatch": null, "runtimeMatch": null, "chainId": "5", "address": ADDRESS});
    assert_eq!(
        (status, document),
        (404, minimal),
        "a deprecated chain stays readable"
    );

    let (status, chains) = get("/chains").await;
    let rpc = system.anvil.url();
    let wanted = json!([
        {"name": "Old chain", "chainId": 5, "rpc": [rpc], "traceSupportedRPCs": [], "supported": false, "etherscanAPI": false},
        {"name": "Test chain", "chainId": 31337, "rpc": [rpc], "supported": true, "etherscanAPI": false,
         "traceSupportedRPCs": [{"type": "trace_transaction", "index": 0}]},
    ]);
    assert_eq!((status, chains), (200, wanted));
    let (status, version) = get("/version").await;
    assert_eq!((status, &version["name"]), (200, &json!("sourcerun")));
    system.stop().await;
}

#[tokio::test]
async fn who_has_too_many_open_jobs_is_told_when_to_come_back() {
    for (setting, seconds) in [("MAX_OPEN_JOBS_PER_CLIENT", "10"), ("MAX_OPEN_JOBS", "30")] {
        let system = TestSystem::with(|config| config.with(Service::PublicApi, setting, "0")).await;
        let url = format!("{}/v2/verify/31337/{ADDRESS}", system.stack.base_url());
        let request = reqwest::Client::new().post(url).json(&body());
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), 429, "{setting}");
        assert_eq!(refused.headers()["retry-after"], seconds);
        let document: Value = refused.json().await.unwrap();
        assert_eq!(problem(&document).0, "too_many_requests");
        assert_eq!(
            system.count("SELECT count(*) FROM verification_jobs").await,
            0
        );
        system.stop().await;
    }
}

#[tokio::test]
async fn browsers_may_ask_from_anywhere() {
    let system = TestSystem::start().await;
    let url = format!("{}/v2/verify/31337/{ADDRESS}", system.stack.base_url());
    let preflight = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, url)
        .header("origin", "https://remix.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    assert_eq!(
        preflight.headers()["access-control-allow-methods"],
        "GET, HEAD, POST, OPTIONS"
    );
    let headers = preflight.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(headers.contains("content-type"), "{headers}");
    let answer = reqwest::get(format!("{}/version", system.stack.base_url())).await;
    let shown = &answer.unwrap().headers()["access-control-expose-headers"].clone();
    assert_eq!(
        shown, "etag, retry-after",
        "a page may not read them otherwise"
    );
    system.stop().await;
}

/// The harness would see a line at level ERROR.
#[tokio::test]
async fn what_is_no_http_is_answered_and_alarms_nobody() {
    let system = TestSystem::start().await;
    for request in [
        "GET / HTTP/1.1\r\nhost: a\r\nx: \u{1}\r\n\r\n",
        "junk\r\n\r\n",
    ] {
        let address = system.stack.public_api().address();
        let mut connection = std::net::TcpStream::connect(address).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    system.stop().await;
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let system = TestSystem::start().await;
    let base = system.stack.base_url();
    let http = reqwest::Client::new();
    for (path, status) in [
        ("/health", 200),
        ("/chains", 200),
        ("/version", 200),
        (&*format!("/v2/contract/31337/{ADDRESS}"), 404),
        ("/v2/verify/72d12273-0723-448e-a9f6-f7957128efa5", 404),
    ] {
        let url = format!("{base}{path}");
        let head = http.head(&url).send().await.unwrap();
        assert_eq!(head.status(), status, "{path}");
        assert_eq!(
            http.get(&url).send().await.unwrap().status(),
            status,
            "{path}"
        );
        assert!(head.bytes().await.unwrap().is_empty(), "{path}");
    }
    system.stop().await;
}
