//! `GET /metrics`: everything that was counted, as Prometheus reads it.
//!
//! A matter of operators: it is no part of the API, and what stands in front of the services keeps it away
//! from everybody else.

use actix_web::{HttpResponse, route, web};
use opentelemetry::Key;
use opentelemetry_prometheus::PrometheusExporter;
use opentelemetry_sdk::error::OTelSdkError;
use prometheus::{Encoder, Registry, TextEncoder};

pub const METRICS_PATH: &str = "/metrics";

/// What a service shows; clones show the same.
#[derive(Debug, Clone)]
pub struct MetricsPage(Registry);

impl MetricsPage {
    pub(super) fn new() -> Result<(Self, PrometheusExporter), OTelSdkError> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            // The names say their units already.
            .without_units()
            .scope_info_enabled(false)
            .with_resource_selector(std::collections::HashSet::from([Key::new("service.name")]))
            .build()?;
        Ok((Self(registry), exporter))
    }

    /// Adds the route. Without a page there is none.
    pub fn configure(page: Option<&Self>, routes: &mut web::ServiceConfig) {
        if let Some(page) = page {
            routes.app_data(web::Data::new(page.clone())).service(show);
        }
    }
}

#[route("/metrics", method = "GET", method = "HEAD")]
async fn show(page: web::Data<MetricsPage>) -> HttpResponse {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    match encoder.encode(&page.0.gather(), &mut text) {
        Ok(()) => HttpResponse::Ok()
            .content_type(encoder.format_type())
            .body(text),
        Err(error) => {
            tracing::warn!(
                event = "metrics_unreadable",
                error = %error,
                "the metrics could not be written"
            );
            HttpResponse::InternalServerError().finish()
        }
    }
}
