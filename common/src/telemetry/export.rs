//! OTLP over HTTP with protobuf bodies, for spans and metrics, the page for Prometheus, and flushing.
//!
//! Both readers of metrics may be there at once, one or none; without any, nothing is counted.
//!
//! The exporters use reqwest's blocking client: they run on threads of their own, where an async
//! client finds no reactor. For the same reason a flush has a thread of its own, which, other than
//! tokio's, the end of the process does not wait for.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use uuid::Uuid;

use super::google::GoogleClient;
use super::page::MetricsPage;
use super::{TelemetryConfig, TelemetryError, metrics};
use crate::config::OtlpToken;
use crate::version;

/// The longest that a request, or the end of a process, waits for a receiver.
const FLUSH_LIMIT: Duration = Duration::from_secs(3);
const COMPLAINT_FLOOR: Duration = Duration::from_secs(60);
/// Google Cloud takes a point of a series every five seconds; more would be refused.
const METRICS_FLOOR: Duration = Duration::from_secs(10);

/// Longer than any process lives: the reader knows no other way to have no timer.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The installed telemetry of a process. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Telemetry {
    tracer: SdkTracerProvider,
    /// `None`: nobody reads metrics.
    meter: Option<SdkMeterProvider>,
    page: Option<MetricsPage>,
    /// Whether anything is sent.
    exports: bool,
    metrics_flushed_at: Arc<Mutex<Option<Instant>>>,
    complaints: Complaints,
}

impl Telemetry {
    pub(super) fn build(config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        let resource = resource(config);
        let complaints = Complaints::default();
        let mut tracer = SdkTracerProvider::builder()
            .with_sampler(opentelemetry_sdk::trace::Sampler::from(config.sampler))
            .with_resource(resource.clone());
        let mut meter = SdkMeterProvider::builder().with_resource(resource);
        let mut page = None;
        if config.metrics {
            let (shown, exporter) = MetricsPage::new().map_err(TelemetryError::Page)?;
            page = Some(shown);
            meter = meter.with_reader(exporter);
        }
        if let Some(endpoint) = &config.otlp_endpoint {
            let (spans, metrics) = exporters(config, endpoint, &complaints)?;
            tracer = tracer.with_batch_exporter(Observed(spans, complaints.clone()));
            let mut reader = PeriodicReader::builder(Observed(metrics, complaints.clone()));
            if config.metrics_by_flushes {
                reader = reader.with_interval(NEVER);
            }
            meter = meter.with_reader(reader.build());
        }
        let exports = config.otlp_endpoint.is_some();
        Ok(Self {
            tracer: tracer.build(),
            meter: (exports || page.is_some()).then(|| meter.build()),
            page,
            exports,
            metrics_flushed_at: Arc::default(),
            complaints,
        })
    }

    /// Makes the metrics of the whole process go here.
    pub(super) fn install_metrics(&self, service: &'static str) {
        if let Some(meter) = &self.meter {
            metrics::install(service, meter);
        }
    }

    /// What `GET /metrics` shows, if it is to be there.
    #[must_use]
    pub fn page(&self) -> Option<&MetricsPage> {
        self.page.as_ref()
    }

    pub(super) fn tracer(&self) -> &SdkTracerProvider {
        &self.tracer
    }

    /// Sends what is buffered, for at most three seconds. Before the answer of a service that has a
    /// processor only during requests.
    pub async fn flush(&self) {
        let with_metrics = self.metrics_are_due();
        self.bounded(move |tracer, meter| {
            // Their failures have been complained about by the exporters.
            let _ = tracer.force_flush();
            if with_metrics {
                let _ = meter.force_flush();
            }
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

    fn metrics_are_due(&self) -> bool {
        let Ok(mut last) = self.metrics_flushed_at.lock() else {
            return false;
        };
        let are_due = last.is_none_or(|at| at.elapsed() >= METRICS_FLOOR);
        if are_due {
            *last = Some(Instant::now());
        }
        are_due
    }

    async fn bounded(
        &self,
        act: impl FnOnce(SdkTracerProvider, SdkMeterProvider) + Send + 'static,
    ) {
        let Some(meter) = self.meter.clone().filter(|_| self.exports) else {
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

/// Who speaks. Google Cloud tells the series of two instances apart by the instance's id.
fn resource(config: &TelemetryConfig) -> Resource {
    Resource::builder()
        .with_service_name(config.service)
        .with_attribute(KeyValue::new("service.version", version::VERSION))
        .with_attribute(KeyValue::new(
            "service.instance.id",
            Uuid::new_v4().to_string(),
        ))
        .with_attribute(KeyValue::new("gcp.project_id", config.project.clone()))
        .build()
}

fn exporters(
    config: &TelemetryConfig,
    endpoint: &str,
    complaints: &Complaints,
) -> Result<(SpanExporter, MetricExporter), TelemetryError> {
    let endpoint = endpoint.trim_end_matches('/');
    let wrong = |source: ExporterBuildError| TelemetryError::Exporter {
        endpoint: endpoint.to_owned(),
        source,
    };
    let mut spans = SpanExporter::builder().with_http();
    let mut metrics = MetricExporter::builder().with_http();
    if config.otlp_token == OtlpToken::Google {
        let client = || {
            let client = GoogleClient::new(&config.project, FLUSH_LIMIT, complaints.clone());
            client.map_err(TelemetryError::Google)
        };
        spans = spans.with_http_client(client()?);
        metrics = metrics.with_http_client(client()?);
    }
    let spans = spans
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(FLUSH_LIMIT)
        .with_endpoint(format!("{endpoint}/v1/traces"));
    let metrics = metrics
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(FLUSH_LIMIT)
        .with_endpoint(format!("{endpoint}/v1/metrics"));
    Ok((
        spans.build().map_err(wrong)?,
        metrics.build().map_err(wrong)?,
    ))
}

/// A receiver that is down is one warning a minute, however many exports fail.
#[derive(Debug, Clone, Default)]
pub(super) struct Complaints(Arc<Mutex<Option<Instant>>>);

impl Complaints {
    fn add(&self, reason: &str) {
        metrics::count("telemetry_failures", &[]);
        self.tell(reason);
    }

    /// For what makes an export fail, which is then counted.
    pub(super) fn tell(&self, reason: &str) {
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
struct Observed<E>(E, Complaints);

impl<E: opentelemetry_sdk::trace::SpanExporter> opentelemetry_sdk::trace::SpanExporter
    for Observed<E>
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

impl<E: PushMetricExporter> PushMetricExporter for Observed<E> {
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
