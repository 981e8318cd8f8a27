//! What both services are told in the same way.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tracing_subscriber::EnvFilter;

use super::chains::ChainRegistry;
use super::{Reader, Secret};

/// Where a service listens. `PORT` 0 takes a free port; the log line `listening` tells which.
#[derive(Debug, Clone)]
pub struct Listen {
    pub host: String,
    pub port: u16,
}

impl Listen {
    fn read(reader: &mut Reader) -> Self {
        Self {
            host: reader.or(
                "HOST",
                "0.0.0.0".to_owned(),
                "the address on which it listens",
            ),
            port: reader.or(
                "PORT",
                8080,
                "the port on which it listens; 0 takes a free one",
            ),
        }
    }
}

/// Where the database is, and how it is known.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// May hold a password: for the connection only.
    pub url: String,
    /// In place of the one in the URL.
    pub password: Option<Secret>,
    /// Certificates of the authority that the server's certificate must be from, as PEM.
    pub authority: Option<String>,
    /// The most connections of one process, without the one that listens.
    pub connections: usize,
}

impl std::fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseSettings")
            .field("password", &self.password)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl DatabaseSettings {
    fn read(reader: &mut Reader, usual_connections: usize) -> Option<Self> {
        let url = reader.required(
            "DATABASE_URL",
            "where Postgres is, as in postgres://user:password@host/database; with ?sslmode=require only over TLS",
        );
        let password = reader.secret(
            "DATABASE_PASSWORD",
            "the password, instead of one in DATABASE_URL",
        );
        let authority = read_authority(reader);
        let connections = reader.number(
            "DATABASE_CONNECTIONS",
            usual_connections,
            "the most connections of one process; public-api has one more, which listens",
        );
        let url = url?;
        if let Err(what) = check_database_url(&url) {
            reader.mistake(format!("DATABASE_URL: {what}"));
        }
        Some(Self {
            url,
            password,
            authority: authority?,
            connections,
        })
    }
}

/// Whether a URL can be read. The parser's own words might repeat a part of the password.
///
/// # Errors
/// What is wrong with it.
pub fn check_database_url(url: &str) -> Result<(), &'static str> {
    match url.parse::<tokio_postgres::Config>() {
        Ok(_) => Ok(()),
        Err(_its_words) => Err("not of the form postgres://user:password@host/database"),
    }
}

/// `None`: something is wrong. `Some(None)`: none is given.
fn read_authority(reader: &mut Reader) -> Option<Option<String>> {
    let given = reader.text(
        "DATABASE_CA",
        "certificates of the authority of Postgres's own certificate, PEM or a file of it; connections are then \
         over TLS only, and any name is accepted",
    );
    let Some(given) = given else {
        return Some(None);
    };
    match authority(&given) {
        Ok(text) => Some(Some(text)),
        Err(what) => {
            reader.mistake(format!("DATABASE_CA: {what}"));
            None
        }
    }
}

/// The certificates of an authority, given as PEM or as a file of it.
///
/// # Errors
/// What is wrong with it.
pub fn authority(given: &str) -> Result<String, String> {
    let text = if given.contains("-----BEGIN CERTIFICATE-----") {
        given.to_owned()
    } else {
        let text = std::fs::read_to_string(Path::new(given));
        text.map_err(|error| format!("the file cannot be read: {error}"))?
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("not PEM: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("not an authority's certificate: {error}"))?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(text)
}

/// What a process says about itself, and to whom.
#[derive(Debug, Clone)]
pub struct TelemetrySettings {
    /// Which log lines are written, as `tracing`'s filter directives.
    pub log: String,
    /// The Google Cloud project that trace ids are written with.
    pub project: String,
    /// Base address of an OTLP/HTTP receiver; none is needed.
    pub otlp_endpoint: Option<String>,
    pub otlp_token: OtlpToken,
    /// Whether there is a page for Prometheus.
    pub metrics: bool,
}

/// How a receiver of telemetry knows us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpToken {
    /// It takes what anybody sends, such as a collector beside this process.
    None,
    /// By an access token of the account that this process runs as.
    Google,
}

impl TelemetrySettings {
    fn read(reader: &mut Reader) -> Self {
        let log = reader.or(
            "LOG",
            "info".to_owned(),
            "which log lines are written, as in info,common=debug",
        );
        if let Err(error) = EnvFilter::try_new(&log) {
            reader.mistake(format!("LOG: {error}"));
        }
        let project = reader.or(
            "GOOGLE_CLOUD_PROJECT",
            "local".to_owned(),
            "the project that traces in log lines belong to",
        );
        let otlp_endpoint = reader.url_if_given(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "base address of an OTLP/HTTP receiver of traces and metrics",
        );
        let otlp_token = reader.text(
            "OTLP_TOKEN",
            "google: the receiver is Google Cloud's, and is sent access tokens of the account that the process runs as",
        );
        let otlp_token = match otlp_token.as_deref() {
            None => OtlpToken::None,
            Some("google") => {
                if !reader.is_given("OTEL_EXPORTER_OTLP_ENDPOINT")
                    || !reader.is_given("GOOGLE_CLOUD_PROJECT")
                {
                    reader.mistake(
                        "OTLP_TOKEN: needs OTEL_EXPORTER_OTLP_ENDPOINT, such as https://telemetry.googleapis.com, and \
                         GOOGLE_CLOUD_PROJECT, whose quota is used",
                    );
                }
                OtlpToken::Google
            }
            Some(_) => {
                reader.mistake("OTLP_TOKEN: `google`, or not set");
                OtlpToken::None
            }
        };
        let metrics = reader.or(
            "METRICS",
            true,
            "whether GET /metrics answers with a page for Prometheus",
        );
        Self {
            log,
            project,
            otlp_endpoint: otlp_endpoint.map(String::from),
            otlp_token,
            metrics,
        }
    }
}

/// What both services need.
#[derive(Debug)]
pub struct ServiceConfig {
    pub listen: Listen,
    pub database: DatabaseSettings,
    pub chains: ChainRegistry,
    pub telemetry: TelemetrySettings,
}

impl ServiceConfig {
    pub fn read(reader: &mut Reader, usual_connections: usize) -> Option<Self> {
        let listen = Listen::read(reader);
        let database = DatabaseSettings::read(reader, usual_connections);
        let chains = reader.chains();
        let telemetry = TelemetrySettings::read(reader);
        Some(Self {
            listen,
            database: database?,
            chains: chains?,
            telemetry,
        })
    }
}
