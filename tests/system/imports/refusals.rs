//! Requests that are not taken, in the order in which they are looked at.

use serde_json::{Value, json};

use crate::support::{TestSystem, problem};

const ADDRESS: &str = "0x5FbDB2315678afecb367f032d93F642f64180aa3";

fn good(way: &str) -> Value {
    match way {
        "metadata" => json!({
            "sources": {},
            "metadata": {
                "compiler": {"version": "0.8.28+commit.7893614a"},
                "language": "Solidity",
                "settings": {"compilationTarget": {"a.sol": "A"}},
                "sources": {},
            },
        }),
        _ => json!({}),
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn all_three_ways_have_the_same_door() {
    let system = TestSystem::start().await;
    let base = system.stack.base_url();
    let post = async |path: &str, content_type: Option<&str>, body: String| {
        let mut request = reqwest::Client::new()
            .post(format!("{base}/v2/verify/{path}"))
            .body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let document: Value = answer.json().await.unwrap();
        let (code, message) = problem(&document);
        (status, code.to_owned(), message.to_owned())
    };
    let said =
        |status: u16, code: &str, message: &str| (status, code.to_owned(), message.to_owned());
    let invalid = |message: &str| said(400, "invalid_parameter", message);
    let wrong_checksum = ADDRESS.replace("afe", "aFe");
    for way in ["metadata", "etherscan", "similarity"] {
        let (json, body) = (Some("application/json"), good(way).to_string());
        let path = format!("{way}/31337/{ADDRESS}");
        for (found, wanted) in [
            (
                post(&path, None, String::new()).await,
                invalid("unsupported media type undefined"),
            ),
            (
                post(&path, json, "[]".to_owned()).await,
                invalid("request/body must be object"),
            ),
            (
                post(&format!("{way}/x/{ADDRESS}"), json, "[]".to_owned()).await,
                invalid(r#"request/params/chainId must match pattern "^\d+$""#),
            ),
            (
                post(&format!("{path}?x=1"), json, body.clone()).await,
                invalid("Unknown query parameter 'x'"),
            ),
            (
                post(&format!("{way}/99/{wrong_checksum}"), json, body.clone()).await,
                said(400, "unsupported_chain", "Chain 99 not found"),
            ),
            (
                post(&format!("{way}/31337/{wrong_checksum}"), json, body.clone()).await,
                invalid(&format!("Invalid address: {wrong_checksum}")),
            ),
            (
                post(&format!("{way}/5/{ADDRESS}"), json, body.clone()).await,
                said(
                    400,
                    "unsupported_chain",
                    "Chain 5 is deprecated and takes no new verifications",
                ),
            ),
        ] {
            assert_eq!(found, wanted, "{way}");
        }
        let (status, code, _) = post(&path, json, "{".to_owned()).await;
        assert_eq!((status, code.as_str()), (400, "invalid_json"));
    }
    let json = Some("application/json");
    let path = format!("etherscan/31337/{ADDRESS}");
    assert_eq!(
        post(&path, json, "{}".to_owned()).await,
        said(
            400,
            "unsupported_chain",
            "Requested chain 31337 is not supported for importing from Etherscan."
        )
    );
    let path = format!("metadata/31337/{ADDRESS}");
    let mut lacking = good("metadata");
    lacking["metadata"]["compiler"] = json!({});
    assert_eq!(
        post(&path, json, lacking.to_string()).await,
        invalid("Metadata must contain a compiler.version field.")
    );
    let jobs = "SELECT count(*) FROM verification_jobs";
    assert_eq!(system.count(jobs).await, 0);
    system.stop().await;
}
