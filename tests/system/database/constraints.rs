//! Rows that cannot be true are refused, whoever writes them.

use common::db::matches;
use tokio_postgres::Client;
use verification::verdict::MatchStatus::ExactMatch;

use super::story::{Contract, World, new_match};

#[tokio::test]
async fn each_state_of_a_job_has_its_columns_and_no_others() {
    let world = with_a_match().await;
    let lease = "lease_owner = 'x', lease_token = gen_random_uuid(), lease_until = now()";
    let error = "error_code = 'no_match', error_id = gen_random_uuid()";
    let verified = "verified_contract_id = (SELECT id FROM verified_contracts)";
    let end = "completed_at = now()";
    let good = [
        "state = 'pending'".to_owned(),
        "state = 'pending', attempt = 4, error_data = '{}', compilation_time = 1".to_owned(),
        format!("state = 'running', attempt = 1, {lease}"),
        format!("state = 'succeeded', {end}, {verified}"),
        format!("state = 'failed', {end}, {error}, error_data = '{{}}', hardware = 'unknown'"),
    ];
    let bad = [
        "state = 'done'".to_owned(),
        "state = ''".to_owned(),
        format!("state = 'pending', {lease}"),
        format!("state = 'pending', {end}"),
        format!("state = 'pending', {error}"),
        format!("state = 'pending', {verified}"),
        "state = 'pending', lease_owner = 'x'".to_owned(),
        "state = 'running', attempt = 1".to_owned(),
        format!("state = 'running', attempt = 0, {lease}"),
        format!("state = 'running', attempt = 1, {lease}, {end}"),
        format!("state = 'running', attempt = 1, {lease}, {error}"),
        "state = 'running', attempt = 1, lease_owner = 'x', lease_until = now()".to_owned(),
        format!("state = 'succeeded', {verified}"),
        format!("state = 'succeeded', {end}"),
        format!("state = 'succeeded', {end}, {verified}, {error}"),
        format!("state = 'succeeded', {end}, {verified}, {lease}"),
        format!("state = 'failed', {error}"),
        format!("state = 'failed', {end}"),
        format!("state = 'failed', {end}, error_code = 'no_match'"),
        format!("state = 'failed', {end}, error_id = gen_random_uuid()"),
        format!("state = 'failed', {end}, {error}, {verified}"),
        format!("state = 'failed', {end}, {error}, {lease}"),
        "attempt = -1".to_owned(),
        "dispatches = -1".to_owned(),
        "compilation_time = -1".to_owned(),
        "chain_id = 0".to_owned(),
        "chain_id = -1".to_owned(),
        "contract_address = '\\x00'".to_owned(),
    ];
    let job = world.accepted(Contract(2)).await;
    let update =
        |columns: &str| format!("UPDATE verification_jobs SET {columns} WHERE id = '{job}'");
    for columns in good {
        assert_eq!(
            refusal(&world.sql, &update(&columns)).await,
            None,
            "{columns}"
        );
    }
    for columns in bad {
        let refused = refusal(&world.sql, &update(&columns)).await;
        assert!(
            refused.is_some_and(|by| by.starts_with("verification_jobs_")),
            "{columns}"
        );
    }
}

/// Statements that the constraint after them must refuse.
const REFUSED: [(&str, &str); 29] = [
    (
        "INSERT INTO code VALUES ('\\x00', sha256(''), '')",
        "code_hash_is_sha256",
    ),
    (
        "INSERT INTO code VALUES (sha256('a'), sha256(''), NULL)",
        "code_hash_is_sha256",
    ),
    (
        "INSERT INTO code VALUES (sha256('a'), '\\x00', 'a')",
        "code_hash_keccak_is_32_bytes",
    ),
    (
        "INSERT INTO code VALUES (sha256('a'), '', 'a')",
        "code_hash_keccak_is_32_bytes",
    ),
    (
        "INSERT INTO contracts (runtime_code_hash) VALUES ('\\x00')",
        "contracts_runtime_code_hash_fkey",
    ),
    (
        "INSERT INTO contracts (runtime_code_hash) SELECT runtime_code_hash FROM contracts \
      UNION ALL SELECT runtime_code_hash FROM contracts",
        "contracts_are_pairs_of_codes",
    ),
    (
        "UPDATE contract_deployments SET chain_id = 0",
        "contract_deployments_chain_id",
    ),
    (
        "UPDATE contract_deployments SET address = '\\x00'",
        "contract_deployments_address",
    ),
    (
        "UPDATE contract_deployments SET transaction_hash = '\\x00'",
        "contract_deployments_transaction_hash",
    ),
    (
        "UPDATE contract_deployments SET deployer = '\\x00'",
        "contract_deployments_deployer",
    ),
    (
        "UPDATE contract_deployments SET block_number = -2",
        "contract_deployments_block_number",
    ),
    (
        "UPDATE contract_deployments SET block_number = 0.5",
        "contract_deployments_block_number",
    ),
    (
        "UPDATE contract_deployments SET transaction_index = -2",
        "contract_deployments_transaction_index",
    ),
    (
        "UPDATE contract_deployments SET transaction_hash = NULL",
        "contract_deployments_facts_belong_to_a_transaction",
    ),
    (
        "UPDATE sources SET content = 'other'",
        "sources_hash_is_sha256",
    ),
    (
        "UPDATE sources SET source_hash_keccak = ''",
        "sources_hash_keccak_is_32_bytes",
    ),
    (
        "UPDATE compiled_contracts_sources SET path = 'same'",
        "compiled_contracts_sources_have_one_path",
    ),
    (
        "INSERT INTO signatures (signature_hash_32, signature) VALUES ('\\x00', 'f()')",
        "signatures_hash_is_32_bytes",
    ),
    (
        "INSERT INTO compiled_contracts_signatures (compilation_id, signature_hash_32, signature_type) \
      SELECT compilation_id, signature_hash_32, signature_type FROM compiled_contracts_signatures",
        "compiled_contracts_signatures_are_unique",
    ),
    (
        "UPDATE verified_contracts SET creation_match = false",
        "verified_contracts_creation_is_whole",
    ),
    (
        "UPDATE verified_contracts SET creation_values = NULL",
        "verified_contracts_creation_is_whole",
    ),
    (
        "UPDATE verified_contracts SET runtime_match = false",
        "verified_contracts_runtime_is_whole",
    ),
    (
        "UPDATE verified_contracts SET runtime_metadata_match = NULL",
        "verified_contracts_runtime_is_whole",
    ),
    (
        "UPDATE verified_contracts SET creation_match = false, creation_values = NULL, \
      creation_transformations = NULL, creation_metadata_match = NULL, runtime_match = false, \
      runtime_values = NULL, runtime_transformations = NULL, runtime_metadata_match = NULL",
        "verified_contracts_match",
    ),
    (
        "UPDATE sourcify_matches SET runtime_match = 'exact_match'",
        "sourcify_matches_runtime_match",
    ),
    (
        "UPDATE sourcify_matches SET creation_match = NULL, runtime_match = NULL",
        "sourcify_matches_match",
    ),
    (
        "UPDATE sourcify_matches SET chain_id = chain_id + 1",
        "sourcify_matches_name_their_deployment",
    ),
    (
        "UPDATE sourcify_matches SET address = sha256('')",
        "sourcify_matches_name_their_deployment",
    ),
    (
        "DELETE FROM verified_contracts",
        "sourcify_matches_verified_contract_id_fkey",
    ),
];

#[tokio::test]
async fn rows_that_cannot_be_true_are_refused() {
    let world = with_a_match().await;
    for (statement, constraint) in REFUSED {
        let refused = refusal(&world.sql, statement).await;
        assert_eq!(refused.as_deref(), Some(constraint), "{statement}");
    }
}

#[tokio::test]
async fn the_unknown_code_and_the_genesis_block_of_foreign_data_are_taken() {
    let world = with_a_match().await;
    for statement in [
        "INSERT INTO code VALUES ('', '', NULL)",
        "UPDATE contract_deployments SET block_number = -1, transaction_index = -1",
        "UPDATE contract_deployments SET block_number = 1e30",
    ] {
        assert_eq!(refusal(&world.sql, statement).await, None, "{statement}");
    }
}

/// A match that moves with its deployment is right at the commit, in whatever order it was written.
#[tokio::test]
async fn a_match_is_compared_with_its_deployment_at_the_commit() {
    let world = with_a_match().await;
    let moved = "BEGIN; UPDATE sourcify_matches SET chain_id = 5; \
                 UPDATE contract_deployments SET chain_id = 5; COMMIT";
    world.sql.batch_execute(moved).await.unwrap();
}

#[tokio::test]
async fn the_first_dates_of_a_row_stay() {
    let world = with_a_match().await;
    for table in [
        "code",
        "contracts",
        "contract_deployments",
        "compiled_contracts",
        "sources",
        "verified_contracts",
    ] {
        let change = format!(
            "UPDATE {table} SET created_at = 'epoch', created_by = 'nobody', updated_at = 'epoch', \
             updated_by = 'nobody'"
        );
        world.sql.batch_execute(&change).await.unwrap();
        let kept = format!(
            "SELECT bool_and(created_at > 'epoch' AND created_by = CURRENT_USER \
             AND updated_at > created_at AND updated_by = CURRENT_USER) FROM {table}"
        );
        let kept: bool = world.sql.query_one(&kept, &[]).await.unwrap().get(0);
        assert!(kept, "{table}");
    }
    let imported = "INSERT INTO code (code_hash, code_hash_keccak, created_at) \
                    VALUES ('', '', 'epoch') RETURNING created_at = 'epoch'";
    let keeps_its_date: bool = world.sql.query_one(imported, &[]).await.unwrap().get(0);
    assert!(keeps_its_date);
}

#[tokio::test]
async fn lookups_go_by_an_index() {
    let world = World::new().await;
    world
        .sql
        .batch_execute("SET enable_seqscan = off")
        .await
        .unwrap();
    for (statement, index) in [
        (
            "SELECT 1 FROM code WHERE substring(code from 1 for 75) = '\\x00'",
            "code_first_75_bytes",
        ),
        (
            "SELECT 1 FROM sourcify_matches WHERE chain_id = 1 AND address = '\\x00'",
            "sourcify_matches_are_one_per_contract",
        ),
        (
            "SELECT 1 FROM sourcify_matches WHERE chain_id = 1 AND id > 5 ORDER BY id LIMIT 9",
            "sourcify_matches_chain_id_id",
        ),
        (
            "SELECT 1 FROM verification_jobs WHERE state IN ('pending', 'running') AND next_attempt_at <= now() ORDER BY next_attempt_at LIMIT 9",
            "verification_jobs_due",
        ),
    ] {
        let plan = world
            .sql
            .query(&format!("EXPLAIN {statement}"), &[])
            .await
            .unwrap();
        let plan: Vec<String> = plan.iter().map(|line| line.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
        assert!(!plan.iter().any(|line| line.contains("Sort")), "{plan:#?}");
    }
}

async fn with_a_match() -> World {
    let world = World::new().await;
    let lease = world.leased(Contract(1)).await;
    let new = new_match(Some(ExactMatch), Some(ExactMatch));
    matches::store_match(&world.database, &lease, &new)
        .await
        .unwrap();
    world
}

/// The constraint that refuses the statement, if one does; the row is as before then and else.
async fn refusal(sql: &Client, statement: &str) -> Option<String> {
    sql.batch_execute("BEGIN").await.unwrap();
    let outcome = match sql.batch_execute(statement).await {
        Ok(()) => sql.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await,
        refused => refused,
    };
    sql.batch_execute("ROLLBACK").await.unwrap();
    let refused = outcome.err()?;
    let refused = refused.as_db_error().expect("a refusal of the database");
    Some(refused.constraint().unwrap_or(refused.message()).to_owned())
}
