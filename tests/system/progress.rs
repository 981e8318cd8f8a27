//! Whoever waits for a job sees how far it is: by asking, or by listening on any instance.

use std::time::Duration;

use futures::future::join_all;
use local_stack::process::Process;
use local_stack::{Chains, Service};
use reqwest::Response;
use serde_json::{Value, json};
use wiremock::matchers::body_partial_json;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::faults::endless;
use crate::support::event_stream::{Event, EventStream, ask, assert_whole, stages};
use crate::support::{LIMIT, TestSystem, chains, job_error, problem, until};

/// A system in which a compiler that never ends is stopped after some seconds.
async fn patient() -> TestSystem {
    TestSystem::with(|config| config.with(Service::InternalVerifier, "JOB_DEADLINE_MS", "6000"))
        .await
}

/// Another instance of public-api on the same database.
async fn second_instance(system: &TestSystem) -> Process {
    let mut spec = system.stack.public_api().spec().clone();
    spec.environment.push(("PORT".to_owned(), "0".to_owned()));
    spec.log = system.stack.folder().join("public-api-2.log");
    let process = Process::start(spec).await.unwrap();
    let url = format!("{}/health", base_url(&process));
    until("the second instance", async || {
        reqwest::get(&url).await.ok().map(drop)
    })
    .await;
    process
}

fn base_url(process: &Process) -> String {
    format!("http://{}", process.address())
}

async fn get_job(base_url: &str, id: &str) -> Response {
    let http = reqwest::Client::new();
    let request = http.get(format!("{base_url}/v2/verify/{id}"));
    request.header("prefer", "wait=0").send().await.unwrap()
}

#[tokio::test]
async fn an_open_job_tells_how_far_it_is_and_when_to_ask_again() {
    let system = patient().await;
    let (project, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    let base = system.stack.base_url();
    let open = until("the compiler runs", async || {
        let answer = get_job(&base, &accepted.id).await;
        let retry_after = answer.headers().get("retry-after").cloned();
        let job: Value = answer.json().await.unwrap();
        assert_eq!(job["isJobCompleted"], false, "{job}");
        (job["progress"] == "compiling").then_some((job, retry_after))
    })
    .await;
    let (job, retry_after) = open;
    let seconds = job["estimatedSeconds"].as_u64().unwrap();
    assert!((1..=900).contains(&seconds), "{job}");
    let retry_after: u64 = retry_after.unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(retry_after, seconds.min(15));
    assert!(
        job["contract"].is_object() && job.get("error").is_none(),
        "{job}"
    );
    let job = system.end_of(&accepted).await;
    assert_eq!(job_error(&job).0, "compiler_timeout");
    for name in ["progress", "estimatedSeconds"] {
        assert_eq!(job.get(name), None, "{job}");
    }
    let ended = get_job(&base, &accepted.id).await;
    assert_eq!(ended.headers().get("retry-after"), None);
    system.stop().await;
}

#[tokio::test]
async fn what_one_instance_accepts_another_tells_live() {
    let http = reqwest::Client::new();
    let system = patient().await;
    let other = second_instance(&system).await;
    let (project, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    let mut stream = EventStream::open(&http, &base_url(&other), &accepted.id, None).await;
    let mut events = Vec::new();
    until_compiling(&mut stream, &mut events).await;
    let open = "SELECT count(*) FROM verification_jobs WHERE completed_at IS NULL";
    assert_eq!(system.count(open).await, 1, "told while it was so");
    events.extend(stream.rest().await);
    assert_whole(&events, 1);
    let wanted = [("queued", 0), ("started", 1), ("compiling", 1)];
    assert_eq!(
        stages(&events),
        wanted.map(|(stage, n)| (stage.to_owned(), n))
    );
    let job = system.end_of(&accepted).await;
    assert_eq!(events.last().unwrap().data, job, "the whole document");

    // Whoever heard some of it hears exactly the rest, from either instance.
    let end = events.last().unwrap().id;
    for base in [system.stack.base_url(), base_url(&other)] {
        for heard in 0..end {
            let mut stream = EventStream::open(&http, &base, &accepted.id, Some(heard)).await;
            let rest = stream.rest().await;
            assert_whole(&rest, heard + 1);
            let told = &events[usize::try_from(heard).unwrap()..];
            assert_eq!(stages(&rest), stages(told));
            assert_eq!(rest.last(), told.last());
        }
        for heard in [end, end + 1, u32::MAX] {
            let nothing = ask(&http, &base, &accepted.id, Some(heard)).await;
            assert_eq!(nothing.status(), 204);
            assert_eq!(nothing.headers()["cache-control"], "no-store");
        }
    }
    // So also when what happened is forgotten.
    system.change("DELETE FROM verification_job_events").await;
    let base = system.stack.base_url();
    let mut stream = EventStream::open(&http, &base, &accepted.id, None).await;
    assert_eq!(stream.rest().await, events[events.len() - 1..]);
    other.stop().await.unwrap();
    system.stop().await;
}

#[tokio::test]
async fn a_slow_node_is_told_of_once_the_compiler_is_done() {
    let http = reqwest::Client::new();
    let node = MockServer::start().await;
    let uri = node.uri();
    let system = TestSystem::with(|mut config| {
        config.chains = Chains::Document(chains(&uri));
        // Longer than the node takes, however busy the machine is.
        config.with(Service::InternalVerifier, "RPC_TIMEOUT_MS", "20000")
    })
    .await;
    let (project, deployed) = system.small().await;
    let code = json!([deployed.address, "latest"]);
    let code = system.anvil.call("eth_getCode", code).await.unwrap();
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": code});
    let slow = ResponseTemplate::new(200)
        .set_body_json(answer)
        .set_delay(Duration::from_secs(4));
    Mock::given(body_partial_json(json!({"method": "eth_getCode"})))
        .respond_with(slow)
        .mount(&node)
        .await;
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let base = system.stack.base_url();
    let mut stream = EventStream::open(&http, &base, &accepted.id, None).await;
    let events = stream.rest().await;
    assert_whole(&events, 1);
    let told = stages(&events);
    assert!(told.contains(&("reading_chain".to_owned(), 1)), "{told:?}");
    let job = &events.last().unwrap().data;
    assert_eq!(job["contract"]["runtimeMatch"], "exact_match", "{job}");
    system.stop().await;
}

#[tokio::test]
async fn a_lost_verifier_is_part_of_the_story_and_the_end_comes_once() {
    let http = reqwest::Client::new();
    let mut system = patient().await;
    let (project, deployed) = system.small().await;
    let accepted = system.submit(&deployed.address, &endless(&project)).await;
    let mut stream = EventStream::open(&http, &system.stack.base_url(), &accepted.id, None).await;
    let mut events = Vec::new();
    until_compiling(&mut stream, &mut events).await;
    system.stack.verifier(0).unwrap().kill();
    system.stack.restart_verifier(0).await.unwrap();
    until_compiling(&mut stream, &mut events).await;
    // This one is asked to stop: it gives the job back.
    system.stack.verifier(0).unwrap().stop().await.unwrap();
    system.stack.restart_verifier(0).await.unwrap();
    events.extend(stream.rest().await);
    assert_whole(&events, 1);
    let wanted = [
        ("queued", 0),
        ("started", 1),
        ("compiling", 1),
        ("started", 2),
        ("compiling", 2),
        ("queued", 1),
        ("started", 2),
        ("compiling", 2),
    ];
    assert_eq!(
        stages(&events),
        wanted.map(|(stage, n)| (stage.to_owned(), n))
    );
    system.stop().await;
}

async fn until_compiling(stream: &mut EventStream, events: &mut Vec<Event>) {
    loop {
        let event = stream.next().await.unwrap();
        let is_compiling = event.data["stage"] == "compiling";
        events.push(event);
        if is_compiling {
            return;
        }
    }
}

#[tokio::test]
async fn an_abandoned_job_is_told_to_its_end() {
    let http = reqwest::Client::new();
    let mut system = TestSystem::start().await;
    system.expect_error("job_abandoned");
    let (project, deployed) = system.small().await;
    system.stack.verifier(0).unwrap().kill();
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let mut stream = EventStream::open(&http, &system.stack.base_url(), &accepted.id, None).await;
    assert_eq!(stream.next().await.unwrap().data["stage"], "queued");
    // As if five verifiers had died over it.
    system
        .change("UPDATE verification_jobs SET attempt = 5, next_attempt_at = now()")
        .await;
    let rest = stream.rest().await;
    assert_whole(&rest, 2);
    assert_eq!(job_error(&rest[0].data).0, "job_abandoned");
    system.stack.restart_verifier(0).await.unwrap();
    system.stop().await;
}

#[tokio::test]
async fn a_crowd_of_idle_listeners_holds_nobody_up() {
    let http = reqwest::Client::new();
    let mut system =
        TestSystem::with(|config| config.with(Service::PublicApi, "EVENT_STREAMS_AT_ONCE", "400"))
            .await;
    let (project, deployed) = system.small().await;
    system.stack.verifier(0).unwrap().kill();
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let base = system.stack.base_url();
    let opened = (0..300).map(|_| EventStream::open(&http, &base, &accepted.id, None));
    let mut streams = join_all(opened).await;
    let first = streams.iter_mut().map(EventStream::next);
    for event in join_all(first).await {
        assert_eq!(event.unwrap().data["stage"], "queued");
    }
    // The pool's five and the one that listens.
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND application_name = 'public-api'";
    assert!(system.count(connections).await <= 6);
    let job: Value = get_job(&base, &accepted.id).await.json().await.unwrap();
    assert_eq!(job["progress"], "queued", "{job}");
    // Nothing happens, and they are told so.
    streams[0].comment().await;
    system.stack.restart_verifier(0).await.unwrap();
    let ends = join_all(streams.iter_mut().map(EventStream::rest)).await;
    for rest in ends {
        assert_whole(&rest, 2);
        assert_eq!(
            rest.last().unwrap().data["contract"]["match"],
            "exact_match"
        );
    }
    system.stop().await;
}

#[tokio::test]
async fn streams_are_bounded_and_the_end_of_one_makes_room() {
    let http = reqwest::Client::new();
    let mut system =
        TestSystem::with(|config| config.with(Service::PublicApi, "EVENT_STREAMS_AT_ONCE", "1"))
            .await;
    let (project, deployed) = system.small().await;
    system.stack.verifier(0).unwrap().kill();
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let base = system.stack.base_url();
    let mut first = EventStream::open(&http, &base, &accepted.id, None).await;
    first.next().await.unwrap();
    let url = format!("{base}/v2/verify/{}/events", accepted.id);
    let refused = http.get(url).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "5");
    let document: Value = refused.json().await.unwrap();
    assert_eq!(problem(&document).0, "too_many_requests");
    system.stack.restart_verifier(0).await.unwrap();
    assert_whole(&first.rest().await, 2);
    let mut second = EventStream::open(&http, &base, &accepted.id, None).await;
    assert_whole(&second.rest().await, 1);
    system.stop().await;
}

#[tokio::test]
async fn an_instance_that_stops_ends_its_streams_and_another_goes_on() {
    let http = reqwest::Client::new();
    let mut system = TestSystem::start().await;
    let other = second_instance(&system).await;
    let (project, deployed) = system.small().await;
    system.stack.verifier(0).unwrap().kill();
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let mut stream = EventStream::open(&http, &base_url(&other), &accepted.id, None).await;
    let heard = stream.next().await.unwrap();
    let (ended, rest) = tokio::join!(other.stop(), stream.rest());
    ended.unwrap();
    assert_eq!(rest, [], "no end was made up");
    let base = system.stack.base_url();
    let mut stream = EventStream::open(&http, &base, &accepted.id, Some(heard.id)).await;
    system.stack.restart_verifier(0).await.unwrap();
    assert_whole(&stream.rest().await, 2);
    system.stop().await;
}

#[tokio::test]
async fn a_database_that_is_away_for_a_while_costs_no_stream() {
    let http = reqwest::Client::new();
    let mut system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    system.stack.verifier(0).unwrap().kill();
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let base = system.stack.base_url();
    let mut stream = EventStream::open(&http, &base, &accepted.id, None).await;
    let mut events = vec![stream.next().await.unwrap()];
    system
        .change("ALTER TABLE verification_job_events RENAME TO away")
        .await;
    let public_api = system.stack.public_api();
    let seen = public_api.wait_for(LIMIT, |line| line["event"] == "events_unreadable");
    seen.await.unwrap();
    system
        .change("ALTER TABLE away RENAME TO verification_job_events")
        .await;
    system.stack.restart_verifier(0).await.unwrap();
    events.extend(stream.rest().await);
    assert_whole(&events, 1);
    system.stop().await;
}

#[tokio::test]
async fn wrong_questions_are_refused_before_a_stream_begins() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    let job = system
        .verify(&deployed.address, &project.submission(None).unwrap())
        .await;
    let id = job["verificationId"].as_str().unwrap();
    let base = system.stack.base_url();
    let http = reqwest::Client::new();
    let nobody = "72d12273-0723-448e-a9f6-f7957128efa5";
    for (path, last_event_id, status, code) in [
        (format!("{nobody}/events"), None, 404, "job_not_found"),
        (format!("{nobody}/events"), Some("3"), 404, "job_not_found"),
        ("nonsense/events".to_owned(), None, 400, "invalid_parameter"),
        (
            format!("{id}/events?from=3"),
            None,
            400,
            "invalid_parameter",
        ),
        (
            format!("{id}/events"),
            Some("three"),
            400,
            "invalid_parameter",
        ),
    ] {
        let mut request = http.get(format!("{base}/v2/verify/{path}"));
        if let Some(value) = last_event_id {
            request = request.header("last-event-id", value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let document: Value = answer.json().await.unwrap();
        assert_eq!(problem(&document).0, code, "{path}");
    }
    let head = http.head(format!("{base}/v2/verify/{id}/events"));
    let head = head.timeout(Duration::from_secs(10)).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-type"], "text/event-stream");
    assert_eq!(head.bytes().await.unwrap().len(), 0);
    system.stop().await;
}

#[tokio::test]
async fn a_wrong_source_is_told_where_it_differs() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    let mut body = project.submission(Some(&deployed.transaction)).unwrap();
    let source = &mut body["stdJsonInput"]["sources"]["contracts/Small.sol"]["content"];
    *source = json!(source.as_str().unwrap().replace("increase", "enlarge"));
    let job = system.verify(&deployed.address, &body).await;
    let message = "The deployed and recompiled bytecode don't match.";
    assert_eq!(job_error(&job), ("no_match", message));
    let error = &job["error"];
    let wanted = json!({
        "runtime": by_hand(&error["recompiledRuntimeCode"], &error["onchainRuntimeCode"]),
        "creation": by_hand(&error["recompiledCreationCode"], &error["onchainCreationCode"]),
    });
    assert_eq!(error["errorData"], wanted);
    system.stop().await;
}

/// Two codes of one length whose last 53 bytes are metadata, compared byte by byte.
fn by_hand(compiled: &Value, on_chain: &Value) -> Value {
    let bytes = |code: &Value| hex::decode(&code.as_str().unwrap()[2..]).unwrap();
    let (compiled, on_chain) = (bytes(compiled), bytes(on_chain));
    assert_eq!(compiled.len(), on_chain.len());
    let differing: Vec<usize> = (0..compiled.len() - 53)
        .filter(|at| compiled[*at] != on_chain[*at])
        .collect();
    let (first, last) = (differing[0], differing[differing.len() - 1]);
    json!({
        "compiledLength": compiled.len(),
        "onchainLength": on_chain.len(),
        "firstDifference": {"compiledOffset": first, "onchainOffset": first, "part": "code"},
        "differingBytes": differing.len(),
        "equalTailBytes": compiled.len() - 1 - last,
    })
}
