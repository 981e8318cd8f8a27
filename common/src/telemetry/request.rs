//! The span, the one log line and the duration of a request.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::{Error, HttpMessage, HttpRequest};
use tracing::{Span, field};
use tracing_actix_web::RootSpanBuilder;

use crate::telemetry::metrics;
use crate::telemetry::page::METRICS_PATH;
use crate::telemetry::propagation::continue_caller;

/// A child of the caller's span: `App::wrap(TracingLogger::<RootSpan>::new())`.
///
/// Handlers may fill its field `job_id`. The query is left out of the span and of the log: clients
/// put keys there.
#[derive(Debug)]
pub struct RootSpan;

pub(super) fn is_of_machine(path: &str) -> bool {
    OF_MACHINES.contains(&path)
}

struct Started(Instant);

const LONGEST_REQUEST_ID: usize = 128;

/// Asked by machines every few seconds: worth no trace, and a line only for who wants to read all.
const OF_MACHINES: [&str; 2] = ["/health", METRICS_PATH];

impl RootSpanBuilder for RootSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        request.extensions_mut().insert(Started(Instant::now()));
        if is_of_machine(request.match_info().as_str()) {
            return Span::none();
        }
        let route = request.match_pattern();
        let route = route.as_deref().unwrap_or("unmatched");
        let span = tracing::info_span!(
            "request",
            otel.name = format!("{} {route}", known_method(request.method())),
            otel.kind = "server",
            otel.status_code = field::Empty,
            http.request.method = %request.method(),
            http.route = route,
            url.path = request.path(),
            http.response.status_code = field::Empty,
            job_id = field::Empty,
        );
        continue_caller(&span, request.headers());
        span
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let (status, request) = match outcome {
            Ok(response) => (response.status(), Some(response.request())),
            Err(error) => (error.as_response_error().status_code(), None),
        };
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
        if let Some(request) = request {
            log_line(request, status.as_u16());
        }
    }
}

fn measure(request: &HttpRequest, status: u16, seconds: f64) {
    let route = request.match_pattern();
    let labels = [
        ("route", route.as_deref().unwrap_or("unmatched")),
        ("method", known_method(request.method())),
        ("status", &status.to_string()),
    ];
    metrics::observe_seconds("http_request_seconds", seconds, &labels);
}

/// Anybody may invent methods, and each would be a series for ever.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn log_line(request: &HttpRequest, status: u16) {
    let extensions = request.extensions();
    let started = extensions.get::<Started>();
    let seconds = started.map_or(0.0, |started| started.0.elapsed().as_secs_f64());
    measure(request, status, seconds);
    let latency = format!("{seconds:.6}s");
    // What a proxy or a client calls this request, if it has no trace of its own.
    let request_id = request.headers().get("x-request-id");
    let request_id = request_id
        .and_then(|id| id.to_str().ok())
        .filter(|id| id.len() <= LONGEST_REQUEST_ID);
    let (method, path) = (request.method().as_str(), request.path());
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                event = "request",
                httpRequest.requestMethod = method,
                httpRequest.requestUrl = path,
                httpRequest.status = status,
                httpRequest.latency = latency,
                request_id,
                "{method} {path} {status}"
            )
        };
    }
    if is_of_machine(request.match_info().as_str()) {
        line!(debug);
    } else {
        line!(info);
    }
}
