//! Real contracts on a real chain, verified through the public API: what matches, and what does not.

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::U256;
use local_stack::Service;
use local_stack::deploy;
use local_stack::project::Project;
use serde_json::{Value, json};

use crate::support::{CHAIN_ID, TestSystem, job_error, problem};

pub(crate) fn token_arguments() -> Vec<DynSolValue> {
    vec![
        DynSolValue::String("Test Token".to_owned()),
        DynSolValue::String("TEST".to_owned()),
        DynSolValue::Uint(U256::from(6), 8),
        DynSolValue::Uint(U256::from(1000), 256),
    ]
}

#[tokio::test]
async fn a_token_with_arguments_and_immutables_matches_exactly() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.deploy("Token.sol", "Token", token_arguments()).await;
    let body = project.submission(Some(&deployed.transaction)).unwrap();
    let job = system.verify(&deployed.address, &body).await;
    for name in ["match", "creationMatch", "runtimeMatch"] {
        assert_eq!(job["contract"][name], "exact_match", "{job}");
    }
    assert_eq!(
        job.get("error"),
        None,
        "absent, not null: a client fails on null"
    );
    assert!(job["compilationTime"].is_string(), "{job}");
    let contract = system
        .client
        .contract(CHAIN_ID, &deployed.address, "?fields=all")
        .await
        .unwrap();
    assert_eq!(contract["matchId"], job["contract"]["matchId"]);
    assert_eq!(contract["verifiedAt"], job["contract"]["verifiedAt"]);
    assert_eq!(
        contract["deployment"]["transactionHash"],
        json!(deployed.transaction)
    );
    assert_eq!(
        contract["compilation"]["fullyQualifiedName"],
        "contracts/Token.sol:Token"
    );
    assert_eq!(
        contract["compilation"]["compilerVersion"],
        "0.8.28+commit.7893614a"
    );
    the_document_is_whole(&contract);
    let slim = system
        .client
        .contract(CHAIN_ID, &deployed.address, "?fields=abi,compilation.name");
    let slim = slim.await.unwrap();
    let mut names: Vec<&String> = slim.as_object().unwrap().keys().collect();
    names.sort();
    let wanted = [
        "abi",
        "address",
        "chainId",
        "compilation",
        "creationMatch",
        "match",
        "matchId",
        "runtimeMatch",
        "verifiedAt",
    ];
    assert_eq!(names, wanted);
    assert_eq!(slim["compilation"], json!({"name": "Token"}));
    system.stop().await;
}

fn the_document_is_whole(contract: &Value) {
    let reasons = |side: &str| -> Vec<String> {
        let list = contract[side]["transformations"].as_array().unwrap();
        let mut reasons: Vec<String> = list
            .iter()
            .map(|one| one["reason"].as_str().unwrap().to_owned())
            .collect();
        reasons.dedup();
        reasons
    };
    assert_eq!(reasons("creationBytecode"), ["constructorArguments"]);
    assert_eq!(reasons("runtimeBytecode"), ["immutable"]);
    let arguments = deploy_arguments();
    assert_eq!(
        contract["creationBytecode"]["transformationValues"],
        json!({"constructorArguments": arguments})
    );
    assert_eq!(contract["sources"], contract["stdJsonInput"]["sources"]);
    assert_eq!(contract["proxyResolution"]["isProxy"], false);
    let signatures = contract["signatures"]["function"].as_array().unwrap();
    assert!(signatures.contains(&json!({
        "signature": "transfer(address,uint256)",
        "signatureHash4": "0xa9059cbb",
        "signatureHash32": "0xa9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b",
    })));
}

fn deploy_arguments() -> String {
    format!(
        "0x{}",
        hex::encode(DynSolValue::Tuple(token_arguments()).abi_encode_params())
    )
}

#[tokio::test]
async fn a_factory_and_its_child_match_and_the_child_needs_no_hash() {
    let system = TestSystem::start().await;
    let (factory, deployed) = system.deploy("Factory.sol", "Factory", Vec::new()).await;
    let number = vec![DynSolValue::Uint(U256::from(42), 256)];
    let transaction = deploy::transact(&system.anvil, &deployed.address, "make(uint256)", number)
        .await
        .unwrap();
    let child_address = deploy::read_address(&system.anvil, &deployed.address, "last()")
        .await
        .unwrap();
    let child = Project::read("Factory.sol", "Child").unwrap();
    for (address, body) in [
        (
            &deployed.address,
            factory.submission(Some(&deployed.transaction)).unwrap(),
        ),
        // The chain's own index of creators finds the transaction, and its trace the creation code.
        (&child_address, child.submission(None).unwrap()),
    ] {
        let job = system.verify(address, &body).await;
        assert_eq!(job["contract"]["creationMatch"], "exact_match", "{job}");
        assert_eq!(job["contract"]["runtimeMatch"], "exact_match", "{job}");
    }
    let query = "?fields=deployment,creationBytecode.transformationValues";
    let found = system
        .client
        .contract(CHAIN_ID, &child_address, query)
        .await
        .unwrap();
    assert_eq!(found["deployment"]["transactionHash"], json!(transaction));
    let word = format!("0x{:064x}", 42);
    assert_eq!(
        found["creationBytecode"]["transformationValues"],
        json!({"constructorArguments": word})
    );
    system.stop().await;
}

#[tokio::test]
async fn a_contract_is_verified_once_and_better_only_by_more() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    let exact = project.submission(Some(&deployed.transaction)).unwrap();
    let mut weaker = exact.clone();
    let source = &mut weaker["stdJsonInput"]["sources"]["contracts/Small.sol"]["content"];
    *source = json!(format!(
        "{}\n// another comment, another hash",
        source.as_str().unwrap()
    ));

    let first = system.verify(&deployed.address, &weaker).await;
    assert_eq!(first["contract"]["match"], "match", "{first}");
    let same = system.verify(&deployed.address, &weaker).await;
    let message = "The contract is already verified and the job didn't yield a better match.";
    assert_eq!(job_error(&same), ("already_verified", message));
    let better = system.verify(&deployed.address, &exact).await;
    assert_eq!(better["contract"]["match"], "exact_match", "{better}");
    assert_eq!(
        better["contract"]["matchId"], first["contract"]["matchId"],
        "an upgrade keeps its id"
    );

    let url = format!(
        "{}/v2/verify/{CHAIN_ID}/{}",
        system.stack.base_url(),
        deployed.address
    );
    let refused = reqwest::Client::new()
        .post(url)
        .json(&exact)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 409);
    let document: Value = refused.json().await.unwrap();
    assert_eq!(problem(&document).0, "already_verified");
    system.stop().await;
}

#[tokio::test]
async fn of_many_requests_for_one_contract_one_is_taken() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let url = format!(
        "{}/v2/verify/{CHAIN_ID}/{}",
        system.stack.base_url(),
        deployed.address
    );
    let http = reqwest::Client::new();
    let sent = (0..8).map(|_| http.post(&url).json(&body).send());
    let mut statuses = Vec::new();
    for answer in futures::future::join_all(sent).await {
        let answer = answer.unwrap();
        let status = answer.status().as_u16();
        let document: Value = answer.json().await.unwrap();
        if status == 429 {
            assert_eq!(problem(&document).0, "duplicate_verification_request");
        }
        statuses.push(status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 429, 429, 429, 429, 429, 429, 429]);
    let pending = "SELECT count(*) FROM verification_jobs WHERE completed_at IS NULL";
    crate::support::until("the end of the job", async || {
        (system.count(pending).await == 0).then_some(())
    })
    .await;
    system.stop().await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn what_cannot_be_verified_says_why() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    let good = project.submission(None).unwrap();
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let source = "/stdJsonInput/sources/contracts~1Small.sol/content";
    let checksummed = checksummed(&deployed.address);
    let nobody = "0x00000000000000000000000000000000000000Aa";
    let nobody = nobody.to_lowercase();
    for (address, body, code, message) in [
        (
            &deployed.address,
            with("/compilerVersion", json!("0.8.99+commit.12345678")),
            "unsupported_compiler_version",
            "Compiler version 0.8.99+commit.12345678 is not available.".to_owned(),
        ),
        (
            &deployed.address,
            with("/contractIdentifier", json!("contracts/Small.sol:Large")),
            "contract_not_found_in_compiler_output",
            "Contract not found in compiler output.".to_owned(),
        ),
        (
            &nobody,
            good.clone(),
            "contract_not_deployed",
            format!("Chain #31337 does not have a contract deployed at {}.", self::checksummed(&nobody)),
        ),
        (
            &deployed.address,
            with(source, json!("pragma solidity ^0.8.20; contract Small { uint256 public other = 7; uint8 x = 3; }")),
            "bytecode_length_mismatch",
            "The recompiled bytecode length doesn't match the onchain bytecode length.".to_owned(),
        ),
        (
            &deployed.address,
            with(source, json!("pragma solidity ^0.8.20; abstract contract Small {}")),
            "compiled_bytecode_is_zero",
            "The compiled contract bytecode is \"0x\". Are you trying to verify an abstract contract?".to_owned(),
        ),
    ] {
        let job = system.verify(address, &body).await;
        assert_eq!(job_error(&job), (code, message.as_str()));
    }
    let broken = with(
        source,
        json!("pragma solidity ^0.8.20; contract Small { function f( }"),
    );
    let job = system.verify(&deployed.address, &broken).await;
    let (code, message) = job_error(&job);
    assert_eq!(code, "compiler_error");
    assert!(message.starts_with("Compiler error. [{"), "{message}");
    let error = &job["error"]["errorData"]["compilerErrors"][0];
    assert_eq!(
        (&error["severity"], &error["type"]),
        (&json!("error"), &json!("ParserError"))
    );
    assert!(
        job["error"]["onchainRuntimeCode"]
            .as_str()
            .unwrap()
            .starts_with("0x60"),
        "{job}"
    );
    assert_eq!(job["contract"]["address"], json!(checksummed));
    system.stop().await;
}

fn checksummed(address: &str) -> String {
    let parsed: verification::chain::Address = address.to_lowercase().parse().unwrap();
    parsed.to_string()
}

#[tokio::test]
async fn a_release_that_is_not_there_yet_is_prepared_while_the_job_waits() {
    let cache = tempfile::tempdir().unwrap();
    let repository = compiler::config::default_repository(&compiler::config::default_cache());
    let system = TestSystem::with(|mut config| {
        config.cache = cache.path().to_owned();
        let repository = repository.to_string_lossy();
        config.with(
            Service::InternalVerifier,
            "COMPILER_REPOSITORY",
            &repository,
        )
    })
    .await;
    let (project, deployed) = system.small().await;
    let mut body = project.submission(None).unwrap();
    body["compilerVersion"] = json!("0.6.2+commit.bacdbe57");
    body["stdJsonInput"]["settings"] = json!({});
    body["stdJsonInput"]["sources"]["contracts/Small.sol"]["content"] =
        json!("pragma solidity ^0.6.2; contract Small { uint256 public count; }");
    let job = system.verify(&deployed.address, &body).await;
    assert_eq!(
        job_error(&job).0,
        "bytecode_length_mismatch",
        "the old release has spoken"
    );
    let attempts = system
        .count("SELECT sum(attempt) FROM verification_jobs")
        .await;
    assert_eq!(
        attempts, 1,
        "the lease lived on while the release was prepared"
    );
    system.stop().await;
}
