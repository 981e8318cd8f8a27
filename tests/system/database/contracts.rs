//! What was stored is read back as it was given.

use std::time::Duration;

use common::api::contract::ProxyType;
use common::chains::Chains;
use common::config::chains::ChainRegistry;
use common::db::contracts::{self, ContractReader, MatchRow, Page, SortOrder};
use common::db::jobs::Progress;
use common::db::matches::{self, NewMatch, StoreOutcome};
use common::lookup::{self, ProxyQuestions, Selection};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use verification::chain::{Address, ChainId};
use verification::signatures::SignatureKind;
use verification::verdict::MatchStatus::{ExactMatch, Match};

use super::story::{Contract, LONG, World, creation_transaction, new_job, new_match};

#[tokio::test]
async fn a_match_is_read_back_with_its_deployment() {
    let world = World::new().await;
    let mut new = new_match(Some(Match), Some(ExactMatch));
    if let Some(side) = &mut new.creation_match {
        side.transformations =
            json!([{"type": "insert", "reason": "constructorArguments", "offset": 3}]);
        side.values = json!({"constructorArguments": "0x03"});
    }
    let row = store(&world, Contract(1), &new).await;
    let reader = reader(&world).await;

    assert_eq!(row.levels, new.levels());
    assert_eq!(row.chain_id, Contract(1).chain_id());
    assert_eq!(row.address, Contract(1).address());
    let metadata = reader.find_metadata(row.match_id).await.unwrap();
    assert_eq!(metadata, new.metadata, "byte for byte");

    let verified = reader.get_verified(row.verified_contract_id).await.unwrap();
    let (creation, runtime) = (verified.creation.unwrap(), verified.runtime.unwrap());
    let given = new.creation_match.as_ref().unwrap();
    assert_eq!(value(&creation.transformations), given.transformations);
    assert_eq!(value(&creation.values), given.values);
    assert_eq!(
        (value(&runtime.transformations), value(&runtime.values)),
        (json!([]), json!({}))
    );
    let (deployment, transaction) = (verified.deployment, creation_transaction());
    assert_eq!(deployment.transaction_hash, Some(transaction.hash));
    assert_eq!(
        deployment.block_number.as_deref(),
        Some("18446744073709551615")
    );
    assert_eq!(deployment.transaction_index.as_deref(), Some("0"));
    assert_eq!(deployment.deployer, Some(transaction.deployer));
}

#[tokio::test]
async fn a_compilation_is_read_back_in_questions_asked_at_the_same_time() {
    let world = World::new().await;
    let mut new = new_match(Some(Match), Some(ExactMatch));
    new.compilation.additional_input = Some(json!({"storage_layout_overrides": {}}));
    let row = store(&world, Contract(1), &new).await;
    let reader = reader(&world).await;
    let verified = reader.get_verified(row.verified_contract_id).await.unwrap();
    let (codes, compilation, sources) = tokio::try_join!(
        reader.get_codes(verified.id),
        reader.get_compilation(verified.compilation_id),
        reader.list_sources(verified.compilation_id),
    )
    .unwrap();
    assert_eq!(codes.onchain_creation, new.deployment.onchain_creation_code);
    assert_eq!(
        codes.onchain_runtime,
        Some(new.deployment.onchain_runtime_code)
    );
    let given = new.compilation;
    assert_eq!(codes.recompiled_creation, Some(given.creation_code));
    assert_eq!(codes.recompiled_runtime, Some(given.runtime_code));
    assert_eq!(compilation.compiler, given.compiler);
    assert_eq!(compilation.version, given.version);
    assert_eq!(compilation.language, given.language);
    assert_eq!(compilation.name, given.name);
    assert_eq!(compilation.fully_qualified_name, given.fully_qualified_name);
    assert_eq!(value(&compilation.settings), given.settings);
    assert_eq!(value(&compilation.artifacts), given.artifacts);
    assert_eq!(
        value(&compilation.creation_code_artifacts),
        given.creation_code_artifacts
    );
    assert_eq!(
        value(&compilation.runtime_code_artifacts),
        given.runtime_code_artifacts
    );
    assert_eq!(
        compilation
            .additional_input
            .map(|document| value(&document)),
        given.additional_input
    );
    let sources: Vec<_> = sources
        .into_iter()
        .map(|file| (file.path, file.content))
        .collect();
    assert_eq!(sources, given.sources.into_iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn signatures_are_read_back_with_their_hashes() {
    let world = World::new().await;
    let row = store(&world, Contract(1), &new_match(None, Some(Match))).await;
    let reader = reader(&world).await;
    let verified = reader.get_verified(row.verified_contract_id).await.unwrap();
    let signatures = reader
        .list_signatures(verified.compilation_id)
        .await
        .unwrap();
    let transfer = "a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b";
    let transfers = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
    let signatures: Vec<_> = signatures
        .iter()
        .map(|read| (read.kind, read.text.as_str(), hex::encode(read.hash)))
        .collect();
    let (function, event) = (
        "transfer(address,uint256)",
        "Transfer(address,address,uint256)",
    );
    assert_eq!(
        signatures,
        [
            (SignatureKind::Function, function, transfer.to_owned()),
            (SignatureKind::Event, event, transfers.to_owned()),
            (SignatureKind::Error, function, transfer.to_owned()),
        ]
    );
}

#[tokio::test]
async fn what_is_unknown_is_read_back_as_unknown() {
    let world = World::new().await;
    let mut new = new_match(None, Some(Match));
    new.deployment.onchain_creation_code = None;
    new.deployment.creation_transaction = None;
    new.metadata = None;
    let row = store(&world, Contract(1), &new).await;
    let reader = reader(&world).await;
    let verified = reader.get_verified(row.verified_contract_id).await.unwrap();
    assert!(verified.creation.is_none());
    let deployment = verified.deployment;
    assert_eq!(deployment.transaction_hash, None);
    assert_eq!(deployment.block_number, None);
    assert_eq!(deployment.transaction_index, None);
    assert_eq!(deployment.deployer, None);
    assert_eq!(
        reader
            .get_codes(verified.id)
            .await
            .unwrap()
            .onchain_creation,
        None
    );
    assert_eq!(reader.find_metadata(row.match_id).await.unwrap(), None);
}

/// The match becomes better between the question for its entity tag and the one for its document, by
/// another compilation or by the same.
#[tokio::test]
async fn a_document_and_its_version_are_of_one_state() {
    let world = World::new().await;
    let chains = ChainRegistry::parse("{}", &|_| None).unwrap();
    let chains = Chains::new(&chains, Duration::from_secs(1)).unwrap();
    let questions = ProxyQuestions {
        chains: &chains,
        within: Duration::from_secs(1),
        at_once: &Semaphore::new(1),
    };
    let all = Selection::parse(None, Some("proxyResolution")).unwrap();
    let (chain_id, address) = (Contract(1).chain_id(), Contract(1).address());
    let find = async || {
        let found = lookup::find(&world.database, chain_id, address).await;
        found.unwrap().unwrap()
    };
    let first = new_match(None, Some(Match));
    store(&world, Contract(1), &first).await;
    let mut other = new_match(None, Some(ExactMatch));
    other.compilation.creation_code = vec![0x60, 7];
    other.metadata = Some(r#"{"other": true}"#.to_owned());
    let mut same = new_match(Some(Match), Some(ExactMatch));
    same.compilation.creation_code = vec![0x60, 7];
    for better in [other, same] {
        let found = find().await;
        store(&world, Contract(1), &better).await;
        let before = found.version(&all);
        let torn = found.into_document(&world.database, &all, &questions);
        let torn = torn.await.unwrap();
        let whole = find().await;
        let whole = whole.into_document(&world.database, &all, &questions);
        let whole = whole.await.unwrap();
        let read = |document: &[u8]| serde_json::from_slice::<Value>(document).unwrap();
        assert_eq!(read(&torn.json), read(&whole.json));
        assert_eq!(torn.version, whole.version);
        assert_ne!(torn.version, before);
    }
}

/// The second upgrade as well as the first.
#[tokio::test]
async fn each_better_match_is_the_one_that_is_shown() {
    let world = World::new().await;
    let chains = Chains::new(&ChainRegistry::parse("{}", &|_| None).unwrap(), LONG).unwrap();
    let questions = ProxyQuestions {
        chains: &chains,
        within: LONG,
        at_once: &Semaphore::new(1),
    };
    let metadata = Selection::parse(Some("metadata"), None).unwrap();
    let contract = Contract(1);
    let mut ids = Vec::new();
    for (number, (creation, runtime)) in (0..).zip([
        (None, Match),
        (Some(Match), Match),
        (Some(ExactMatch), ExactMatch),
    ]) {
        let mut new = new_match(creation, Some(runtime));
        new.compilation.creation_code = vec![0x60, number];
        new.metadata = Some(json!({"number": number}).to_string());
        let lease = world.leased(contract).await;
        let outcome = matches::store_match(&world.database, &lease, &new).await;
        assert!(matches!(outcome.unwrap(), StoreOutcome::Stored(_)));
        let Progress::Succeeded {
            levels, match_id, ..
        } = world.job(lease.job()).await.progress
        else {
            panic!("not succeeded");
        };
        let found = lookup::find(&world.database, contract.chain_id(), contract.address());
        let found = found.await.unwrap().unwrap();
        let shown = found.into_document(&world.database, &metadata, &questions);
        let shown: Value = serde_json::from_slice(&shown.await.unwrap().json).unwrap();
        let name = |level| match level {
            Some(ExactMatch) => json!("exact_match"),
            Some(Match) => json!("match"),
            None => Value::Null,
        };
        assert_eq!(levels, new.levels());
        assert_eq!(shown["matchId"], match_id.to_string());
        assert_eq!(shown["creationMatch"], name(creation));
        assert_eq!(shown["runtimeMatch"], name(Some(runtime)));
        assert_eq!(shown["metadata"], json!({"number": number}));
        ids.push(match_id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn a_contract_that_nobody_verified_is_not_found() {
    let world = World::new().await;
    store(&world, Contract(1), &new_match(None, Some(Match))).await;
    let reader = reader(&world).await;
    let (chain_id, address) = (Contract(2).chain_id(), Contract(2).address());
    assert_eq!(reader.find_match(chain_id, &address).await.unwrap(), None);
    let elsewhere = ChainId::try_from(1).unwrap();
    let address_of_another_chain = Contract(1).address();
    let found = reader
        .find_match(elsewhere, &address_of_another_chain)
        .await;
    assert_eq!(found.unwrap(), None);
    assert_eq!(reader.list_on_all_chains(&address).await.unwrap(), []);
    assert_eq!(reader.find_metadata(1_000_000).await.unwrap(), None);
    assert!(reader.get_verified(1_000_000).await.is_err());
}

#[tokio::test]
async fn a_chain_is_listed_page_by_page() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for number in 1..=7 {
        let row = store(&world, Contract(number), &new_match(None, Some(Match))).await;
        ids.push(row.match_id);
    }
    let reader = reader(&world).await;
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        let mut listed = Vec::new();
        let mut after_match_id = None;
        loop {
            let page = Page {
                order,
                after_match_id,
                limit: 3,
            };
            let rows = reader
                .list_matches(Contract(1).chain_id(), page)
                .await
                .unwrap();
            listed.extend(rows.iter().map(|row| row.match_id));
            after_match_id = rows.last().map(|row| row.match_id);
            if rows.len() < 3 {
                break;
            }
        }
        assert_eq!(listed, ids, "{order:?}");
        ids.reverse();
    }
    let beyond = Page {
        order: SortOrder::Ascending,
        after_match_id: Some(i64::MAX),
        limit: 3,
    };
    let rows = reader
        .list_matches(Contract(1).chain_id(), beyond)
        .await
        .unwrap();
    assert_eq!(rows, []);
}

#[tokio::test]
async fn an_address_is_found_on_all_its_chains() {
    let world = World::new().await;
    for chain_id in [7, 1, i64::MAX] {
        let mut job = new_job(Contract(1));
        job.chain_id = chain_id.try_into().unwrap();
        common::db::jobs::accept(&world.database, &job)
            .await
            .unwrap();
        let lease = world.lease(job.id, LONG).await.unwrap().lease;
        let new = new_match(None, Some(Match));
        matches::store_match(&world.database, &lease, &new)
            .await
            .unwrap();
    }
    let rows = reader(&world)
        .await
        .list_on_all_chains(&Contract(1).address())
        .await;
    let chains: Vec<i64> = rows
        .unwrap()
        .iter()
        .map(|row| row.chain_id.as_i64())
        .collect();
    assert_eq!(chains, [1, 7, i64::MAX]);
}

#[tokio::test]
async fn the_last_resolution_of_a_proxy_stays() {
    let world = World::new().await;
    let (chain_id, address) = (Contract(1).chain_id(), Contract(1).address());
    let reader = reader(&world).await;
    assert_eq!(
        reader
            .find_proxy_resolution(chain_id, &address)
            .await
            .unwrap(),
        None
    );
    let targets = [Address::from([0xab; 20]), Address::from([0xcd; 20])];
    for (proxy_type, implementations) in [
        (Some(ProxyType::DiamondProxy), &targets[..]),
        (Some(ProxyType::EIP1967Proxy), &targets[..1]),
        (None, &[]),
    ] {
        let database = &world.database;
        contracts::store_proxy_resolution(
            database,
            chain_id,
            &address,
            proxy_type,
            implementations,
        )
        .await
        .unwrap();
        let stored = reader
            .find_proxy_resolution(chain_id, &address)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stored.proxy_type, proxy_type);
        assert_eq!(stored.implementations, implementations);
    }
}

async fn reader(world: &World) -> ContractReader {
    ContractReader::new(&world.database).await.unwrap()
}

async fn store(world: &World, contract: Contract, new: &NewMatch) -> MatchRow {
    let lease = world.leased(contract).await;
    let outcome = matches::store_match(&world.database, &lease, new)
        .await
        .unwrap();
    let StoreOutcome::Stored(stored) = outcome else {
        panic!("not stored: {outcome:?}");
    };
    let (chain_id, address) = (contract.chain_id(), contract.address());
    let row = reader(world)
        .await
        .find_match(chain_id, &address)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.match_id, stored.match_id);
    assert_eq!(row.verified_contract_id, stored.verified_contract_id);
    row
}

fn value(document: &RawValue) -> Value {
    serde_json::from_str(document.get()).unwrap()
}
