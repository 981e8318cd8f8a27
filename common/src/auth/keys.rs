//! The issuer's public keys, kept in memory.
//!
//! One fetch at a time, at most one in [`KeyTimings::refetch_floor`], and old keys are used on while
//! the key server is down: neither a cold start under load nor a stranger with invented key ids can
//! make us hammer it, and its outage is not ours.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet};
use reqwest::Url;
use tokio::sync::{Mutex, RwLock};

use crate::telemetry::metrics;

/// Where the keys come from. Plain http is for local runs alone.
#[derive(Debug, Clone)]
pub struct JwksUrl(Url);

impl JwksUrl {
    /// Google's public keys for ID tokens.
    pub const GOOGLE: &str = "https://www.googleapis.com/oauth2/v3/certs";

    /// `k_service` is the value of `K_SERVICE`, which Cloud Run sets: there, keys that somebody on
    /// the way could replace are refused.
    ///
    /// # Errors
    /// When the text is no URL, or its scheme is not allowed here.
    pub fn parse(text: &str, k_service: Option<&str>) -> Result<Self, JwksUrlError> {
        let url: Url = text.parse().map_err(|_reason| JwksUrlError::NotAUrl)?;
        match (url.scheme(), k_service) {
            ("https", _) | ("http", None) => Ok(Self(url)),
            ("http", Some(_)) => Err(JwksUrlError::PlainHttpOnCloudRun),
            _ => Err(JwksUrlError::Scheme),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksUrlError {
    #[error("JWKS_URL is not a URL")]
    NotAUrl,
    #[error("JWKS_URL must be https on Cloud Run (K_SERVICE is set)")]
    PlainHttpOnCloudRun,
    #[error("JWKS_URL must be http or https")]
    Scheme,
}

/// How long keys are kept and how often they are asked for.
#[derive(Debug, Clone, Copy)]
pub struct KeyTimings {
    /// Older keys are fetched again.
    pub ttl: Duration,
    /// Older keys are not used, even when the key server is down.
    pub max_stale: Duration,
    /// Pause after a fetch; an unknown key id cannot make us fetch faster.
    pub refetch_floor: Duration,
    /// Pause after a failed fetch.
    pub retry_floor: Duration,
    /// Limit of one fetch.
    pub fetch_timeout: Duration,
}

impl Default for KeyTimings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(3600),
            max_stale: Duration::from_secs(24 * 3600),
            refetch_floor: Duration::from_secs(30),
            retry_floor: Duration::from_secs(2),
            fetch_timeout: Duration::from_secs(5),
        }
    }
}

/// Why there is no key for a key id.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the keys are current and none has the token's key id")]
    Unknown,
    /// Our fault, not the caller's.
    #[error("there are no usable keys")]
    Unavailable(#[source] Arc<FetchError>),
}

/// Why the last fetch gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the key set could not be fetched")]
    Http(#[source] reqwest::Error),
    #[error("the key set holds no RSA key with an id")]
    Empty,
    #[error("the keys are too old")]
    TooOld,
}

#[derive(Default)]
struct Cached {
    by_id: HashMap<String, DecodingKey>,
    fetched_at: Option<Instant>,
    no_fetch_before: Option<Instant>,
    last_error: Option<Arc<FetchError>>,
}

impl Cached {
    fn get(&self, id: &str, younger_than: Duration) -> Option<DecodingKey> {
        self.is_younger_than(younger_than)
            .then(|| self.by_id.get(id).cloned())?
    }

    fn is_younger_than(&self, age: Duration) -> bool {
        self.fetched_at.is_some_and(|at| at.elapsed() < age)
    }

    /// The answer when no fetch is made (any more): a stale key is better than an outage.
    fn get_or_reason(&self, id: &str, max_stale: Duration) -> Result<DecodingKey, KeyError> {
        match (self.get(id, max_stale), &self.last_error) {
            (Some(key), _) => Ok(key),
            (None, Some(error)) => Err(KeyError::Unavailable(Arc::clone(error))),
            (None, None) if self.is_younger_than(max_stale) => Err(KeyError::Unknown),
            (None, None) => Err(KeyError::Unavailable(Arc::new(FetchError::TooOld))),
        }
    }
}

/// The keys of one issuer, for all workers of a process.
pub struct KeyCache {
    url: Url,
    timings: KeyTimings,
    http: reqwest::Client,
    cached: RwLock<Cached>,
    refresh: Mutex<()>,
}

impl std::fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyCache")
            .field("url", &self.url.as_str())
            .field("timings", &self.timings)
            .finish_non_exhaustive()
    }
}

impl KeyCache {
    /// Fetches nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(url: JwksUrl, timings: KeyTimings) -> Result<Self, reqwest::Error> {
        // Whoever can redirect the fetch could choose the keys.
        let http = reqwest::Client::builder()
            .timeout(timings.fetch_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            url: url.0,
            timings,
            http,
            cached: RwLock::default(),
            refresh: Mutex::default(),
        })
    }

    /// The key with this id, fetching the set when that may help.
    ///
    /// # Errors
    /// When the set does not hold it, or cannot be had.
    pub async fn get(&self, id: &str) -> Result<DecodingKey, KeyError> {
        let KeyTimings { ttl, max_stale, .. } = self.timings;
        let stale = {
            let cached = self.cached.read().await;
            if let Some(key) = cached.get(id, ttl) {
                return Ok(key);
            }
            cached.get(id, max_stale)
        };
        let _single_flight = match stale {
            // Somebody is fetching already: no reason to wait for a slow key server.
            Some(key) => match self.refresh.try_lock() {
                Ok(guard) => guard,
                Err(_busy) => return Ok(key),
            },
            None => self.refresh.lock().await,
        };
        {
            let cached = self.cached.read().await;
            if let Some(key) = cached.get(id, ttl) {
                return Ok(key);
            }
            if cached.no_fetch_before.is_some_and(|at| Instant::now() < at) {
                return cached.get_or_reason(id, max_stale);
            }
        }
        let fetched = self.fetch().await;
        let mut cached = self.cached.write().await;
        self.store(&mut cached, fetched);
        cached.get_or_reason(id, max_stale)
    }

    fn store(
        &self,
        cached: &mut Cached,
        fetched: Result<HashMap<String, DecodingKey>, FetchError>,
    ) {
        let now = Instant::now();
        let (pause, outcome) = match fetched {
            Ok(by_id) => {
                cached.by_id = by_id;
                cached.fetched_at = Some(now);
                cached.last_error = None;
                (self.timings.refetch_floor, "ok")
            }
            Err(error) => {
                cached.last_error = Some(Arc::new(error));
                (self.timings.retry_floor, "failed")
            }
        };
        cached.no_fetch_before = now.checked_add(pause);
        metrics::count("jwks_fetches", &[("reason", outcome)]);
    }

    async fn fetch(&self) -> Result<HashMap<String, DecodingKey>, FetchError> {
        let answer = self.http.get(self.url.clone()).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        let set: JwkSet = match answer {
            Ok(answer) => answer.json().await.map_err(FetchError::Http)?,
            Err(error) => return Err(FetchError::Http(error)),
        };
        let by_id: HashMap<_, _> = set.keys.iter().filter_map(rsa_key).collect();
        if by_id.is_empty() {
            return Err(FetchError::Empty);
        }
        Ok(by_id)
    }
}

fn rsa_key(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    let AlgorithmParameters::RSA(_) = jwk.algorithm else {
        return None;
    };
    Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_https_on_cloud_run() {
        let parse = |text, k_service| JwksUrl::parse(text, k_service).map(|url| url.0.to_string());
        let local = "http://127.0.0.1:8091/certs";
        assert_eq!(parse(local, None), Ok(local.to_owned()));
        for k_service in ["internal-verifier", ""] {
            assert_eq!(
                parse(local, Some(k_service)),
                Err(JwksUrlError::PlainHttpOnCloudRun)
            );
        }
        for k_service in [None, Some("internal-verifier")] {
            assert!(parse(JwksUrl::GOOGLE, k_service).is_ok());
            assert_eq!(parse("file:///keys", k_service), Err(JwksUrlError::Scheme));
            assert_eq!(parse("", k_service), Err(JwksUrlError::NotAUrl));
            assert_eq!(parse("certs", k_service), Err(JwksUrlError::NotAUrl));
        }
    }
}
