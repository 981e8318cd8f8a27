//! `traceparent` in and out: request headers, outgoing calls, and the column of the job row.
//!
//! actix-web has the header types of http 0.2 and reqwest those of http 1, hence two adapters.
//! Foreign hosts, such as chain nodes, are never told of our traces.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::global::get_text_map_propagator;
use opentelemetry::propagation::{Extractor, Injector};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";

struct Incoming<'a>(&'a actix_web::http::header::HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|key| key.as_str()).collect()
    }
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(key, value);
        }
    }
}

/// Makes the span a child of the caller's, if the headers name one.
pub(crate) fn continue_caller(span: &Span, headers: &actix_web::http::header::HeaderMap) {
    let parent = get_text_map_propagator(|propagator| propagator.extract(&Incoming(headers)));
    set_parent(span, parent);
}

/// The current span as headers of an outgoing call to the other service.
#[must_use]
pub fn trace_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let context = Span::current().context();
    get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut Outgoing(&mut headers));
    });
    headers
}

/// The current span as the text kept in the job row, so that a later dispatch continues the trace.
#[must_use]
pub fn traceparent() -> Option<String> {
    let headers = trace_headers();
    headers.get(TRACEPARENT)?.to_str().ok().map(str::to_owned)
}

/// Makes the span, which must not have been entered yet, a child of a stored `traceparent`.
///
/// A text that is no `traceparent` changes nothing: a trace is never worth a failed request.
#[must_use]
pub fn continued(span: Span, traceparent: Option<&str>) -> Span {
    if let Some(text) = traceparent {
        let carrier = HashMap::from([(TRACEPARENT.to_owned(), text.to_owned())]);
        set_parent(
            &span,
            get_text_map_propagator(|propagator| propagator.extract(&carrier)),
        );
    }
    span
}

fn set_parent(span: &Span, parent: Context) {
    // Fails only where no OpenTelemetry layer is installed: then there is no trace to continue.
    let _ = span.set_parent(parent);
}
