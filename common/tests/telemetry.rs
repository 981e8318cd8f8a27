//! Two services and an OTLP receiver: one trace across both, also when the row is dispatched later.
//!
//! It installs the subscriber of the process, so this one test is a binary of its own.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use common::config::OtlpToken;
use common::telemetry::propagation::{continued, trace_headers, traceparent};
use common::telemetry::{
    RootSpan, Sampling, Telemetry, TelemetryConfig, init_with_output, metrics,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde_json::{Value, json};
use tracing::Instrument;
use tracing_actix_web::TracingLogger;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn with_event(&self, event: &str) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &Value| line["event"] == event)
            .collect()
    }
}

/// What public-api holds: where the verifier is, a client, and the "row" of the last job.
struct Public {
    verifier: String,
    http: reqwest::Client,
    row: Mutex<Option<String>>,
}

impl Public {
    async fn dispatch(&self) {
        let call = self.http.post(&self.verifier).headers(trace_headers());
        assert_eq!(call.send().await.unwrap().status(), 200);
    }
}

async fn submit(public: web::Data<Public>) -> HttpResponse {
    *public.row.lock().unwrap() = traceparent();
    public.dispatch().await;
    HttpResponse::Accepted().finish()
}

/// The sweep: a root of its own would cut the trace, so the span continues the row's.
async fn sweep(public: web::Data<Public>) -> HttpResponse {
    let row = public.row.lock().unwrap().clone();
    let span = continued(tracing::info_span!("redispatch"), row.as_deref());
    public.dispatch().instrument(span).await;
    HttpResponse::Ok().finish()
}

async fn verify() -> HttpResponse {
    tracing::warn!(event = "compiling", attempt = 1, "compiling");
    metrics::count("dispatches", &[("result", "2xx"), ("by", "direct")]);
    HttpResponse::Ok().finish()
}

fn serve(routes: fn(&mut web::ServiceConfig), public: Option<web::Data<Public>>) -> String {
    let server = HttpServer::new(move || {
        let app = App::new().wrap(TracingLogger::<RootSpan>::new());
        let public = public.clone();
        app.configure(|config| {
            if let Some(public) = public {
                config.app_data(public);
            }
        })
        .configure(routes)
    });
    let server = server
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let base = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    base
}

struct Span {
    name: String,
    trace: String,
    id: String,
    parent: String,
}

fn spans(requests: &[Request]) -> Vec<Span> {
    let traces = requests.iter().filter(|r| r.url.path() == "/v1/traces");
    traces
        .flat_map(|r| {
            let request = ExportTraceServiceRequest::decode(r.body.as_slice());
            request.unwrap().resource_spans
        })
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .map(|span| Span {
            name: span.name.clone(),
            trace: hex::encode(&span.trace_id),
            id: hex::encode(&span.span_id),
            parent: hex::encode(&span.parent_span_id),
        })
        .collect()
}

fn metric_names(requests: &[Request]) -> Vec<String> {
    let metrics = requests.iter().filter(|r| r.url.path() == "/v1/metrics");
    metrics
        .flat_map(|r| {
            let request = ExportMetricsServiceRequest::decode(r.body.as_slice());
            request.unwrap().resource_metrics
        })
        .flat_map(|resource| resource.scope_metrics)
        .flat_map(|scope| scope.metrics)
        .map(|metric| metric.name)
        .collect()
}

async fn answer(collector: &MockServer, answer: ResponseTemplate) {
    collector.reset().await;
    let posts = Mock::given(method("POST"));
    posts.respond_with(answer).mount(collector).await;
}

#[actix_web::test]
async fn one_trace_across_both_services_and_a_later_dispatch() {
    let collector = MockServer::start().await;
    answer(&collector, ResponseTemplate::new(200)).await;
    let lines = Lines::default();
    let config = TelemetryConfig {
        service: "public-api",
        // A quiet log cuts no trace.
        filter: "off,telemetry=warn,common::telemetry=info".to_owned(),
        project: "demo".to_owned(),
        otlp_endpoint: Some(format!("{}/", collector.uri())),
        otlp_token: OtlpToken::None,
        metrics: true,
        sampler: Sampling::All,
        metrics_by_flushes: true,
    };
    let telemetry = init_with_output(&config, lines.clone()).unwrap();
    assert!(init_with_output(&config, lines.clone()).is_err(), "twice");

    let verifier = serve(
        |routes| {
            routes.route("/internal_api_verify", web::post().to(verify));
        },
        None,
    );
    let public = web::Data::new(Public {
        verifier: format!("{verifier}/internal_api_verify"),
        http: reqwest::Client::new(),
        row: Mutex::default(),
    });
    let base = serve(
        |routes| {
            routes
                .route("/v2/verify", web::post().to(submit))
                .route("/internal_api_sweep", web::post().to(sweep));
        },
        Some(public.clone()),
    );

    let submitted = public.http.post(format!("{base}/v2/verify?apikey=secret"));
    let submitted = submitted.header("traceparent", format!("00-{TRACE}-{PARENT}-01"));
    assert_eq!(submitted.send().await.unwrap().status(), 202);
    let swept = public.http.post(format!("{base}/internal_api_sweep"));
    assert_eq!(swept.send().await.unwrap().status(), 200);
    telemetry.flush().await;

    let requests = collector.received_requests().await.unwrap();
    the_spans_are_one_tree(&spans(&requests));
    let names = metric_names(&requests);
    assert!(names.contains(&"dispatches".to_owned()), "{names:?}");
    the_lines_carry_the_trace(&lines);
    a_collector_that_fails_costs_little(&collector, &telemetry, &lines).await;
}

fn the_spans_are_one_tree(all: &[Span]) {
    let ours: Vec<_> = all.iter().filter(|span| span.trace == TRACE).collect();
    let below = |id: &str| -> Vec<_> { ours.iter().filter(|span| span.parent == id).collect() };
    let submit = below(PARENT);
    assert_eq!(submit.len(), 1, "public-api continues the caller's trace");
    assert_eq!(submit[0].name, "POST /v2/verify");
    let children = below(&submit[0].id);
    assert_eq!(children.len(), 2, "the verifier and the later dispatch");
    let again = children.iter().find(|span| span.name == "redispatch");
    let second = below(&again.unwrap().id);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].name, "POST /internal_api_verify");
    assert_eq!(ours.len(), 4);
    assert!(
        all.iter().any(|span| span.trace != TRACE),
        "the sweep's own request is another trace"
    );
}

fn the_lines_carry_the_trace(lines: &Lines) {
    let compiling = lines.with_event("compiling");
    assert_eq!(compiling.len(), 2);
    for line in compiling {
        assert_eq!(line["severity"], "WARNING");
        assert_eq!(line["message"], "compiling");
        assert_eq!(line["attempt"], 1);
        assert_eq!(
            line["logging.googleapis.com/trace"],
            format!("projects/demo/traces/{TRACE}")
        );
        assert_eq!(line["logging.googleapis.com/trace_sampled"], true);
        let span = line["logging.googleapis.com/spanId"].as_str().unwrap();
        assert_eq!(span.len(), 16);
        let file = &line["logging.googleapis.com/sourceLocation"]["file"];
        assert_eq!(file, "common/tests/telemetry.rs");
    }
    let requests = lines.with_event("request");
    assert_eq!(requests.len(), 4);
    let submit = requests.iter().find(|line| {
        let request = &line["httpRequest"];
        request["requestUrl"] == "/v2/verify" && request["latency"].is_string()
    });
    // The query, where clients put keys, is left out.
    let submit = submit.unwrap();
    assert_eq!(submit["httpRequest"]["requestMethod"], "POST");
    assert_eq!(submit["httpRequest"]["status"], json!(202));
}

async fn a_collector_that_fails_costs_little(
    collector: &MockServer,
    telemetry: &Telemetry,
    lines: &Lines,
) {
    answer(collector, ResponseTemplate::new(500)).await;
    for _ in 0..3 {
        drop(tracing::info_span!("lost"));
        telemetry.flush().await;
    }
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    answer(collector, slow).await;
    drop(tracing::info_span!("late"));
    let started = Instant::now();
    telemetry.shutdown().await;
    let waited = started.elapsed();
    assert!(waited < Duration::from_millis(3500), "{waited:?}");
    let complaints = lines.with_event("telemetry_flush_failed");
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert_eq!(complaints[0]["severity"], "WARNING");
}
