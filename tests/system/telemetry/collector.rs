//! A receiver of OTLP, and what it received in words that a test can compare.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) struct Collector(MockServer);

/// One span, with the service that sent it.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let server = MockServer::start().await;
        let ok = Mock::given(method("POST")).respond_with(ResponseTemplate::new(200));
        ok.mount(&server).await;
        Self(server)
    }

    pub(crate) fn uri(&self) -> String {
        self.0.uri()
    }

    pub(crate) async fn requests(&self, path: &str) -> Vec<Request> {
        let mut requests = self.0.received_requests().await.unwrap();
        requests.retain(|request| request.url.path() == path);
        requests
    }

    /// All spans of one trace.
    pub(crate) async fn trace(&self, trace: &str) -> Vec<Span> {
        let mut found = Vec::new();
        for request in self.requests("/v1/traces").await {
            let sent = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
            for group in sent.resource_spans {
                let service = attribute(group.resource.as_ref(), "service.name");
                let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
                found.extend(spans.map(|span| Span {
                    service: service.clone(),
                    name: span.name,
                    trace: hex::encode(&span.trace_id),
                    id: hex::encode(&span.span_id),
                    parent: hex::encode(&span.parent_span_id),
                    attributes: texts(&span.attributes),
                }));
            }
        }
        found.retain(|span| span.trace == trace);
        found
    }

    /// The names of all metrics that a service has sent.
    pub(crate) async fn metrics(&self, service: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for request in self.requests("/v1/metrics").await {
            let sent = ExportMetricsServiceRequest::decode(request.body.as_slice()).unwrap();
            for group in sent.resource_metrics {
                let resource = group.resource.as_ref();
                if attribute(resource, "service.name") != service {
                    continue;
                }
                for must in ["service.version", "service.instance.id", "gcp.project_id"] {
                    assert_ne!(attribute(resource, must), "", "{must}");
                }
                let metrics = group.scope_metrics.into_iter();
                names.extend(metrics.flat_map(|scope| scope.metrics).map(|one| one.name));
            }
        }
        names
    }
}

fn attribute(resource: Option<&Resource>, name: &str) -> String {
    let attributes = resource.map(|resource| texts(&resource.attributes));
    attributes
        .unwrap_or_default()
        .remove(name)
        .unwrap_or_default()
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|any| any.value.clone()) {
        Some(Value::StringValue(text)) => text,
        other => format!("{other:?}"),
    };
    let pairs = attributes.iter();
    pairs
        .map(|pair| (pair.key.clone(), text(&pair.value)))
        .collect()
}

/// From the client's span to each of the trace: the names of all above it and its own, ` > ` between them.
///
/// # Panics
/// When a span lies below nobody.
pub(crate) fn paths(spans: &[Span], client: &str) -> Vec<String> {
    let path = |span: &Span| {
        let mut names = vec![span.name.clone()];
        let mut parent = span.parent.clone();
        while parent != client {
            let above = spans.iter().find(|span| span.id == parent);
            let above = above.unwrap_or_else(|| panic!("nobody is above {names:?}"));
            names.push(above.name.clone());
            parent.clone_from(&above.parent);
        }
        names.reverse();
        names.join(" > ")
    };
    spans.iter().map(path).collect()
}
