//! One trace, from the client through both services to the compiler, the chain and the database.

use std::collections::BTreeSet;

use local_stack::Service;
use local_stack::cloud_run::FrontFault;
use serde_json::Value;

use super::collector::{Collector, Span, paths};
use super::{exporting, submission};
use crate::support::{LIMIT, TestSystem, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT: &str = "00f067aa0ba902b7";

const POST: &str = "POST /v2/verify/{chainId}/{address}";
const CALL: &str = "POST /internal_api_verify";

/// Verifies a contract in the client's trace, and gives its spans once all of these paths are among them.
async fn traced(
    system: &TestSystem,
    collector: &Collector,
    wanted: &[String],
) -> (Vec<Span>, BTreeSet<String>) {
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let request = submission(system, &deployed.address, &body);
    let request = request.header("traceparent", format!("00-{TRACE}-{CLIENT}-01"));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let id = answer["verificationId"].as_str().unwrap().to_owned();
    let finished = |line: &Value| line["event"] == "job_finished" && line["job_id"] == id.as_str();
    let verifier = system.stack.verifier(0).unwrap();
    verifier.wait_for(LIMIT, finished).await.unwrap();
    let spans = until("all spans", async || {
        let spans = collector.trace(TRACE).await;
        let names: BTreeSet<_> = spans.iter().map(|span| span.name.as_str()).collect();
        let last = |path: &String| path.rsplit(" > ").next().map(str::to_owned);
        let has = |path: &String| last(path).is_some_and(|name| names.contains(name.as_str()));
        (wanted.iter().all(has) && names.contains("dispatch")).then_some(spans)
    })
    .await;
    let seen: BTreeSet<_> = paths(&spans, CLIENT).into_iter().collect();
    for path in wanted {
        assert!(seen.contains(path), "{path} is not in {seen:#?}");
    }
    (spans, seen)
}

/// What the verifier does for a job, below the call for it.
fn work(call: &str) -> Vec<String> {
    [
        "lease",
        "lease > jobs/lease",
        "chain.code",
        "chain.code > eth_getCode",
        "chain.creation",
        "compile",
        "compile > outputs/find",
        "compile > compiler.prepare",
        "compile > compiler.run",
        "match",
        "store",
        "store > store_match",
        "store > store_match > jobs/succeed",
    ]
    .iter()
    .map(|path| format!("{call} > {path}"))
    .collect()
}

#[tokio::test]
async fn the_trace_of_a_client_leads_to_the_compiler_the_chain_and_the_database() {
    let collector = Collector::start().await;
    let uri = collector.uri();
    let system = TestSystem::with(|config| exporting(config, &uri)).await;
    let mut wanted = vec![
        POST.to_owned(),
        format!("{POST} > accept"),
        format!("{POST} > accept > jobs/insert_job"),
        format!("{POST} > dispatch"),
        format!("{POST} > dispatch > {CALL}"),
    ];
    wanted.extend(work(&format!("{POST} > dispatch > {CALL}")));
    let (spans, _) = traced(&system, &collector, &wanted).await;

    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    for (name, service) in [
        (POST, "public-api"),
        ("jobs/insert_job", "public-api"),
        ("dispatch", "public-api"),
        (CALL, "internal-verifier"),
        ("compiler.run", "internal-verifier"),
    ] {
        assert_eq!(of(name).service, service, "{name}");
    }
    let statement = &of("jobs/lease").attributes;
    assert_eq!(statement["db.system.name"], "postgresql");
    assert_eq!(statement["db.operation.name"], "jobs/lease");
    assert_eq!(of("compile").attributes["origin"], "compiled");
    assert_eq!(of("eth_getCode").attributes["rpc.system.name"], "jsonrpc");
    the_spans_hold_no_values(&spans);

    for (service, names) in [
        ("public-api", ["jobs_accepted", "dispatches", "open_jobs"]),
        (
            "internal-verifier",
            ["jobs_finished", "compile_seconds", "stage_seconds"],
        ),
    ] {
        until("the metrics", async || {
            let sent = collector.metrics(service).await;
            names.iter().all(|name| sent.contains(*name)).then_some(())
        })
        .await;
    }
    system.stop().await;
}

/// Neither what was asked nor where: a statement goes by its name, and a node by its chain.
fn the_spans_hold_no_values(spans: &[Span]) {
    for span in spans {
        for (name, value) in &span.attributes {
            assert!(!name.starts_with("db.query"), "{span:?}");
            assert!(!value.contains("://"), "{span:?}");
            assert!(!value.to_uppercase().contains("SELECT "), "{span:?}");
        }
    }
}

#[tokio::test]
async fn a_job_that_is_called_for_again_stays_in_the_trace_of_its_acceptance() {
    let collector = Collector::start().await;
    let uri = collector.uri();
    let system = TestSystem::with(|config| exporting(config, &uri)).await;
    let lost = FrontFault::Answer {
        status: 504,
        retry_after_s: None,
    };
    system.stack.front().fail_next(lost);
    let mut wanted = vec![
        format!("{POST} > dispatch"),
        format!("{POST} > redispatch"),
        format!("{POST} > redispatch > {CALL}"),
    ];
    wanted.extend(work(&format!("{POST} > redispatch > {CALL}")));
    let (_, seen) = traced(&system, &collector, &wanted).await;
    let first = format!("{POST} > dispatch > {CALL}");
    assert!(!seen.contains(&first), "the first call did not arrive");
    system.stop().await;
}

#[tokio::test]
async fn a_part_of_the_requests_is_traced_whatever_the_client_says() {
    let collector = Collector::start().await;
    let uri = collector.uri();
    let system = TestSystem::with(|config| {
        exporting(config, &uri).with(Service::PublicApi, "TRACED_PART", "0")
    })
    .await;
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let request = submission(&system, &deployed.address, &body);
    let request = request.header("traceparent", format!("00-{TRACE}-{CLIENT}-01"));
    assert_eq!(request.send().await.unwrap().status(), 202);
    let verifier = system.stack.verifier(0).unwrap();
    let finished = |line: &Value| line["event"] == "job_finished";
    let line = verifier.wait_for(LIMIT, finished).await.unwrap();
    // The lines of both services still find each other.
    let trace = format!("projects/local/traces/{TRACE}");
    assert_eq!(line["logging.googleapis.com/trace"], trace, "{line}");
    assert_eq!(line["logging.googleapis.com/trace_sampled"], false);
    system.stop().await;
    // Both have sent all they had.
    assert!(collector.trace(TRACE).await.is_empty());
}
