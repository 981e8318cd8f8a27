//! The API answers as its document says, whatever it is asked.
//!
//! Schemathesis makes requests from `/openapi.json`, right ones and wrong ones, and compares each answer
//! with it. Once it knows nothing, and once it knows a verified contract, so that it gets further.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use local_stack::run::run;
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::imports::explorer::with_explorer;
use crate::support::{TestSystem, until};

const LIMIT: Duration = Duration::from_secs(240);
/// `unsupported_method` is left out: wrong methods are answered 404, as clients know it.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection";
/// The same requests each time; another number finds others.
const SEED: &str = "1";

#[tokio::test]
async fn no_answer_is_another_than_the_document_says() {
    // An explorer that knows nothing.
    let explorer = MockServer::start().await;
    let nothing = json!({"status": "1", "message": "OK", "result": [{"SourceCode": ""}]});
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(200).set_body_json(nothing))
        .mount(&explorer)
        .await;
    let system = TestSystem::with(|config| with_explorer(config, &explorer)).await;
    let (project, deployed) = system.small().await;
    let body = project.submission(Some(&deployed.transaction)).unwrap();
    let job = system.verify(&deployed.address, &body).await;
    let other = system.small().await.1;

    let folder = tempfile::tempdir().unwrap();
    let known = format!(
        "[parameters]\nchainId = \"31337\"\naddress = \"{}\"\nverificationId = {}\n",
        deployed.address, job["verificationId"]
    );
    let to_verify = format!(
        "[parameters]\nchainId = \"31337\"\naddress = \"{}\"\n",
        other.address
    );
    for (name, config) in [
        ("nothing", ""),
        ("known", &known),
        ("to_verify", &to_verify),
    ] {
        let file = folder.path().join(format!("{name}.toml"));
        std::fs::write(&file, config).unwrap();
        ask(&system, folder.path(), &file).await;
    }
    // What it submitted is real, and ends.
    let open = "SELECT count(*) FROM verification_jobs WHERE completed_at IS NULL";
    until("the end of all jobs", async || {
        (system.count(open).await == 0).then_some(())
    })
    .await;
    system.stop().await;
}

async fn ask(system: &TestSystem, folder: &Path, config: &Path) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis/venv/bin/schemathesis");
    assert!(
        program.is_file(),
        "`scripts/setup test` installs schemathesis"
    );
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .arg("--config-file")
        .arg(config)
        .arg("run")
        .arg(format!("{}/openapi.json", system.stack.base_url()))
        .args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS])
        .args(["--max-examples", "50", "--seed", SEED, "--no-color"])
        .args(["--generation-database", "none"]);
    let ran = run(command, LIMIT).await.unwrap();
    ran.succeeded().unwrap();
}
