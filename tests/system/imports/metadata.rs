//! Metadata and files: found by hash, put right, fetched from two places, or missing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use local_stack::deploy::{self, Deployed};
use local_stack::project::Project;
use local_stack::{Service, StackConfig};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use verification::compiler::Language;
use verification::std_json::StdJsonInput;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{assert_match, count_of_requests, serve};
use crate::engines;
use crate::support::{TestSystem, compilers, job_error};
use crate::verifying::token_arguments;

const ON_GITHUB: &str = "https://github.com/someone/lib/blob/v1.0/src/Sums.sol";

/// A contract of three files; two of them are somewhere else.
fn project() -> Project {
    let main = format!(
        "import '{ON_GITHUB}';\nimport './b.sol';\ncontract C is B {{\n  \
         function f(uint256 a) external pure returns (uint256) {{ return Sums.twice(a); }}\n}}\n"
    );
    let sums = "library Sums {\n  function twice(uint256 a) internal pure returns (uint256) { return a + a; }\n}\n";
    let sources = [
        ("src/c.sol", main.as_str()),
        ("src/b.sol", "contract B {\n  uint256 public b;\n}\n"),
        (ON_GITHUB, sums),
    ];
    let sources = sources.map(|(path, content)| (path.to_owned(), content.to_owned()));
    let settings = json!({"optimizer": {"enabled": true, "runs": 7}, "evmVersion": "paris"});
    Project {
        target: "src/c.sol:C".parse().unwrap(),
        version: local_stack::project::COMPILER.parse().unwrap(),
        input: StdJsonInput::new(
            Language::Solidity,
            sources.into(),
            serde_json::from_value(settings).unwrap(),
        ),
    }
}

async fn deploy(system: &TestSystem, project: &Project) -> (Deployed, Value) {
    let compiled = deploy::compile(&compilers(), project).await.unwrap();
    let deployed = deploy::deploy(&system.anvil, &compiled, Vec::new())
        .await
        .unwrap();
    let metadata = serde_json::from_str(&compiled.metadata.unwrap()).unwrap();
    (deployed, metadata)
}

fn content<'a>(project: &'a Project, path: &str) -> &'a str {
    &project.input.sources()[path]
}

/// The path of a source in a gateway.
fn in_ipfs(metadata: &Value, path: &str) -> String {
    let urls = metadata["sources"][path]["urls"].as_array().unwrap();
    let mut names = urls
        .iter()
        .filter_map(|url| url.as_str()?.strip_prefix("dweb:/ipfs/"));
    format!("/ipfs/{}", names.next().unwrap())
}

/// Both servers, and short times in place of production's.
fn with_servers(config: StackConfig, gateway: &str, github: &str) -> StackConfig {
    [
        ("IPFS_GATEWAY", format!("{gateway}/ipfs/")),
        ("GITHUB_RAW_URL", github.to_owned()),
        ("SOURCE_TIMEOUT_MS", "500".to_owned()),
        ("SOURCES_TIMEOUT_MS", "20000".to_owned()),
    ]
    .into_iter()
    .fold(config, |config, (name, value)| {
        config.with(Service::InternalVerifier, name, &value)
    })
}

fn missing(paths: &[&str]) -> (&'static str, String) {
    let message = format!(
        "One or more sources are mentioned in the metadata but are not provided or could not be \
         fetched. Missing sources: {}",
        paths.join(", ")
    );
    ("missing_source", message)
}

fn assert_missing(job: &Value, paths: &[&str]) {
    let (code, message) = missing(paths);
    assert_eq!(job_error(job), (code, message.as_str()));
    assert_eq!(job["error"]["errorData"], json!({"missingSources": paths}));
}

#[tokio::test]
async fn files_are_found_by_their_hash_and_put_right() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.deploy("Token.sol", "Token", token_arguments()).await;
    let compiled = deploy::compile(&compilers(), &project).await.unwrap();
    let metadata: Value = serde_json::from_str(&compiled.metadata.unwrap()).unwrap();
    let sources = project.input.sources();
    let files: Map<String, Value> = sources
        .values()
        .enumerate()
        .map(|(index, content)| {
            let content = match index % 3 {
                0 => content.clone(),
                1 => content.replace('\n', "\r\n"),
                _ => content.trim_end().to_owned(),
            };
            (format!("file {index}"), content.into())
        })
        .collect();
    let body = json!({
        "sources": files, "metadata": metadata, "creationTransactionHash": deployed.transaction,
    });
    let job = system.verify_by("metadata", &deployed.address, &body).await;
    assert_match(&job, "exact_match", "exact_match");
    let shown = system
        .document_of(
            &deployed.address,
            "?fields=sources,compilation,stdJsonInput",
        )
        .await;
    let wanted: BTreeMap<_, _> = sources
        .iter()
        .map(|(path, content)| (path, json!({"content": content})))
        .collect();
    assert_eq!(shown["sources"], json!(wanted));
    assert_eq!(
        shown["compilation"]["fullyQualifiedName"],
        "contracts/Token.sol:Token"
    );
    assert_eq!(
        shown["compilation"]["compilerSettings"].get("compilationTarget"),
        None
    );
    let again = system.import("metadata", &deployed.address, &body).await;
    assert_eq!(
        (again.0, &again.1["customCode"]),
        (409, &json!("already_verified"))
    );
    system.stop().await;
}

#[tokio::test]
async fn what_is_missing_is_fetched_from_ipfs_and_github() {
    let (gateway, github) = (MockServer::start().await, MockServer::start().await);
    let system =
        TestSystem::with(|config| with_servers(config, &gateway.uri(), &github.uri())).await;
    let project = project();
    let (deployed, metadata) = deploy(&system, &project).await;
    // A gateway that has a bad moment first.
    let at = in_ipfs(&metadata, "src/b.sol");
    Mock::given(method("GET"))
        .and(path(&at))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&gateway)
        .await;
    let found = |path| ResponseTemplate::new(200).set_body_string(content(&project, path));
    serve(&gateway, &at, found("src/b.sol")).await;
    serve(&github, "/someone/lib/v1.0/src/Sums.sol", found(ON_GITHUB)).await;
    let body = json!({"sources": {"x": content(&project, "src/c.sol")}, "metadata": metadata});
    let job = system.verify_by("metadata", &deployed.address, &body).await;
    assert_match(&job, "exact_match", "exact_match");
    let asked = async |server: &MockServer| {
        let requests = server.received_requests().await.unwrap();
        let paths = requests.iter().map(|request| request.url.path().to_owned());
        paths.collect::<Vec<_>>()
    };
    assert_eq!(asked(&gateway).await, [at.clone(), at]);
    assert_eq!(asked(&github).await, ["/someone/lib/v1.0/src/Sums.sol"]);
    system.stop().await;
}

#[tokio::test]
async fn nobody_else_is_reached_whatever_metadata_names() {
    let (gateway, bait) = (MockServer::start().await, MockServer::start().await);
    let system =
        TestSystem::with(|config| with_servers(config, &gateway.uri(), &gateway.uri())).await;
    let project = project();
    let (deployed, mut metadata) = deploy(&system, &project).await;
    let bait_path = format!("{}/a.sol", bait.uri());
    let hostile = json!([
        bait_path,
        format!("{}/someone/lib/blob/v1/x.sol", bait.uri()),
        format!("https://github.com@{}/a/b/blob/c/d.sol", bait.address()),
        format!("dweb:/ipfs/../{}", bait.uri()),
        "dweb:/ipfs/../../etc/passwd",
        "https://github.com/../../../../etc/passwd",
        "file:///etc/passwd",
        "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
        "http://[::1]:5432/",
    ]);
    metadata["sources"]["src/b.sol"]["urls"] = hostile.clone();
    let mut source = metadata["sources"][ON_GITHUB].take();
    source["urls"] = hostile;
    let sources = metadata["sources"].as_object_mut().unwrap();
    sources.remove(ON_GITHUB);
    sources.insert(bait_path.clone(), source);
    let body = json!({"sources": {"x": content(&project, "src/c.sol")}, "metadata": metadata});
    let job = system.verify_by("metadata", &deployed.address, &body).await;
    assert_missing(&job, &[&bait_path, "src/b.sol"]);
    assert_eq!(count_of_requests(&bait).await, 0);
    assert_eq!(count_of_requests(&gateway).await, 0);
    system.stop().await;
}

#[tokio::test]
async fn what_is_found_is_not_believed_and_not_waited_for() {
    let (gateway, bait) = (MockServer::start().await, MockServer::start().await);
    let system =
        TestSystem::with(|config| with_servers(config, &gateway.uri(), &gateway.uri())).await;
    let project = project();
    let (deployed, mut metadata) = deploy(&system, &project).await;
    let elsewhere = ResponseTemplate::new(302).insert_header("location", bait.uri());
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    let text = |text: String| ResponseTemplate::new(200).set_body_string(text);
    let huge = "a".repeat((4 << 20) + 1);
    let huge_hash = verification::metadata::ContentHash::of(huge.as_bytes());
    let by_name = [
        ("Wrong", text("contract Other {}".to_owned())),
        ("Elsewhere", elsewhere),
        ("Slow", slow),
        ("Huge", text(huge)),
        ("Nowhere", ResponseTemplate::new(404)),
    ];
    let hash = metadata["sources"]["src/b.sol"]["keccak256"].clone();
    for (index, (name, answer)) in by_name.into_iter().enumerate() {
        serve(&gateway, &format!("/ipfs/{name}"), answer).await;
        // One content is looked for once, so each has a hash of its own.
        let own = format!("0x{index}{}", &hash.as_str().unwrap()[3..]);
        let keccak256 = if name == "Huge" {
            huge_hash.to_string()
        } else {
            own
        };
        metadata["sources"][name] =
            json!({"keccak256": keccak256, "urls": [format!("dweb:/ipfs/{name}")]});
    }
    let files: Map<String, Value> = project
        .input
        .sources()
        .iter()
        .map(|(path, content)| (path.clone(), json!(content)))
        .collect();
    let body = json!({"sources": files, "metadata": metadata});
    let job = system.verify_by("metadata", &deployed.address, &body).await;
    assert_missing(&job, &["Elsewhere", "Huge", "Nowhere", "Slow", "Wrong"]);
    assert_eq!(
        count_of_requests(&bait).await,
        0,
        "nobody is sent elsewhere"
    );
    // Three tries of the slow one, one of each other.
    assert_eq!(count_of_requests(&gateway).await, 7);
    system.stop().await;
}

/// A server that never stops answering.
async fn dripping() -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
                let mut written = stream.write_all(head).await;
                while written.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    written = stream.write_all(b"a").await;
                }
            });
        }
    });
    (url, serving)
}

#[tokio::test]
async fn a_server_that_sends_byte_by_byte_has_its_time_and_no_more() {
    let gateway = MockServer::start().await;
    let (dripping, serving) = dripping().await;
    let system = TestSystem::with(|config| with_servers(config, &gateway.uri(), &dripping)).await;
    let project = project();
    let (deployed, metadata) = deploy(&system, &project).await;
    let files = ["src/c.sol", "src/b.sol"].map(|path| (path, content(&project, path)));
    let body = json!({"sources": BTreeMap::from(files), "metadata": metadata});
    let began = Instant::now();
    let job = system.verify_by("metadata", &deployed.address, &body).await;
    assert_missing(&job, &[ON_GITHUB]);
    // A million bytes would take half a day, and all sources together may take 20 s.
    assert!(began.elapsed() < Duration::from_secs(15));
    serving.abort();
    system.stop().await;
}

#[tokio::test]
async fn a_gateway_that_is_away_or_never_answers_is_not_waited_for_for_ever() {
    let gateway = MockServer::start().await;
    let never = ResponseTemplate::new(200).set_delay(Duration::from_secs(600));
    Mock::given(method("GET"))
        .respond_with(never)
        .mount(&gateway)
        .await;
    let system = TestSystem::with(|config| {
        with_servers(config, &gateway.uri(), "http://127.0.0.1:1")
            .with(Service::InternalVerifier, "SOURCE_TIMEOUT_MS", "600000")
            // Longer than a lease: it is kept while files are fetched.
            .with(Service::InternalVerifier, "SOURCES_TIMEOUT_MS", "4000")
    })
    .await;
    let project = project();
    let (deployed, metadata) = deploy(&system, &project).await;
    let body = json!({"sources": {"x": content(&project, "src/c.sol")}, "metadata": metadata});
    let began = Instant::now();
    let job = system.verify_by("metadata", &deployed.address, &body).await;
    assert_missing(&job, &[ON_GITHUB, "src/b.sol"]);
    assert!(began.elapsed() < Duration::from_secs(60));
    assert!(job["error"]["onchainRuntimeCode"].is_string(), "{job}");
    let attempts = "SELECT sum(attempt) FROM verification_jobs";
    assert_eq!(system.count(attempts).await, 1, "an answer, not a retry");
    system.stop().await;
}

#[tokio::test]
async fn metadata_that_describes_no_compilation_says_so() {
    let nobody = "http://127.0.0.1:1";
    let system = TestSystem::with(|config| with_servers(config, nobody, nobody)).await;
    let project = project();
    let (deployed, metadata) = deploy(&system, &project).await;
    let mut literal = metadata.clone();
    literal["sources"]["src/c.sol"]["content"] = json!("contract Other {}");
    let mut twice = metadata.clone();
    twice["settings"]["compilationTarget"]["src/b.sol"] = json!("B");
    let files = json!({"c": content(&project, "src/c.sol"), "b": content(&project, "src/b.sol")});
    for (metadata, code, message) in [
        (
            literal,
            "missing_or_invalid_source",
            format!(
                "One or more sources are mentioned in the metadata but are missing or are invalid. \
                 Missing sources: {ON_GITHUB}; Invalid sources: src/c.sol"
            ),
        ),
        (
            twice,
            "invalid_compilation_target",
            "More than one compilationTarget in the metadata, or the compilationTarget is invalid. \
             compilationTarget: src/b.sol, src/c.sol"
                .to_owned(),
        ),
    ] {
        let body = json!({"sources": files, "metadata": metadata});
        let job = system.verify_by("metadata", &deployed.address, &body).await;
        assert_eq!(job_error(&job), (code, message.as_str()));
    }
    let body = json!({"sources": files, "metadata": metadata});
    let empty = "0x00000000000000000000000000000000000000aa";
    let job = system.verify_by("metadata", empty, &body).await;
    assert_eq!(
        job_error(&job).0,
        "contract_not_deployed",
        "the chain speaks first"
    );
    system.stop().await;
}

/// solc's own trouble with files that metadata doesn't name comes and goes with releases; a program
/// that stands in for it always has it.
#[tokio::test]
async fn files_that_metadata_does_not_name_are_tried_where_code_depends_on_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut input = engines::input(false);
    input["settings"]["optimizer"] = json!({"enabled": true});
    let output = engines::compile(&input).await;
    let mut shorter = output.clone();
    let contract = &mut shorter["contracts"]["odd.sol"]["Odd"];
    for code in ["bytecode", "deployedBytecode"] {
        let object = &mut contract["evm"][code]["object"];
        *object = object
            .as_str()
            .unwrap()
            .replacen("fea264", "a264", 1)
            .into();
    }
    for (name, printed) in [("with.json", &output), ("without.json", &shorter)] {
        std::fs::write(folder.path().join(name), printed.to_string()).unwrap();
    }
    let main = r#"
        let input = std::io::read_to_string(std::io::stdin()).unwrap();
        let has_all = input.contains("never imported");
        print!("{}", if has_all { include_str!("with.json") } else { include_str!("without.json") });
    "#;
    let system =
        TestSystem::with(|config| engines::native(config, folder.path(), "native", main)).await;
    let deployed = engines::deploy(&system, &output).await;
    let metadata = output["contracts"]["odd.sol"]["Odd"]["metadata"].as_str();
    let metadata: Value = serde_json::from_str(metadata.unwrap()).unwrap();
    let mut files = json!({"odd.sol": input["sources"]["odd.sol"]["content"]});
    let body = json!({"sources": files, "metadata": metadata});
    let job = system.verify_by("metadata", &deployed.address, &body).await;
    assert_eq!(job_error(&job).0, "extra_file_input_bug");
    files["more.sol"] = json!("// never imported");
    let body = json!({"sources": files, "metadata": metadata});
    let job = system.verify_by("metadata", &deployed.address, &body).await;
    assert_match(&job, "exact_match", "exact_match");
    let shown = system
        .document_of(&deployed.address, "?fields=sources")
        .await;
    let shown: Vec<&String> = shown["sources"].as_object().unwrap().keys().collect();
    assert_eq!(shown, ["more.sol", "odd.sol"], "what was compiled is shown");
    system.stop().await;
}
