//! How chains are asked when nodes lag, limit, lie and break.

use std::time::Duration;

use crate::config::chains::ChainRegistry;
use serde_json::{Value, json};
use verification::chain::{Address, ChainId, TransactionHash};
use wiremock::matchers::{body_partial_json, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{ChainFault, Chains};

const ADDRESS: Address = Address::from_bytes([0x11; 20]);

fn chain_id() -> ChainId {
    "1".parse().unwrap()
}

fn hash() -> TransactionHash {
    format!("0x{}", "ab".repeat(32)).parse().unwrap()
}

fn chains(rpcs: &[Value]) -> Chains {
    let file = json!({"1": {"sourcifyName": "One", "supported": true, "rpc": rpcs}});
    let registry = ChainRegistry::parse(&file.to_string(), &|_| None).unwrap();
    Chains::new(&registry, Duration::from_millis(500)).unwrap()
}

async fn node(answers: &[(&str, Value)]) -> MockServer {
    let server = MockServer::start().await;
    for (name, result) in answers {
        Mock::given(method("POST"))
            .and(body_partial_json(json!({"method": name})))
            .respond_with(
                ResponseTemplate::new(200)
                    .set_body_json(json!({"jsonrpc": "2.0", "id": 1, "result": result})),
            )
            .mount(&server)
            .await;
    }
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "the method is not available"}}),
        ))
        .with_priority(9)
        .mount(&server)
        .await;
    server
}

async fn broken_node(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

async fn code_of(servers: &[&MockServer]) -> Result<Option<Vec<u8>>, ChainFault> {
    let rpcs: Vec<Value> = servers.iter().map(|server| server.uri().into()).collect();
    chains(&rpcs).runtime_code(chain_id(), ADDRESS).await
}

#[tokio::test]
async fn whatever_is_wrong_with_one_node_the_next_is_asked() {
    let good = node(&[("eth_getCode", json!("0x6001"))]).await;
    let ok = |body: &str| ResponseTemplate::new(200).set_body_string(body.to_owned());
    for answer in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(429).insert_header("retry-after", "60"),
        ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/"),
        ok("<html>maintenance</html>"),
        ok(r#"{"jsonrpc":"2.0","id":1,"resu"#),
        ok(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit exceeded"}}"#),
        ok(r#"{"jsonrpc":"2.0","id":1,"result":null}"#),
        ok(r#"{"jsonrpc":"2.0","id":1,"result":"0x"}"#),
        ok(r#"{"jsonrpc":"2.0","id":2,"result":"0x6002"}"#),
        ok("").set_delay(Duration::from_secs(5)),
    ] {
        let broken = broken_node(answer.clone()).await;
        let code = code_of(&[&broken, &good]).await.unwrap();
        assert_eq!(code, Some(vec![0x60, 0x01]), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_about_one_contract_is_short() {
    let good = node(&[("eth_getCode", json!("0x6001"))]).await;
    let endless = node(&[("eth_getCode", format!("0x{}", "60".repeat(1 << 20)).into())]).await;
    let code = code_of(&[&endless, &good]).await.unwrap();
    assert_eq!(code, Some(vec![0x60, 0x01]));
    let fault = code_of(&[&endless]).await.unwrap_err().to_string();
    assert!(fault.contains("beyond every measure"), "{fault}");
}

#[tokio::test]
async fn no_code_is_said_only_when_a_node_said_so() {
    let empty = node(&[("eth_getCode", json!("0x"))]).await;
    let broken = broken_node(ResponseTemplate::new(500)).await;
    assert_eq!(code_of(&[&broken, &empty]).await.unwrap(), None);
    let fault = code_of(&[&broken]).await.unwrap_err().to_string();
    assert!(fault.contains("HTTP status 500"), "{fault}");
    for lie in [
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":"0x"}"#,
    ] {
        let liar = broken_node(ResponseTemplate::new(200).set_body_string(lie)).await;
        assert!(code_of(&[&liar]).await.is_err(), "{lie}");
    }
    let nobody = chains(&[json!("http://127.0.0.1:1")])
        .runtime_code(chain_id(), ADDRESS)
        .await;
    assert!(matches!(nobody, Err(ChainFault::NobodyAnswered { .. })));
    let unknown = chains(&[json!("http://127.0.0.1:1")])
        .runtime_code("2".parse().unwrap(), ADDRESS)
        .await;
    assert!(matches!(unknown, Err(ChainFault::Unknown(_))));
}

#[tokio::test]
async fn a_fault_shows_no_key() {
    let rpc =
        json!({"type": "FetchRequest", "url": "http://user:s3cret@127.0.0.1:1/v2/?key=s3cret"});
    let fault = chains(&[rpc])
        .runtime_code(chain_id(), ADDRESS)
        .await
        .unwrap_err();
    let shown = format!("{fault} {fault:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn a_chain_with_one_node_is_never_lost() {
    let server = broken_node(ResponseTemplate::new(500)).await;
    let chains = chains(&[server.uri().into()]);
    for _ in 0..4 {
        assert!(chains.runtime_code(chain_id(), ADDRESS).await.is_err());
    }
    server.reset().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"result": "0xfe"})))
        .mount(&server)
        .await;
    assert_eq!(
        chains.runtime_code(chain_id(), ADDRESS).await.unwrap(),
        Some(vec![0xfe])
    );
}

fn transaction(contract_address: Value) -> Vec<(&'static str, Value)> {
    vec![
        (
            "eth_getTransactionByHash",
            json!({"from": format!("0x{}", "22".repeat(20)), "input": "0xaabb"}),
        ),
        (
            "eth_getTransactionReceipt",
            json!({"contractAddress": contract_address, "blockNumber": "0x10", "transactionIndex": "0x1"}),
        ),
    ]
}

async fn creation_at(
    server: &MockServer,
    traces: &str,
    given: Option<TransactionHash>,
) -> Result<Option<Vec<u8>>, ChainFault> {
    let rpc = json!({"type": "BaseRPC", "url": server.uri(), "traceSupport": traces});
    let found = chains(&[rpc]).creation(chain_id(), ADDRESS, given).await?;
    Ok(found.map(|creation| {
        assert_eq!((creation.block_number, creation.transaction_index), (16, 1));
        assert_eq!(creation.deployer, Address::from_bytes([0x22; 20]));
        creation.code
    }))
}

#[tokio::test]
async fn a_contract_made_by_its_transaction_was_made_with_the_input() {
    let server = node(&transaction(json!(ADDRESS.to_lower_hex()))).await;
    let code = creation_at(&server, "trace_transaction", Some(hash()))
        .await
        .unwrap();
    assert_eq!(code, Some(vec![0xaa, 0xbb]));
}

#[tokio::test]
async fn a_factorys_child_is_found_in_traces_of_both_kinds() {
    let mut answers = transaction(Value::Null);
    answers.push(("trace_transaction", json!([
        {"type": "create", "action": {"init": "0xcc"}, "result": {"address": ADDRESS.to_lower_hex()}}])));
    answers.push((
        "debug_traceTransaction",
        json!({"type": "CALL", "calls": [
        {"type": "CREATE2", "to": ADDRESS.to_lower_hex(), "input": "0xcc"}]}),
    ));
    let server = node(&answers).await;
    for traces in ["trace_transaction", "debug_traceTransaction"] {
        assert_eq!(
            creation_at(&server, traces, Some(hash())).await.unwrap(),
            Some(vec![0xcc])
        );
    }
}

#[tokio::test]
async fn a_transaction_that_made_something_else_is_dropped_and_not_replaced() {
    let mut answers = transaction(json!(format!("0x{}", "33".repeat(20))));
    answers.push(("trace_transaction", json!([])));
    answers.push((
        "ots_getContractCreator",
        json!({"hash": format!("0x{}", "cd".repeat(32)), "creator": "0x"}),
    ));
    let server = node(&answers).await;
    assert_eq!(
        creation_at(&server, "trace_transaction", Some(hash()))
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn without_a_hash_the_chains_own_index_is_asked() {
    let mut answers = transaction(json!(ADDRESS.to_lower_hex()));
    answers.push((
        "ots_getContractCreator",
        json!({"hash": hash().to_string(), "creator": "0x"}),
    ));
    let server = node(&answers).await;
    let found = creation_at(&server, "trace_transaction", None)
        .await
        .unwrap();
    assert_eq!(found, Some(vec![0xaa, 0xbb]));
    let without_index = node(&transaction(json!(ADDRESS.to_lower_hex()))).await;
    assert_eq!(
        creation_at(&without_index, "trace_transaction", None)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn an_unknown_transaction_is_no_fault_but_a_dead_node_is() {
    let unknown = node(&[
        ("eth_getTransactionByHash", Value::Null),
        ("eth_getTransactionReceipt", Value::Null),
    ])
    .await;
    assert_eq!(
        creation_at(&unknown, "trace_transaction", Some(hash()))
            .await
            .unwrap(),
        None
    );
    let dead = broken_node(ResponseTemplate::new(503)).await;
    assert!(
        creation_at(&dead, "trace_transaction", Some(hash()))
            .await
            .is_err()
    );
    let untraced = node(&transaction(Value::Null)).await;
    let traces_fail = creation_at(&untraced, "trace_transaction", Some(hash())).await;
    assert!(
        traces_fail.is_err(),
        "the one node with traces refused: nobody looked"
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_says_nothing_about_the_contract() {
    let good = node(&[("eth_getCode", json!("0x6001"))]).await;
    for result in [
        json!(7),
        json!("6001"),
        json!("0xzz"),
        json!({"code": "0x6001"}),
        json!(null),
    ] {
        let odd = node(&[("eth_getCode", result.clone())]).await;
        let alone = code_of(&[&odd]).await;
        assert!(alone.is_err(), "{result}: {alone:?}");
        assert_eq!(
            code_of(&[&odd, &good]).await.unwrap(),
            Some(vec![0x60, 0x01]),
            "{result}"
        );
    }
    let neither = broken_node(ResponseTemplate::new(200).set_body_string("{}")).await;
    assert!(code_of(&[&neither]).await.is_err());
    let half = node(&[
        ("eth_getTransactionByHash", json!({"from": 5})),
        (
            "eth_getTransactionReceipt",
            json!({"contractAddress": null}),
        ),
    ])
    .await;
    let found = creation_at(&half, "trace_transaction", Some(hash())).await;
    assert!(found.is_err(), "{found:?}");
}

#[tokio::test]
async fn a_search_that_reached_nobody_is_a_fault() {
    let dead = broken_node(ResponseTemplate::new(503)).await;
    let found = creation_at(&dead, "trace_transaction", None).await;
    assert!(found.is_err(), "{found:?}");
}
