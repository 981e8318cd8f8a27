//! The database refuses documents that are not what the Verifier Alliance says, and only those.

use common::db::matches;
use serde_json::Value;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use verification::verdict::MatchStatus::ExactMatch;

use super::story::{Contract, World, new_match};

const CASES: &str = include_str!("documents.json");

#[tokio::test]
async fn every_kind_of_document_is_checked_as_a_whole() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let new = new_match(Some(ExactMatch), Some(ExactMatch));
    matches::store_match(&world.database, &lease, &new)
        .await
        .unwrap();
    let contract = Contract(1);
    common::db::contracts::store_proxy_resolution(
        &world.database,
        contract.chain_id(),
        &contract.address(),
        None,
        &[],
    )
    .await
    .unwrap();

    let groups: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert_eq!(groups.len(), 9);
    let mut wrong = Vec::new();
    for group in &groups {
        let column = group["column"].as_str().unwrap();
        for document in group["good"].as_array().unwrap() {
            if let Err(refusal) = put(&world.sql, column, document).await {
                wrong.push(format!("{column} refuses {document}: {refusal}"));
            }
        }
        for case in group["bad"].as_array().unwrap() {
            let outcome = put(&world.sql, column, &case["document"]).await;
            if outcome != Err(column.replace('.', "_")) {
                wrong.push(format!("{column} with {}: {outcome:?}", case["why"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Immutables are Solidity's: another language has no references to them.
#[tokio::test]
async fn only_solidity_has_immutable_references() {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let mut new = new_match(Some(ExactMatch), None);
    new.compilation.language = "vyper".to_owned();
    let refused = matches::store_match(&world.database, &lease, &new).await;
    assert!(refused.is_err());
    new.compilation.runtime_code_artifacts["immutableReferences"] = Value::Null;
    matches::store_match(&world.database, &lease, &new)
        .await
        .unwrap();
}

/// Writes the document into the one row of the table; a refusal is the constraint's name.
async fn put(sql: &Client, column: &str, document: &Value) -> Result<(), String> {
    let (table, column) = column.split_once('.').unwrap();
    let update = format!("UPDATE {table} SET {column} = $1");
    match sql.execute(&update, &[document]).await {
        Ok(rows) => {
            assert_eq!(rows, 1);
            Ok(())
        }
        Err(refusal) => {
            let refusal = refusal.as_db_error().expect("a refusal of the database");
            match *refusal.code() == SqlState::CHECK_VIOLATION {
                true => Err(refusal.constraint().unwrap_or_default().to_owned()),
                // A document must be refused by its check, not by an accident inside it.
                false => Err(format!("{refusal}")),
            }
        }
    }
}
