//! Contracts are found by their code, best first, and however many there are.

use common::db::contracts::{Candidate, ContractReader};
use common::db::jobs;
use common::db::matches;
use verification::verdict::MatchStatus::{self, ExactMatch, Match};

use super::story::{Contract, World, new_job, new_match};

const BEGINNING: [u8; 75] = [0x60; 75];

fn code(ending: &[u8]) -> Vec<u8> {
    [BEGINNING.as_slice(), ending].concat()
}

/// A contract that is verified: its code on the chain, and the recompiled one.
async fn verified(
    world: &World,
    contract: Contract,
    on_chain: &[u8],
    recompiled: &[u8],
    level: MatchStatus,
) {
    let lease = world.leased(contract).await;
    let mut new = new_match(None, Some(level));
    new.deployment.onchain_runtime_code = on_chain.to_vec();
    new.compilation.runtime_code = recompiled.to_vec();
    matches::store_match(&world.database, &lease, &new)
        .await
        .unwrap();
}

/// The contracts of the candidates, in their order.
async fn contracts_of(world: &World, candidates: Vec<Candidate>) -> Vec<u8> {
    let mut found = Vec::new();
    for candidate in candidates {
        let address =
            "SELECT address FROM sourcify_matches WHERE id = $1 AND verified_contract_id = $2";
        let row = world
            .sql
            .query_one(
                address,
                &[&candidate.match_id, &candidate.verified_contract_id],
            )
            .await
            .unwrap();
        let address: Vec<u8> = row.get(0);
        found.push(address[0]);
    }
    found
}

#[tokio::test]
async fn the_best_come_first_then_the_newest_and_each_compilation_once() {
    let world = World::new().await;
    for (number, on_chain, recompiled, level) in [
        (1, code(&[1]), code(&[10]), ExactMatch),
        (2, code(&[1]), code(&[20]), Match),
        (3, code(&[1]), code(&[10]), Match),
        (4, code(&[2]), code(&[40]), Match),
        (5, code(&[1]), code(&[50]), Match),
        (6, vec![0x61; 80], vec![0x61; 80], ExactMatch),
        (7, BEGINNING.to_vec(), BEGINNING.to_vec(), ExactMatch),
        (8, vec![0x60; 74], vec![0x60; 74], ExactMatch),
    ] {
        verified(&world, Contract(number), &on_chain, &recompiled, level).await;
    }
    let reader = ContractReader::new(&world.database).await.unwrap();
    let same = reader.list_with_code(&code(&[1]), 20).await.unwrap();
    // The third has the compilation of the first.
    assert_eq!(contracts_of(&world, same).await, [1, 5, 2]);
    let alike = reader.list_beginning_like(&code(&[99]), 20).await.unwrap();
    assert_eq!(contracts_of(&world, alike).await, [7, 1, 5, 4, 2]);
    let few = reader.list_beginning_like(&code(&[99]), 2).await.unwrap();
    assert_eq!(contracts_of(&world, few).await, [7, 1]);
    let short = reader.list_beginning_like(&[0x60; 74], 20).await.unwrap();
    assert_eq!(contracts_of(&world, short).await, [8]);
    assert!(reader.list_with_code(&[], 20).await.unwrap().is_empty());
}

const V11: &str = include_str!("../../../sql/migrations/V11__beginnings_of_recompiled_code.sql");

#[tokio::test]
async fn what_was_stored_before_beginnings_were_kept_is_found_by_them() {
    let world = World::new().await;
    verified(&world, Contract(1), &code(&[1]), &code(&[10]), Match).await;
    let dates = async || {
        let dates = "SELECT created_at::text, updated_at::text FROM compiled_contracts";
        let row = world.sql.query_one(dates, &[]).await.unwrap();
        (row.get::<_, String>(0), row.get::<_, String>(1))
    };
    let before = dates().await;
    let older = "DROP TRIGGER compiled_contracts_fill_runtime_code_prefix ON compiled_contracts;
         DROP FUNCTION fill_runtime_code_prefix();
         ALTER TABLE compiled_contracts DROP COLUMN runtime_code_prefix";
    world.sql.batch_execute(older).await.unwrap();
    world.sql.batch_execute(V11).await.unwrap();
    assert_eq!(dates().await, before);
    let reader = ContractReader::new(&world.database).await.unwrap();
    let alike = reader.list_beginning_like(&code(&[99]), 20).await.unwrap();
    assert_eq!(contracts_of(&world, alike).await, [1]);
    let audit = "UPDATE compiled_contracts SET name = 'D'";
    world.sql.batch_execute(audit).await.unwrap();
    assert_ne!(dates().await, before, "updates leave their date again");
}

#[tokio::test]
async fn metadata_is_a_candidates_own() {
    let world = World::new().await;
    verified(&world, Contract(1), &code(&[1]), &code(&[10]), Match).await;
    let reader = ContractReader::new(&world.database).await.unwrap();
    let known = reader.list_beginning_like(&code(&[1]), 20).await.unwrap()[0];
    let metadata = reader.find_metadata_of(known).await.unwrap();
    assert!(metadata.is_some(), "the match shows it");
    let improved = Candidate {
        verified_contract_id: known.verified_contract_id + 1,
        ..known
    };
    assert_eq!(reader.find_metadata_of(improved).await.unwrap(), None);
}

/// Four thousand contracts: half of them one program, half of them each its own. And the children of a
/// factory, which nobody verified: on the chain they begin like the last of the former.
const MANY: [&str; 7] = [
    "CREATE TEMPORARY TABLE many AS
     SELECT
         number,
         gen_random_uuid() AS contract_id,
         gen_random_uuid() AS deployment_id,
         gen_random_uuid() AS compilation_id,
         nextval('verified_contracts_id_seq') AS verified_id,
         decode(repeat('60', 75) || repeat(md5(greatest(number, 2000)::text), 3), 'hex') AS popular,
         decode(repeat(md5(number::text), 6), 'hex') AS own
     FROM generate_series(1, 4000) AS number",
    "INSERT INTO code (code_hash, code_hash_keccak, code)
     SELECT DISTINCT sha256(code), sha256(code), code
     FROM (SELECT CASE WHEN number <= 2000 THEN popular ELSE own END AS code FROM many) AS codes",
    "INSERT INTO contracts (id, runtime_code_hash)
     SELECT contract_id, sha256(CASE WHEN number <= 2000 THEN popular ELSE own END)
     FROM many WHERE number >= 2000",
    "INSERT INTO contract_deployments (id, chain_id, address, contract_id)
     SELECT deployment_id, 1, decode(lpad(to_hex(number), 40, '0'), 'hex'),
         CASE WHEN number <= 2000 THEN (SELECT contract_id FROM many WHERE number = 2000) ELSE contract_id END
     FROM many",
    "INSERT INTO compiled_contracts (id, compiler, version, language, name, fully_qualified_name,
         compiler_settings, compilation_artifacts, creation_code_hash, runtime_code_hash,
         creation_code_artifacts, runtime_code_artifacts)
     SELECT many.compilation_id, 'solc', number::text, known.language, known.name, known.fully_qualified_name,
         known.compiler_settings, known.compilation_artifacts, known.creation_code_hash,
         sha256(CASE WHEN number <= 2000 THEN popular ELSE own END),
         known.creation_code_artifacts, known.runtime_code_artifacts
     FROM many CROSS JOIN (SELECT * FROM compiled_contracts LIMIT 1) AS known",
    "WITH verified AS (
         INSERT INTO verified_contracts (id, deployment_id, compilation_id, creation_match, runtime_match,
             runtime_values, runtime_transformations, runtime_metadata_match)
         SELECT verified_id, deployment_id, compilation_id, false, true, '{}', '[]', true FROM many
         RETURNING id
     )
     INSERT INTO sourcify_matches (verified_contract_id, runtime_match, chain_id, address)
     SELECT verified.id, 'perfect', 1, decode(lpad(to_hex(many.number), 40, '0'), 'hex')
     FROM verified JOIN many ON many.verified_id = verified.id",
    "INSERT INTO code (code_hash, code_hash_keccak, code)
     SELECT sha256(child), sha256(child), child
     FROM (
         SELECT substring(own, 1, 75) || int4send(sibling) AS child
         FROM many CROSS JOIN generate_series(1, 5000) AS sibling
         WHERE number = 4000
     ) AS children",
];

/// The most rows that any step of the plan gave.
fn most_rows(plan: &str) -> f64 {
    let number = |line: &str, name: &str| -> Option<f64> {
        let (_, rest) = line.split_once("actual ")?.1.split_once(name)?;
        rest.split([' ', ')']).next()?.parse().ok()
    };
    let rows = |line| Some(number(line, "rows=")? * number(line, "loops=")?);
    plan.lines().filter_map(rows).fold(0.0, f64::max)
}

#[tokio::test]
async fn no_table_is_read_whole_and_a_popular_program_costs_no_more_than_its_limit() {
    let world = World::new().await;
    verified(&world, Contract(1), &code(&[1]), &code(&[1]), Match).await;
    for statement in MANY {
        // One transaction for each, as deferred checks need.
        world.sql.batch_execute(statement).await.unwrap();
    }
    world.sql.batch_execute("ANALYZE").await.unwrap();
    let popular = "SELECT popular FROM many WHERE number = 1";
    let popular: Vec<u8> = world.sql.query_one(popular, &[]).await.unwrap().get(0);
    let rare = "SELECT own FROM many WHERE number = 4000";
    let rare: Vec<u8> = world.sql.query_one(rare, &[]).await.unwrap().get(0);
    let hash = "SELECT sha256($1::bytea)";
    let reader = ContractReader::new(&world.database).await.unwrap();
    for code in [&popular, &rare] {
        let row = world.sql.query_one(hash, &[code]).await.unwrap();
        let hash: Vec<u8> = row.get(0);
        for (statement, parameter) in [
            (
                include_str!("../../../sql/queries/contracts/list_with_code.sql"),
                &hash,
            ),
            (
                include_str!("../../../sql/queries/contracts/list_beginning_like.sql"),
                code,
            ),
        ] {
            let explain = format!("EXPLAIN (ANALYZE, TIMING OFF) {statement}");
            let lines = world
                .sql
                .query(&explain, &[parameter, &20_i64])
                .await
                .unwrap();
            let plan: Vec<String> = lines.iter().map(|line| line.get(0)).collect();
            let plan = plan.join("\n");
            assert!(!plan.contains("Seq Scan"), "{plan}");
            let rows = most_rows(&plan);
            assert!((1.0..=2000.0).contains(&rows), "{rows} rows:\n{plan}");
        }
        let expected = if code == &popular { 20 } else { 1 };
        let same = reader.list_with_code(code, 20).await.unwrap();
        let alike = reader.list_beginning_like(code, 20).await.unwrap();
        assert_eq!((same.len(), alike.len()), (expected, expected));
    }
}

#[tokio::test]
async fn what_would_become_of_a_job_can_be_foreseen() {
    let world = World::new().await;
    let contract = Contract(1);
    let limits = new_job(contract).limits;
    let foreseen = async || {
        jobs::foresee(
            &world.database,
            contract.chain_id(),
            contract.address(),
            None,
            limits,
        )
        .await
        .unwrap()
    };
    assert_eq!(foreseen().await, jobs::Acceptance::Accepted);
    let job = new_job(contract);
    jobs::accept(&world.database, &job).await.unwrap();
    assert_eq!(foreseen().await, jobs::Acceptance::Duplicate);
    let lease = world.lease(job.id, super::story::LONG).await.unwrap().lease;
    let new = new_match(Some(ExactMatch), Some(ExactMatch));
    matches::store_match(&world.database, &lease, &new)
        .await
        .unwrap();
    assert_eq!(foreseen().await, jobs::Acceptance::AlreadyVerified);
}
