//! What the system says about itself: log lines, traces and metrics of both services.
//!
//! Log lines are Cloud Logging's JSON on stdout and carry the trace they belong to, whether or not
//! anything is exported. With an OTLP endpoint, spans and metrics go there; without one there is no
//! exporter and no extra thread. Metrics may also be fetched, from [`page`]. `tracing-actix-web` and `reqwest-tracing` know
//! OpenTelemetry only up to 0.32, so [`propagation`] does their part, for the job row as well.

mod before_answer;
mod export;
mod google;
mod logging;
pub mod metrics;
pub mod page;
pub mod propagation;
mod request;

use std::io::Write;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::Sampler;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, ParseError, filter_fn};
use tracing_subscriber::prelude::*;
use tracing_subscriber::util::TryInitError;

use crate::config::{OtlpToken, TelemetrySettings};

pub use before_answer::flush_before_answer;
pub use export::Telemetry;
pub use google::GoogleError;
pub use request::RootSpan;

/// How a process speaks.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// `public-api` or `internal-verifier`; the `service.name` of spans and metrics.
    pub service: &'static str,
    /// Which log lines are written, as `tracing`'s filter directives, e.g. `info,common=debug`.
    pub filter: String,
    /// The Google Cloud project that trace ids are written with.
    pub project: String,
    /// Base address of an OTLP/HTTP receiver; `/v1/traces` and `/v1/metrics` are added.
    pub otlp_endpoint: Option<String>,
    pub otlp_token: OtlpToken,
    /// Whether there is a page for Prometheus.
    pub metrics: bool,
    pub sampler: Sampling,
    /// Metrics are sent by flushes alone, and not once a minute besides. Google Cloud takes a point of a series every
    /// five seconds at most, and a timer's might come too close.
    pub metrics_by_flushes: bool,
}

impl TelemetryConfig {
    /// Metrics are sent once a minute, or as often as `OTEL_METRIC_EXPORT_INTERVAL` has it.
    #[must_use]
    pub fn of_service(
        service: &'static str,
        settings: TelemetrySettings,
        sampler: Sampling,
    ) -> Self {
        Self {
            service,
            filter: settings.log,
            project: settings.project,
            otlp_endpoint: settings.otlp_endpoint,
            otlp_token: settings.otlp_token,
            metrics: settings.metrics,
            sampler,
            metrics_by_flushes: false,
        }
    }
}

/// Which requests are traced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    All,
    /// This part of all requests, whatever the caller has decided. Cloud Run marks few of the
    /// requests from outside as sampled, so at the edge the caller must not decide.
    Ratio(f64),
    /// As the caller has decided; all, where there is no caller with a trace.
    AsCaller,
}

impl From<Sampling> for Sampler {
    fn from(sampling: Sampling) -> Self {
        match sampling {
            Sampling::All => Self::AlwaysOn,
            Sampling::Ratio(part) => Self::TraceIdRatioBased(part),
            Sampling::AsCaller => Self::ParentBased(Box::new(Self::AlwaysOn)),
        }
    }
}

/// Why a process cannot speak as it is told to.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the log filter {filter:?} is not understood")]
    Filter {
        filter: String,
        #[source]
        source: ParseError,
    },
    #[error("nothing can be exported to {endpoint}")]
    Exporter {
        endpoint: String,
        #[source]
        source: ExporterBuildError,
    },
    #[error("nothing can be exported to Google Cloud")]
    Google(#[source] GoogleError),
    #[error("the page of metrics cannot be made")]
    Page(#[source] OTelSdkError),
    #[error("telemetry is installed already")]
    Installed(#[source] TryInitError),
}

/// What a client sends that is no HTTP is told at level ERROR, and is no fault of ours.
const BROKEN_REQUESTS: &str = "actix_http::h1=off";
/// Whoever looks for a fault with `LOG=debug` would else get the values of all statements: sources, clients'
/// addresses.
const VALUES: &str = "tokio_postgres::query=off";

/// Installs log lines on stdout, traces and metrics for the whole process.
///
/// # Errors
/// When the filter or the endpoint is wrong, or the process has telemetry already.
pub fn init(config: &TelemetryConfig) -> Result<Telemetry, TelemetryError> {
    init_with_output(config, std::io::stdout())
}

/// As [`init`], with the log lines going elsewhere.
///
/// # Errors
/// As [`init`].
pub fn init_with_output(
    config: &TelemetryConfig,
    out: impl Write + Send + 'static,
) -> Result<Telemetry, TelemetryError> {
    let filter = EnvFilter::try_new(format!("{BROKEN_REQUESTS},{VALUES},{}", config.filter))
        .map_err(|source| TelemetryError::Filter {
            filter: config.filter.clone(),
            source,
        })?;
    let telemetry = Telemetry::build(config)?;
    global::set_text_map_propagator(TraceContextPropagator::new());
    // The log filter chooses lines. Spans always exist, or a quiet log would cut every trace.
    let lines = filter_fn(is_own_line).and(filter).or(filter_fn(is_span));
    tracing_subscriber::registry()
        .with(
            tracing_opentelemetry::layer()
                .with_tracer(telemetry.tracer().tracer("sourcerun"))
                .with_filter(filter_fn(is_traced)),
        )
        .with(logging::CloudLogging::new(&config.project, out).with_filter(lines))
        .try_init()
        .map_err(TelemetryError::Installed)?;
    telemetry.install_metrics(config.service);
    Ok(telemetry)
}

/// The exporter logs its own work, and would trace it.
fn is_own_line(line: &Metadata<'_>) -> bool {
    !line.target().starts_with("opentelemetry")
}

fn is_span(place: &Metadata<'_>) -> bool {
    place.is_span() && is_traced(place)
}

fn is_traced(place: &Metadata<'_>) -> bool {
    *place.level() <= Level::INFO && is_own_line(place)
}
