//! Several instances, and the programs that stand in for Google Cloud where there is none: what
//! `compose.yaml` puts together, without containers.

use std::process::Command;
use std::time::{Duration, Instant};

use local_stack::client::{Client, Submitted};
use local_stack::process::{Process, ProcessSpec};
use local_stack::programs::Programs;
use local_stack::run::{Ran, run};
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{CHAIN_ID, LIMIT, TestSystem, problem};

/// The longest that a request is held.
const HELD_FOR: Duration = Duration::from_secs(20);

#[tokio::test]
async fn two_public_apis_are_one_service() {
    let mut system = TestSystem::with(|mut config| {
        config.public_apis = 2;
        config
    })
    .await;
    let urls = system.stack.base_urls();
    let [one, other] = urls.as_slice() else {
        panic!("{urls:?}");
    };
    assert_eq!(*one, system.stack.base_url());
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    system.stack.verifier(0).unwrap().kill();
    let accepted = system.submit(&deployed.address, &body).await;

    let other = Client::new(other).unwrap();
    let again = other.try_submit(CHAIN_ID, &deployed.address, &body).await;
    let Submitted::Refused { status, answer } = again.unwrap() else {
        panic!("two jobs for one contract");
    };
    assert_eq!(
        (status, problem(&answer).0),
        (429, "duplicate_verification_request")
    );

    let waiting = tokio::spawn(held_until_the_end(urls[1].clone(), accepted.id.clone()));
    system.stack.restart_verifier(0).await.unwrap();
    let (job, held) = waiting.await.unwrap();
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    assert!(held < HELD_FOR, "the end was told, not looked for");
    assert_eq!(job, system.end_of(&accepted).await);
    let mut documents = Vec::new();
    for client in [&system.client, &other] {
        let contract = client.contract(CHAIN_ID, &deployed.address, "?fields=all");
        documents.push(contract.await.unwrap());
    }
    assert_eq!(documents[0], documents[1]);

    // The stack's own identity has the scheduler's account, too.
    let identity = system.stack.identity().address().to_string();
    let ordered = order(&urls.join(","), &identity).await;
    ordered.succeeded().unwrap().says(&urls[1]).unwrap();

    // Each is looked after, and comes back where it was.
    let second = system.stack.processes().nth(1).unwrap();
    second.kill();
    let ended = system.stack.restart_ended().await.unwrap();
    assert_eq!(ended, ["public-api-1"]);
    assert_eq!(system.stack.base_urls(), urls);
    assert_eq!(other.job(&accepted.id).await.unwrap(), job);
    system.stop().await;
}

/// The ended job's document, and how long the request for it was held.
async fn held_until_the_end(base_url: String, id: String) -> (Value, Duration) {
    let http = reqwest::Client::new();
    let asked_from = Instant::now();
    while asked_from.elapsed() < LIMIT {
        let request = http.get(format!("{base_url}/v2/verify/{id}"));
        let held_from = Instant::now();
        let answer = request.header("prefer", "wait=20").send().await.unwrap();
        let job: Value = answer.json().await.unwrap();
        if job["isJobCompleted"] == true {
            return (job, held_from.elapsed());
        }
    }
    panic!("{id} has not ended");
}

#[tokio::test]
async fn the_stand_ins_for_the_cloud_work_as_programs_of_their_own() {
    let mut system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    // The instances of this test take over.
    system.stack.public_api().stop().await.unwrap();
    let identity = start(&system, "local-identity", &[("PORT", "0")]).await;
    let tokens = identity.address().to_string();
    let keys = format!("http://{tokens}/certs");
    let verifier = system.stack.verifier(0).unwrap();
    let verifier = like(&system, verifier, &[("JWKS_URL", &keys)]).await;
    let front = start(
        &system,
        "local-cloud-run",
        &[
            ("PORT", "0"),
            ("INSTANCES", &verifier.address().to_string()),
            ("JWKS_URL", &format!("http://{tokens}/platform/certs")),
        ],
    )
    .await;
    let front_url = format!("http://{}", front.address());
    let public_api = like(
        &system,
        &system.stack.public_api(),
        &[
            ("VERIFIER_URL", &front_url),
            ("GCE_METADATA_HOST", &tokens),
            ("JWKS_URL", &keys),
        ],
    )
    .await;
    let target = format!("http://{}", public_api.address());

    let client = Client::new(&target).unwrap();
    let body = project.submission(None).unwrap();
    let accepted = client.submit(CHAIN_ID, &deployed.address, &body).await;
    let ended = client.wait(&accepted.unwrap(), LIMIT).await.unwrap();
    assert_eq!(ended.job["contract"]["match"], "exact_match");
    let finished = |line: &Value| line["event"] == "job_finished";
    let by_another_verifier = verifier.wait_for(LIMIT, finished).await;
    by_another_verifier.unwrap();
    let stranger = format!("{front_url}/internal_api_verify");
    let stranger = reqwest::Client::new().post(stranger).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::FORBIDDEN);

    let ordered = order(&target, &tokens).await;
    ordered.succeeded().unwrap();
    for path in ["/internal_api_sweep", "/internal_api_expire"] {
        ordered.says(&format!("{target}{path}")).unwrap();
    }
    // An identity that nobody has heard of gives tokens that nobody takes.
    let foreign = start(&system, "local-identity", &[("PORT", "0")]).await;
    let refused = order(&target, &foreign.address().to_string()).await;
    refused.refused().unwrap().says("401 Unauthorized").unwrap();

    for process in [&public_api, &verifier] {
        let errors = process.errors();
        assert!(errors.is_empty(), "{}: {errors:#?}", process.name());
    }
    for process in [public_api, verifier, front, identity, foreign] {
        process.stop().await.unwrap();
    }
    system.stack.restart_public_api().await.unwrap();
    system.stop().await;
}

/// What the scheduler orders, once.
async fn order(target: &str, identity: &str) -> Ran {
    let program = Programs::beside_this_one().unwrap();
    let mut command = Command::new(program.find("local-scheduler").unwrap());
    command
        .env_clear()
        .args(["--once", "--targets", target, "--identity", identity]);
    run(command, LIMIT).await.unwrap()
}

async fn start(system: &TestSystem, program: &str, environment: &[(&str, &str)]) -> Process {
    let programs = Programs::beside_this_one().unwrap();
    let spec = ProcessSpec {
        name: program.to_owned(),
        program: programs.find(program).unwrap(),
        arguments: Vec::new(),
        environment: owned(environment),
        log: system.stack.folder().join(format!("{program}.log")),
    };
    Process::start(spec).await.unwrap()
}

/// Another instance, told something else.
async fn like(system: &TestSystem, process: &Process, environment: &[(&str, &str)]) -> Process {
    let mut spec = process.spec().clone();
    spec.environment.extend(owned(&[("PORT", "0")]));
    spec.environment.extend(owned(environment));
    spec.name = format!("{}-of-this-test", spec.name);
    spec.log = system.stack.folder().join(format!("{}.log", spec.name));
    Process::start(spec).await.unwrap()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}
