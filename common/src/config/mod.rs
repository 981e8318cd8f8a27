//! Settings: read once at start, typed, all mistakes reported together.
//!
//! Only modules called `config` read the environment. A service builds its own settings with a
//! [`Reader`]; what both services read in the same way stands here.

pub mod chains;

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use chains::ChainRegistry;
use reqwest::Url;

use crate::report::with_causes;

type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// Reads settings one by one and keeps every mistake.
pub struct Reader {
    lookup: Lookup,
    mistakes: Vec<String>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the values: some are secrets.
        f.debug_struct("Reader")
            .field("mistakes", &self.mistakes)
            .finish_non_exhaustive()
    }
}

/// Every setting that is missing or wrong, in the order of reading.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("wrong settings:\n  {}", .0.join("\n  "))]
pub struct Mistakes(pub Vec<String>);

impl Reader {
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn from_environment() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    pub fn new(lookup: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self {
            lookup: Box::new(lookup),
            mistakes: Vec::new(),
        }
    }

    /// An empty value counts as not set.
    pub fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The value, if it is set and right.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.text(name)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                // The value is not repeated: it may be a secret.
                self.mistake(format!("{name}: {error}"));
                None
            }
        }
    }

    pub fn or<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> T {
        self.optional(name).unwrap_or(default)
    }

    /// `meaning` completes the sentence "is missing: …".
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &str, meaning: &str) -> Option<T> {
        if self.text(name).is_none() {
            self.mistake(format!("{name} is missing: {meaning}"));
        }
        self.optional(name)
    }

    /// A whole number of milliseconds, at least one.
    pub fn milliseconds(&mut self, name: &str, default: Duration) -> Duration {
        match self.optional(name) {
            Some(0) => {
                self.mistake(format!("{name}: at least 1 ms"));
                default
            }
            Some(milliseconds) => Duration::from_millis(milliseconds),
            None => default,
        }
    }

    /// How many there may be, at least one.
    pub fn number(&mut self, name: &str, default: usize) -> usize {
        let number = self.or(name, default);
        if number == 0 {
            self.mistake(format!("{name}: at least 1"));
        }
        number
    }

    /// A whole number of days, at least one.
    pub fn days(&mut self, name: &str, default: u32) -> Duration {
        let days = self.or(name, default);
        if days == 0 {
            self.mistake(format!("{name}: at least 1 day"));
        }
        Duration::from_secs(u64::from(days).saturating_mul(24 * 3600))
    }

    /// `CHAINS`: the chains file, with the keys that its entries ask for.
    pub fn chains(&mut self) -> Option<ChainRegistry> {
        let meaning = "the file that lists the chains, in the format of sourcify-chains.json";
        let path: String = self.required("CHAINS", meaning)?;
        match ChainRegistry::read(Path::new(&path), &|name| self.text(name)) {
            Ok(chains) => Some(chains),
            Err(error) => {
                self.mistake(format!("CHAINS: {}", with_causes(&error)));
                None
            }
        }
    }

    /// Where another server is.
    pub fn url(&mut self, name: &str, default: &str) -> Option<Url> {
        let text = self.text(name);
        match Url::parse(text.as_deref().unwrap_or(default)) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.query().is_none() => {
                Some(url)
            }
            _ => {
                self.mistake(format!("{name}: not an http or https URL without a query"));
                None
            }
        }
    }

    pub fn mistake(&mut self, sentence: impl Into<String>) {
        self.mistakes.push(sentence.into());
    }

    /// The settings, unless something was wrong on the way.
    pub fn finish<T>(self, settings: Option<T>) -> Result<T, Mistakes> {
        match settings {
            Some(settings) if self.mistakes.is_empty() => Ok(settings),
            _ => Err(Mistakes(self.mistakes)),
        }
    }
}

/// A secret that is shown to nobody but the one it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    #[must_use]
    pub fn new(key: String) -> Self {
        Self(key)
    }

    /// For the request alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// Where a service listens. `PORT` 0 takes a free port; the log line `listening` tells which.
#[derive(Debug, Clone)]
pub struct Listen {
    pub host: String,
    pub port: u16,
}

impl Listen {
    /// `HOST` (default `0.0.0.0`, as Cloud Run wants it) and `PORT` (default 8080).
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            host: reader.or("HOST", "0.0.0.0".to_owned()),
            port: reader.or("PORT", 8080),
        }
    }
}

/// What both services need.
pub struct ServiceConfig {
    pub listen: Listen,
    /// Holds a password: for the connection only.
    pub database_url: String,
    pub database_connections: usize,
    pub chains: ChainRegistry,
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

impl OtlpToken {
    /// `OTLP_TOKEN`.
    fn read(reader: &mut Reader) -> Self {
        let is_set = |name| reader.text(name).is_some();
        let has_both = is_set("OTEL_EXPORTER_OTLP_ENDPOINT") && is_set("GOOGLE_CLOUD_PROJECT");
        match reader.text("OTLP_TOKEN").as_deref() {
            None => return Self::None,
            Some("google") if has_both => {}
            Some("google") => reader.mistake(
                "OTLP_TOKEN: needs OTEL_EXPORTER_OTLP_ENDPOINT, such as https://telemetry.googleapis.com, and \
                 GOOGLE_CLOUD_PROJECT, whose quota is used",
            ),
            Some(_) => reader.mistake("OTLP_TOKEN: `google`, or not set"),
        }
        Self::Google
    }
}

impl std::fmt::Debug for ServiceConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceConfig")
            .field("listen", &self.listen)
            .field("chains", &self.chains)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

impl ServiceConfig {
    /// `DATABASE_URL` and `CHAINS` must be set; `DATABASE_CONNECTIONS`, `LOG`, `GOOGLE_CLOUD_PROJECT`
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTLP_TOKEN` and `METRICS` may be.
    pub fn read(reader: &mut Reader, usual_connections: usize) -> Option<Self> {
        let listen = Listen::read(reader);
        let meaning = "where Postgres is, as in postgres://user:password@host/database";
        let database_url = reader.required("DATABASE_URL", meaning);
        let chains = reader.chains();
        let config = Self {
            listen,
            database_connections: reader.or("DATABASE_CONNECTIONS", usual_connections),
            log: reader.or("LOG", "info".to_owned()),
            project: reader.or("GOOGLE_CLOUD_PROJECT", "local".to_owned()),
            otlp_endpoint: reader.text("OTEL_EXPORTER_OTLP_ENDPOINT"),
            otlp_token: OtlpToken::read(reader),
            metrics: reader.or("METRICS", true),
            database_url: database_url?,
            chains: chains?,
        };
        Some(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(pairs: &'static [(&'static str, &'static str)]) -> Reader {
        Reader::new(move |name| {
            pairs
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn all_mistakes_are_reported_together() {
        let mut reader = reader(&[("PORT", "many"), ("EMPTY", "")]);
        let port: Option<u16> = reader.optional("PORT");
        let url: Option<String> = reader.required("DATABASE_URL", "where Postgres is");
        assert_eq!(reader.text("EMPTY"), None);
        assert_eq!((port, url), (None, None));
        let mistakes = reader.finish(Some(())).unwrap_err();
        assert_eq!(
            mistakes.to_string(),
            "wrong settings:\n  PORT: invalid digit found in string\n  DATABASE_URL is missing: where Postgres is"
        );
    }

    #[test]
    fn another_server_is_reached_by_http() {
        let mut reader = reader(&[
            ("GATEWAY", "http://127.0.0.1:8080/ipfs/"),
            ("FILE", "file:///etc/passwd"),
            ("QUERY", "https://example.org/?a=b"),
        ]);
        let usual = "https://example.org/ipfs/";
        let gateway = reader.url("GATEWAY", usual).map(String::from);
        assert_eq!(gateway.as_deref(), Some("http://127.0.0.1:8080/ipfs/"));
        let not_set = reader.url("NOT_SET", usual).map(String::from);
        assert_eq!(not_set.as_deref(), Some(usual));
        assert_eq!(reader.url("FILE", usual), None);
        assert_eq!(reader.url("QUERY", usual), None);
        assert_eq!(reader.finish(Some(())).unwrap_err().0.len(), 2);
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let mut reader = reader(&[("LEASE_MS", "400")]);
        assert_eq!(
            reader
                .milliseconds("LEASE_MS", Duration::from_secs(40))
                .as_millis(),
            400
        );
        assert_eq!(
            reader
                .milliseconds("HEARTBEAT_MS", Duration::from_secs(10))
                .as_secs(),
            10
        );
        assert_eq!(Listen::read(&mut reader).port, 8080);
        assert!(reader.finish(Some(())).is_ok());
    }
}
