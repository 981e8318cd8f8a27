//! What a proxy forwards to is asked by few at once, kept when it is news, and shown even if it can't be.

use common::chains::Chains;
use common::config::chains::ChainRegistry;
use common::db::contracts::ContractReader;
use common::db::matches;
use common::lookup::{self, ProxyQuestions, Selection};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use verification::verdict::MatchStatus::ExactMatch;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::story::{Contract, LONG, World, new_match};

const PROXY: Contract = Contract(1);

/// A verified proxy whose target is in EIP-1967's slot.
async fn world() -> World {
    let world = World::new().await;
    let mut new = new_match(None, Some(ExactMatch));
    let slot = "360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
    let code = hex::decode(format!("365f80375f80365f7f{slot}545af4")).unwrap();
    new.deployment.onchain_runtime_code = code;
    let lease = world.leased(PROXY).await;
    matches::store_match(&world.database, &lease, &new)
        .await
        .unwrap();
    world
}

/// A node whose storage is this everywhere.
async fn node(word: &str) -> MockServer {
    let node = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({"result": word}));
    Mock::given(any()).respond_with(answer).mount(&node).await;
    node
}

async fn asked(world: &World, node: &MockServer, at_once: usize) -> Value {
    let file = json!({"31337": {"sourcifyName": "It", "supported": true, "rpc": [node.uri()]}});
    let registry = ChainRegistry::parse(&file.to_string(), &|_| None).unwrap();
    let questions = ProxyQuestions {
        chains: &Chains::new(&registry, LONG).unwrap(),
        within: LONG,
        at_once: &Semaphore::new(at_once),
    };
    let selection = Selection::parse(Some("proxyResolution"), None).unwrap();
    let found = lookup::find(&world.database, PROXY.chain_id(), PROXY.address()).await;
    let found = found.unwrap().unwrap();
    let document = found.into_document(&world.database, &selection, &questions);
    let document: Value = serde_json::from_slice(&document.await.unwrap().json).unwrap();
    document["proxyResolution"].clone()
}

fn forwards_to(address: &str) -> Value {
    json!({
        "isProxy": true, "proxyType": "EIP1967Proxy", "implementations": [{"address": address}]
    })
}

/// Digits that have no case.
const FIRST: &str = "0x1111111111111111111111111111111111111111";
const SECOND: &str = "0x2222222222222222222222222222222222222222";

#[tokio::test]
async fn only_news_of_a_proxy_is_written() {
    let world = world().await;
    let mut versions = Vec::new();
    for target in [FIRST, FIRST, SECOND] {
        let node = node(target).await;
        assert_eq!(asked(&world, &node, 1).await, forwards_to(target));
        // The row is another one after each write.
        let version = "SELECT xmin::text, implementations #>> '{0}' FROM proxy_resolutions";
        let row = world.sql.query_one(version, &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(1), target);
        versions.push(row.get::<_, String>(0));
    }
    assert_eq!(versions[0], versions[1]);
    assert_ne!(versions[1], versions[2]);
}

#[tokio::test]
async fn an_answer_that_can_not_be_kept_is_an_answer() {
    let world = world().await;
    let refuse = "ALTER TABLE proxy_resolutions ADD CONSTRAINT nothing CHECK (false)";
    world.sql.batch_execute(refuse).await.unwrap();
    let node = node(FIRST).await;
    assert_eq!(asked(&world, &node, 1).await, forwards_to(FIRST));
}

#[tokio::test]
async fn where_all_places_are_taken_the_chain_is_not_asked() {
    let world = world().await;
    let node = node(FIRST).await;
    let answer = asked(&world, &node, 0).await;
    let code = &answer["proxyResolutionError"]["customCode"];
    assert_eq!(code, "proxy_resolution_error", "{answer}");
    assert!(node.received_requests().await.unwrap().is_empty());
}

/// As an import or a newer program may leave it.
#[tokio::test]
async fn a_kind_of_proxy_that_nobody_knows_is_not_resolved() {
    let world = world().await;
    let node = node(FIRST).await;
    asked(&world, &node, 1).await;
    let rename = "UPDATE proxy_resolutions SET proxy_type = 'EIP9999Proxy'";
    assert_eq!(world.sql.execute(rename, &[]).await.unwrap(), 1);
    let reader = ContractReader::new(&world.database).await.unwrap();
    let (chain_id, address) = (PROXY.chain_id(), PROXY.address());
    let stored = reader.find_proxy_resolution(chain_id, &address);
    assert_eq!(stored.await.unwrap(), None);
    drop(reader);
    assert_eq!(asked(&world, &node, 1).await, forwards_to(FIRST));
}
