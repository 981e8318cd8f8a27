//! What was compiled is not compiled again, whoever asks, and nobody gets another's output.

use local_stack::Service;
use serde_json::{Value, json};

use crate::support::{TestSystem, until};
use crate::verifying::token_arguments;

/// Where each output came from, in order.
async fn origins(system: &TestSystem) -> Vec<String> {
    let lines = system.said("compiled").await;
    let origins = lines.iter().filter_map(|line| line["origin"].as_str());
    origins.map(str::to_owned).collect()
}

async fn verify(system: &TestSystem, address: &str, body: &Value) {
    let job = system.verify(address, body).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
}

#[tokio::test]
async fn the_same_input_for_another_address_is_not_compiled_again() {
    let system = TestSystem::start().await;
    let (project, first) = system.small().await;
    let (_, second) = system.small().await;
    let body = project.submission(None).unwrap();
    verify(&system, &first.address, &body).await;
    verify(&system, &second.address, &body).await;
    assert_eq!(origins(&system).await, ["compiled", "memory"]);
    // One character more is another input, even if the code is the same.
    let (_, third) = system.small().await;
    let mut other = body.clone();
    other["stdJsonInput"]["settings"]["optimizer"]["runs"] = json!(199);
    let job = system.verify(&third.address, &other).await;
    assert_eq!(job["contract"]["match"], "match", "{job}");
    assert_eq!(origins(&system).await, ["compiled", "memory", "compiled"]);
    system.stop().await;
}

#[tokio::test]
async fn another_instance_finds_the_output_in_the_database() {
    let system = TestSystem::with(|config| {
        config.with(Service::InternalVerifier, "OUTPUTS_MEMORY_MIB", "0")
    })
    .await;
    let (project, first) = system.small().await;
    let (_, second) = system.small().await;
    let body = project.submission(None).unwrap();
    verify(&system, &first.address, &body).await;
    until("the output is shared", async || {
        let count = system.count("SELECT count(*) FROM compiler_outputs").await;
        (count == 1).then_some(())
    })
    .await;
    verify(&system, &second.address, &body).await;
    assert_eq!(origins(&system).await, ["compiled", "database"]);
    system.stop().await;
}

#[tokio::test]
async fn jobs_at_the_same_time_share_one_compile() {
    let system = TestSystem::with(|mut config| {
        config.verifier.concurrency = 3;
        config
            .with(Service::InternalVerifier, "JOBS_AT_ONCE", "3")
            .with(Service::InternalVerifier, "DATABASE_CONNECTIONS", "6")
    })
    .await;
    let (project, first) = system.deploy("Token.sol", "Token", token_arguments()).await;
    let (_, second) = system.deploy("Token.sol", "Token", token_arguments()).await;
    let (_, third) = system.deploy("Token.sol", "Token", token_arguments()).await;
    let body = project.submission(None).unwrap();
    let jobs = futures::join!(
        system.submit(&first.address, &body),
        system.submit(&second.address, &body),
        system.submit(&third.address, &body),
    );
    for accepted in [&jobs.0, &jobs.1, &jobs.2] {
        let job = system.end_of(accepted).await;
        assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    }
    let origins = origins(&system).await;
    let compiled = origins.iter().filter(|origin| *origin == "compiled");
    assert_eq!((origins.len(), compiled.count()), (3, 1), "{origins:?}");
    system.stop().await;
}
