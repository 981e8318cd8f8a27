//! The page that Prometheus reads, after one verification.

use std::collections::{BTreeMap, BTreeSet};

use common::telemetry::metrics::{Kind, METRICS, Metric, Teller};
use local_stack::Service;
use local_stack::process::Process;
use regex::Regex;

use super::BOTH;
use crate::support::{CHAIN_ID, TestSystem, until};

/// What does not happen in a verification that goes well, in one of the services at least. What the other one must
/// tell of these is looked at by value.
const UNTOLD: [&str; 7] = [
    "explorer_answers",
    "source_answers",
    "token_failures",
    // Only who is called by others fetches keys: public-api by the scheduler, whom nobody plays here.
    "jwks_fetches",
    // The verifier asks; public-api does for proxies alone.
    "rpc_calls",
    // In public-api only what was given up.
    "jobs_finished",
    "job_attempts",
];

/// A sample: the labels, and what was told.
type Series = BTreeMap<String, Vec<(BTreeMap<String, String>, f64)>>;

async fn read(process: &Process) -> Series {
    // However its path is spelt.
    page(process, "/%6Detrics").await;
    parse(&page(process, "/metrics").await)
}

async fn page(process: &Process, path: &str) -> String {
    let url = format!("http://{}{path}", process.address());
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    assert_eq!(headers["content-type"], "text/plain; version=0.0.4");
    assert!(!headers.contains_key("access-control-allow-origin"));
    answer.text().await.unwrap()
}

fn parse(text: &str) -> Series {
    let line = Regex::new(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$").unwrap();
    let label = Regex::new(r#"([a-z_]+)="([^"]*)""#).unwrap();
    let mut series = Series::new();
    for text in text.lines().filter(|line| !line.starts_with('#')) {
        let parts = line.captures(text).unwrap_or_else(|| panic!("{text}"));
        let labels = parts.get(2).map_or("", |labels| labels.as_str());
        let labels = label.captures_iter(labels).map(|pair| {
            let [name, value] = pair.extract().1.map(str::to_owned);
            (name, value)
        });
        let value: f64 = parts[3].parse().unwrap();
        let samples = series.entry(parts[1].to_owned()).or_default();
        samples.push((labels.collect(), value));
    }
    series
}

/// Of all series of that name together.
fn sum(series: &Series, name: &str) -> f64 {
    let samples = series
        .get(name)
        .unwrap_or_else(|| panic!("{name} is not told"));
    samples.iter().map(|(_, value)| value).sum()
}

fn value(series: &Series, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |found: &BTreeMap<String, String>| {
        labels
            .iter()
            .all(|(name, value)| found.get(*name).is_some_and(|found| found == value))
    };
    let mut found = series[name].iter().filter(|(labels, _)| has(labels));
    let (_, value) = found.next().unwrap_or_else(|| panic!("{name} {labels:?}"));
    *value
}

fn shown(metric: &Metric) -> String {
    match metric.kind {
        Kind::Counter => format!("{}_total", metric.name),
        Kind::Histogram(_) => format!("{}_count", metric.name),
        Kind::Gauge | Kind::Level | Kind::Watched => metric.name.to_owned(),
    }
}

#[tokio::test]
async fn after_a_verification_every_metric_is_told_and_none_names_a_contract() {
    let system = TestSystem::start().await;
    let (project, deployed) = system.small().await;
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let job = system.end_of(&accepted).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    let (public_api, verifier) = (system.stack.public_api(), system.stack.verifier(0).unwrap());
    // The call is answered after the job has its end, and the sweep comes when it comes.
    let public = until("the answer to the call, and a sweep", async || {
        let told = read(&public_api).await;
        let all = ["dispatches_total", "open_jobs"];
        let is_told = all.iter().all(|name| told.contains_key(*name));
        // A sweep that came before saw the job open.
        (is_told && sum(&told, "open_jobs") == 0.0).then_some(told)
    })
    .await;
    let verifier = read(verifier).await;
    let told = |metric: &Metric, teller| metric.teller == teller || metric.teller == Teller::Both;
    for (series, teller) in [(&public, Teller::PublicApi), (&verifier, Teller::Verifier)] {
        let expected = METRICS.iter().filter(|metric| told(metric, teller));
        for metric in expected {
            let name = shown(metric);
            if series.contains_key(&name) {
                the_labels_are_the_tables(series, &name, metric);
            } else {
                assert!(UNTOLD.contains(&metric.name), "{name} is not told");
            }
        }
        the_values_name_nothing(series, &deployed.address, &accepted.id);
    }
    the_values_are_right(&public, &verifier);
    system.stop().await;
}

fn the_labels_are_the_tables(series: &Series, name: &str, metric: &Metric) {
    let mut wanted: BTreeSet<&str> = metric.labels.iter().copied().collect();
    wanted.insert("service_name");
    for (labels, _) in &series[name] {
        let found: BTreeSet<&str> = labels.keys().map(String::as_str).collect();
        assert_eq!(found, wanted, "{name}");
    }
}

/// No address, hash, id, version or URL.
fn the_values_name_nothing(series: &Series, address: &str, id: &str) {
    let named = Regex::new(r"0x|://|[0-9a-f]{8}-|\d+\.\d+\.\d+").unwrap();
    for (name, samples) in series.iter().filter(|(name, _)| *name != "target_info") {
        for (labels, _) in samples {
            for value in labels.values() {
                let names = named.is_match(value) || value == address || value.contains(id);
                assert!(!names, "{name}: {value}");
            }
        }
    }
}

fn the_values_are_right(public: &Series, verifier: &Series) {
    let chain = CHAIN_ID.to_string();
    let kind = [("kind", "std_json")];
    assert_eq!(value(public, "jobs_accepted_total", &kind), 1.0);
    // A sweep between the job's end and the answer gives the call up.
    let calls = &public["dispatches_total"];
    let [(call, 1.0)] = &calls[..] else {
        panic!("{calls:?}")
    };
    assert_eq!(call["by"], "direct");
    assert!(
        ["2xx", "in_vain"].contains(&call["result"].as_str()),
        "{call:?}"
    );
    assert_eq!(sum(public, "open_jobs"), 0.0);
    assert_eq!(public["open_jobs"].len(), 8);
    assert_eq!(sum(public, "oldest_open_job_seconds"), 0.0);
    assert_eq!(sum(public, "leases_expired_total"), 0.0);
    assert_eq!(sum(public, "db_pool_size"), 4.0);
    assert!(sum(public, "db_pool_in_use") <= 4.0);
    assert!(sum(public, "db_pool_wait_seconds_count") >= 2.0);
    let route = [
        ("route", "/v2/verify/{chainId}/{address}"),
        ("method", "POST"),
        ("status", "202"),
    ];
    assert_eq!(value(public, "http_request_seconds_count", &route), 1.0);

    let success = [("outcome", "succeeded")];
    assert_eq!(value(verifier, "jobs_finished_total", &success), 1.0);
    assert_eq!(value(verifier, "job_attempts_sum", &success), 1.0);
    assert_eq!(sum(verifier, "job_wait_seconds_count"), 1.0);
    assert!(sum(verifier, "job_wait_seconds_sum") < 60.0);
    let seconds = value(verifier, "job_seconds_sum", &success);
    assert!(seconds > 0.0 && seconds < 300.0, "{seconds}");
    let compiled = [("engine", "wasm"), ("language", "Solidity")];
    assert!(value(verifier, "compile_seconds_sum", &compiled) <= seconds);
    assert!(sum(verifier, "stage_seconds_sum") <= seconds + 0.1);
    assert_eq!(sum(verifier, "compiles_in_flight"), 0.0);
    let outcome = [("outcome", "compiled")];
    assert!(value(verifier, "compiler_cache_total", &outcome) >= 1.0);
    let ready = [("outcome", "ready")];
    assert_eq!(value(verifier, "compilers_made_ready_total", &ready), 1.0);
    assert_eq!(sum(verifier, "sandbox_level"), 1.0);
    assert_eq!(sum(verifier, "leases_lost_total"), 0.0);
    assert_eq!(sum(verifier, "telemetry_failures_total"), 0.0);
    let answered = [("chain", chain.as_str()), ("outcome", "answered")];
    assert!(value(verifier, "rpc_calls_total", &answered) >= 2.0);
    assert_eq!(sum(verifier, "jwks_fetches_total"), 1.0);
}

#[tokio::test]
async fn without_the_setting_there_is_no_such_page() {
    let system = TestSystem::with(|mut config| {
        for service in BOTH {
            config = config.with(service, "METRICS", "false");
        }
        config
    })
    .await;
    for process in system.stack.processes() {
        let url = format!("http://{}/metrics", process.address());
        assert_eq!(reqwest::get(url).await.unwrap().status(), 404);
    }
    system.stop().await;
}

#[tokio::test]
async fn a_method_or_path_that_somebody_invents_is_no_new_series() {
    let system = TestSystem::with(|config| {
        // Nobody else asks meanwhile.
        config.with(Service::PublicApi, "SWEEP_INTERVAL_MS", "600000")
    })
    .await;
    let process = system.stack.public_api();
    let http = reqwest::Client::new();
    for number in 0..20 {
        let method = reqwest::Method::from_bytes(format!("X{number}").as_bytes()).unwrap();
        let url = format!("http://{}/nowhere/{number}", process.address());
        assert_eq!(
            http.request(method, url).send().await.unwrap().status(),
            404
        );
    }
    let series = read(&process).await;
    let unknown = [
        ("route", "unmatched"),
        ("method", "other"),
        ("status", "404"),
    ];
    assert_eq!(value(&series, "http_request_seconds_count", &unknown), 20.0);
    system.stop().await;
}
