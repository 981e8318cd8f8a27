//! OTLP over HTTP with protobuf bodies, for spans and metrics, and flushing.
//!
//! The exporters use reqwest's blocking client: they run on threads of their own, where an async
//! client finds no reactor. For the same reason a flush has a thread of its own, which, other than
//! tokio's, the end of the process does not wait for.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};

use crate::telemetry::{TelemetryConfig, TelemetryError};
use crate::version;

/// The longest that a request, or the end of a process, waits for a receiver.
const FLUSH_LIMIT: Duration = Duration::from_secs(3);
const COMPLAINT_FLOOR: Duration = Duration::from_secs(60);

/// The installed telemetry of a process. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Telemetry {
    tracer: SdkTracerProvider,
    /// `None`: nothing is exported.
    meter: Option<SdkMeterProvider>,
    complaints: Complaints,
}

impl Telemetry {
    pub(super) fn build(config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        let resource = Resource::builder()
            .with_service_name(config.service)
            .with_attribute(KeyValue::new("service.version", version::VERSION))
            .with_attribute(KeyValue::new("gcp.project_id", config.project.clone()))
            .build();
        let tracer = SdkTracerProvider::builder()
            .with_sampler(opentelemetry_sdk::trace::Sampler::from(config.sampler))
            .with_resource(resource.clone());
        let complaints = Complaints::default();
        let Some(endpoint) = &config.otlp_endpoint else {
            return Ok(Self {
                tracer: tracer.build(),
                meter: None,
                complaints,
            });
        };
        let endpoint = endpoint.trim_end_matches('/');
        let (spans, metrics) = exporters(endpoint).map_err(|source| TelemetryError::Exporter {
            endpoint: endpoint.to_owned(),
            source,
        })?;
        let meter = SdkMeterProvider::builder()
            .with_periodic_exporter(Watched(metrics, complaints.clone()))
            .with_resource(resource)
            .build();
        Ok(Self {
            tracer: tracer
                .with_batch_exporter(Watched(spans, complaints.clone()))
                .build(),
            meter: Some(meter),
            complaints,
        })
    }

    /// Makes the metrics of the whole process go here.
    pub(super) fn install_metrics(&self) {
        if let Some(meter) = self.meter.clone() {
            global::set_meter_provider(meter);
        }
    }

    pub(super) fn tracer(&self) -> &SdkTracerProvider {
        &self.tracer
    }

    /// Sends what is buffered, for at most three seconds. Before the answer of a service that has a
    /// processor only during requests.
    pub async fn flush(&self) {
        self.bounded(|tracer, meter| {
            // Their failures have been complained about by the exporters.
            let _ = (tracer.force_flush(), meter.force_flush());
        })
        .await;
    }

    /// Sends what is buffered and ends the exporters, within three seconds. At the end of a process.
    pub async fn shutdown(&self) {
        self.bounded(|tracer, meter| {
            let _ = (tracer.shutdown(), meter.shutdown());
        })
        .await;
    }

    async fn bounded(&self, act: fn(SdkTracerProvider, SdkMeterProvider)) {
        let Some(meter) = self.meter.clone() else {
            return;
        };
        let tracer = self.tracer.clone();
        let (done, is_done) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new().name("telemetry-flush".to_owned());
        let started = thread.spawn(move || {
            act(tracer, meter);
            // Nobody listens any more when it took too long.
            let _ = done.send(());
        });
        match started {
            Err(error) => self.complaints.add(&error.to_string()),
            Ok(_runs_on) => {
                if tokio::time::timeout(FLUSH_LIMIT, is_done).await.is_err() {
                    self.complaints.add("not sent in time");
                }
            }
        }
    }
}

fn exporters(endpoint: &str) -> Result<(SpanExporter, MetricExporter), ExporterBuildError> {
    let spans = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(FLUSH_LIMIT)
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .build()?;
    let metrics = MetricExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(FLUSH_LIMIT)
        .with_endpoint(format!("{endpoint}/v1/metrics"))
        .build()?;
    Ok((spans, metrics))
}

/// A receiver that is down is one warning a minute, however many exports fail.
#[derive(Debug, Clone, Default)]
struct Complaints(Arc<Mutex<Option<Instant>>>);

impl Complaints {
    fn add(&self, reason: &str) {
        let Ok(mut last) = self.0.lock() else { return };
        if last.is_none_or(|at| at.elapsed() >= COMPLAINT_FLOOR) {
            *last = Some(Instant::now());
            tracing::warn!(
                event = "telemetry_flush_failed",
                error = reason,
                "telemetry was not sent"
            );
        }
    }

    fn watch(&self, outcome: OTelSdkResult) -> OTelSdkResult {
        if let Err(error) = &outcome {
            self.add(&error.to_string());
        }
        outcome
    }
}

/// An exporter whose failures are complained about.
#[derive(Debug)]
struct Watched<E>(E, Complaints);

impl<E: opentelemetry_sdk::trace::SpanExporter> opentelemetry_sdk::trace::SpanExporter
    for Watched<E>
{
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.1.watch(self.0.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Watched<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.1.watch(self.0.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.0.temporality()
    }
}
