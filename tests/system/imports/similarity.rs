//! Contracts that are verified by what is stored of others.

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::U256;
use local_stack::Chains;
use local_stack::deploy;
use local_stack::project::Project;
use serde_json::{Value, json};
use verification::std_json::StdJsonInput;

use super::assert_match;
use crate::support::{CHAIN_ID, TestSystem, chains, compilers, job_error, problem};
use crate::verifying::token_arguments;

const NOBODY: &str = "0x00000000000000000000000000000000000000AA";

async fn count_compilations(system: &TestSystem) -> i64 {
    system
        .count("SELECT count(*) FROM compiled_contracts")
        .await
}

#[tokio::test]
async fn the_same_code_elsewhere_is_verified_without_a_compiler() {
    let system = TestSystem::start().await;
    let (project, first) = system.small().await;
    let (_, second) = system.small().await;
    let body = project.submission(None).unwrap();
    let job = system.verify(&first.address, &body).await;
    assert_match(&job, "exact_match", "exact_match");
    // How often a compiler's output was needed.
    let compiled = system.said("compiled").await;
    let body = json!({"creationTransactionHash": second.transaction});
    let job = system.verify_by("similarity", &second.address, &body).await;
    assert_match(&job, "exact_match", "exact_match");
    assert_eq!(job["compilationTime"], "0");
    assert_eq!(
        (
            system.said("compiled").await,
            count_compilations(&system).await
        ),
        (compiled, 1)
    );
    let query = "?omit=matchId,verifiedAt,address,deployment";
    let mut shown = Vec::new();
    for address in [&first.address, &second.address] {
        let mut contract = system.document_of(address, query).await;
        let members = contract.as_object_mut().unwrap();
        for own in ["matchId", "verifiedAt", "address", "signatures"] {
            members.remove(own);
        }
        shown.push(contract);
    }
    assert_eq!(shown[0], shown[1], "all but the place is the same");
    let (status, document) = system
        .import("similarity", &second.address, &json!({}))
        .await;
    assert_eq!((status, problem(&document).0), (409, "already_verified"));
    system.stop().await;
}

#[tokio::test]
async fn the_same_program_with_other_immutables_and_arguments_is_found_by_its_beginning() {
    let system = TestSystem::start().await;
    let (project, first) = system.deploy("Token.sol", "Token", token_arguments()).await;
    let mut arguments = token_arguments();
    arguments[0] = DynSolValue::String("Another Token".to_owned());
    arguments[2] = DynSolValue::Uint(U256::from(18), 8);
    let (_, second) = system.deploy("Token.sol", "Token", arguments.clone()).await;
    let body = project.submission(None).unwrap();
    system.verify(&first.address, &body).await;
    let job = system
        .verify_by("similarity", &second.address, &json!({}))
        .await;
    assert_match(&job, "exact_match", "exact_match");
    assert_eq!(count_compilations(&system).await, 1);
    let query = "?fields=creationBytecode.transformationValues,runtimeBytecode.transformations,metadata,sources";
    let shown = system.document_of(&second.address, query).await;
    let arguments = DynSolValue::Tuple(arguments).abi_encode_params();
    assert_eq!(
        shown["creationBytecode"]["transformationValues"],
        json!({"constructorArguments": format!("0x{}", hex::encode(arguments))})
    );
    let transformations = shown["runtimeBytecode"]["transformations"].as_array();
    assert!(!transformations.unwrap().is_empty(), "{shown}");
    assert_eq!(shown["metadata"]["language"], "Solidity");
    assert_eq!(
        shown["sources"].as_object().unwrap().len(),
        project.input.sources().len()
    );
    system.stop().await;
}

/// The same program with other metadata.
fn with_another_hash(small: &Project) -> Project {
    let mut input = serde_json::to_value(&small.input).unwrap();
    let source = &mut input["sources"]["contracts/Small.sol"]["content"];
    *source = json!(format!("{}\n// another hash", source.as_str().unwrap()));
    Project {
        input: StdJsonInput::parse(&input).unwrap(),
        ..small.clone()
    }
}

#[tokio::test]
async fn a_candidate_that_brings_nothing_better_does_not_end_the_search() {
    let system = TestSystem::start().await;
    let (project, first) = system.small().await;
    let other = with_another_hash(&project);
    let compiled = deploy::compile(&compilers(), &other).await.unwrap();
    let second = deploy::deploy(&system.anvil, &compiled, Vec::new())
        .await
        .unwrap();
    let body = project.submission(None).unwrap();
    for address in [&first.address, &second.address] {
        system.verify(address, &body).await;
    }
    // What the second was made of is stored with a contract whose code is not the same.
    let (_, third) = system.small().await;
    let body = other.submission(None).unwrap();
    let job = system.verify(&third.address, &body).await;
    assert_match(&job, "match", "match");
    let job = system
        .verify_by("similarity", &second.address, &json!({}))
        .await;
    assert_match(&job, "exact_match", "exact_match");
    system.stop().await;
}

#[tokio::test]
async fn the_same_program_with_other_metadata_is_a_match() {
    let system = TestSystem::start().await;
    let (project, first) = system.small().await;
    let other = with_another_hash(&project);
    let compiled = deploy::compile(&compilers(), &other).await.unwrap();
    let second = deploy::deploy(&system.anvil, &compiled, Vec::new())
        .await
        .unwrap();
    let body = project.submission(None).unwrap();
    system.verify(&first.address, &body).await;
    let job = system
        .verify_by("similarity", &second.address, &json!({}))
        .await;
    assert_match(&job, "match", "match");
    // The same code of another contract is found first, though its compilation is newer.
    let third = deploy::deploy(&system.anvil, &compiled, Vec::new())
        .await
        .unwrap();
    let (_, fourth) = system.small().await;
    let body = other.submission(None).unwrap();
    system.verify(&third.address, &body).await;
    let job = system
        .verify_by("similarity", &fourth.address, &json!({}))
        .await;
    assert_match(&job, "exact_match", "exact_match");
    system.stop().await;
}

#[tokio::test]
async fn where_nothing_is_similar_the_job_says_so() {
    let system = TestSystem::start().await;
    let (_, deployed) = system.small().await;
    let (token, other) = system.deploy("Token.sol", "Token", token_arguments()).await;
    let body = token.submission(None).unwrap();
    system.verify(&other.address, &body).await;
    let job = system
        .verify_by("similarity", &deployed.address, &json!({}))
        .await;
    let message = "No similar verified contracts were found in the database.";
    assert_eq!(job_error(&job), ("no_similar_match_found", message));
    assert!(job["error"]["onchainRuntimeCode"].is_string(), "{job}");
    system.stop().await;
}

#[tokio::test]
async fn where_there_is_no_code_nothing_is_accepted() {
    let system = TestSystem::start().await;
    let lower = NOBODY.to_lowercase();
    let (status, document) = system.import("similarity", &lower, &json!({})).await;
    let message = format!(
        "There is no bytecode at address {} on chain {CHAIN_ID}.",
        shown(&lower)
    );
    assert_eq!(
        (status, problem(&document)),
        (404, ("cannot_fetch_bytecode", message.as_str()))
    );
    let jobs = "SELECT count(*) FROM verification_jobs";
    assert_eq!(system.count(jobs).await, 0);
    system.stop().await;
}

#[tokio::test]
async fn a_chain_that_does_not_answer_is_a_bad_gateway() {
    let system = TestSystem::with(|mut config| {
        config.chains = Chains::Document(chains("http://127.0.0.1:1"));
        config
    })
    .await;
    let lower = NOBODY.to_lowercase();
    let (status, document) = system.import("similarity", &lower, &json!({})).await;
    let message = format!(
        "Failed to get bytecode for chain {CHAIN_ID} and address {}.",
        shown(&lower)
    );
    assert_eq!(
        (status, problem(&document)),
        (502, ("failed_to_get_bytecode", message.as_str()))
    );
    system.stop().await;
}

fn shown(address: &str) -> String {
    let address: verification::chain::Address = address.parse().unwrap();
    address.to_string()
}

#[tokio::test]
async fn a_contract_that_a_factory_made_is_verified_by_its_sister() {
    let system = TestSystem::start().await;
    let (_, factory) = system.deploy("Factory.sol", "Factory", Vec::new()).await;
    let mut children = Vec::new();
    for _ in 0..2 {
        // The same immutables: others stand so early in this code that it would not be found.
        let number = vec![DynSolValue::Uint(U256::from(42), 256)];
        deploy::transact(&system.anvil, &factory.address, "make(uint256)", number)
            .await
            .unwrap();
        let child = deploy::read_address(&system.anvil, &factory.address, "last()").await;
        children.push(child.unwrap());
    }
    let body = Project::read("Factory.sol", "Child").unwrap();
    let body = body.submission(None).unwrap();
    system.verify(&children[0], &body).await;
    let job: Value = system
        .verify_by("similarity", &children[1], &json!({}))
        .await;
    assert_match(&job, "exact_match", "exact_match");
    system.stop().await;
}
