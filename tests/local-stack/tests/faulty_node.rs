//! What a node answers on bad days, and that nothing else changes.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::time::Duration;

use local_stack::anvil::Anvil;
use local_stack::faulty_node::{FaultyNode, NodeFault};
use serde_json::{Value, json};

const ADDRESS: &str = "0x00000000000000000000000000000000000000aa";

struct Asker {
    // Dropped before the chain.
    node: FaultyNode,
    _chain: Anvil,
    http: reqwest::Client,
}

impl Asker {
    async fn new() -> Self {
        let chain = Anvil::start(31337, &[]).await.unwrap();
        let code = json!([ADDRESS, "0x6001"]);
        chain.call("anvil_setCode", code).await.unwrap();
        Self {
            node: FaultyNode::before(&chain.url()).unwrap(),
            _chain: chain,
            http: reqwest::Client::builder()
                .timeout(Duration::from_millis(500))
                .build()
                .unwrap(),
        }
    }

    async fn send(&self, method: &str) -> reqwest::Result<reqwest::Response> {
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": method,
            "params": if method == "eth_getCode" { json!([ADDRESS, "latest"]) } else { json!([]) }});
        self.http.post(self.node.url()).json(&call).send().await
    }

    async fn ask(&self, method: &str) -> Value {
        self.send(method).await.unwrap().json().await.unwrap()
    }

    async fn code(&self) -> Value {
        self.ask("eth_getCode").await["result"].take()
    }
}

#[tokio::test]
async fn the_truth_passes_until_a_fault_is_ordered_and_afterwards() {
    let asker = Asker::new().await;
    assert_eq!(asker.code().await, "0x6001");
    asker.node.fail_next("eth_getCode", 2, NodeFault::Null);
    assert_eq!(asker.ask("eth_chainId").await["result"], "0x7a69");
    for expected in [Value::Null, Value::Null, json!("0x6001")] {
        assert_eq!(asker.code().await, expected);
    }
    asker.node.fail(NodeFault::Lagging);
    assert_eq!(asker.code().await, "0x");
    assert_eq!(asker.ask("eth_blockNumber").await["result"], "0x0");
    assert_eq!(
        asker.ask("eth_getTransactionReceipt").await["result"],
        Value::Null
    );
    asker.node.heal();
    assert_eq!(asker.code().await, "0x6001");
    assert_eq!(asker.node.asked("eth_getCode"), 6);
    assert_eq!(asker.node.asked_in_all(), 9);
}

#[tokio::test]
async fn answers_are_wrong_in_the_way_that_was_ordered() {
    let asker = Asker::new().await;
    let node = &asker.node;
    let status = NodeFault::Status {
        status: 429,
        retry_after_s: Some(3),
    };
    node.fail_next("eth_getCode", 1, status);
    let answer = asker.send("eth_getCode").await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "3");

    let error = NodeFault::Error {
        code: -32005,
        message: "limit".to_owned(),
    };
    node.fail_next("eth_getCode", 1, error);
    assert_eq!(
        asker.ask("eth_getCode").await,
        json!({"jsonrpc": "2.0", "id": 7, "error": {"code": -32005, "message": "limit"}})
    );

    node.fail_next("eth_getCode", 1, NodeFault::Wrong(json!("0x6002")));
    assert_eq!(asker.code().await, "0x6002");

    node.fail_next("eth_getCode", 1, NodeFault::OtherId);
    assert_eq!(
        asker.ask("eth_getCode").await,
        json!({"jsonrpc": "2.0", "id": "of another call", "result": "0x6001"})
    );

    node.fail_next("eth_getCode", 1, NodeFault::Malformed);
    let malformed = asker.send("eth_getCode").await.unwrap();
    assert!(malformed.json::<Value>().await.unwrap_err().is_decode());

    node.fail_next("eth_getCode", 1, NodeFault::Truncated);
    let torn = asker.send("eth_getCode").await.unwrap();
    assert_eq!(torn.status(), 200);
    assert!(torn.bytes().await.is_err(), "half of it never comes");

    node.fail_next("eth_getCode", 1, NodeFault::Hang);
    assert!(asker.send("eth_getCode").await.unwrap_err().is_timeout());
    assert_eq!(asker.code().await, "0x6001");
}
