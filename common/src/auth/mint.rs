//! ID tokens for calls to another service, from the metadata server or from local credentials.
//!
//! `google-cloud-auth` keeps the token and refreshes it. This adds what it lacks: a time limit, and
//! a new credential when its refresh task has ended, which it does for good at the first error it
//! holds permanent, such as a 404 of a metadata server that is not ready.

use std::fmt;
use std::time::{Duration, Instant};

use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::idtoken::{self, IDTokenCredentials};
use google_cloud_auth::errors::CredentialsError;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Mutex;

/// Cloud Run checks this header instead of `Authorization` and takes the signature out of it.
const SERVERLESS: HeaderName = HeaderName::from_static("x-serverless-authorization");

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    #[error("credentials for {audience} could not be set up")]
    Setup {
        audience: String,
        #[source]
        source: BuildError,
    },
    #[error("a token for {audience} could not be had")]
    Transient {
        audience: String,
        #[source]
        source: CredentialsError,
    },
    #[error("a token for {audience} did not come within {limit_ms} ms")]
    Slow { audience: String, limit_ms: u128 },
    /// The credentials were dead; the next call finds new ones.
    #[error("a token for {audience} was refused")]
    Permanent {
        audience: String,
        #[source]
        source: CredentialsError,
    },
    #[error("the token for {audience} does not fit into a header")]
    NotAHeader { audience: String },
}

impl MintError {
    /// Whether the same call may succeed a moment later without anybody's help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. } | Self::Slow { .. })
    }
}

/// Limits of a [`TokenSource`].
#[derive(Debug, Clone, Copy)]
pub struct MintTimings {
    /// A call gives up after this.
    pub timeout: Duration,
    /// Pause between two replacements of dead credentials.
    pub rebuild_floor: Duration,
}

impl Default for MintTimings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            rebuild_floor: Duration::from_secs(5),
        }
    }
}

type Build = dyn Fn() -> Result<IDTokenCredentials, BuildError> + Send + Sync;

/// Tokens for one audience; one per process and callee.
pub struct TokenSource {
    audience: String,
    timings: MintTimings,
    build: Box<Build>,
    current: Mutex<Credentials>,
}

struct Credentials {
    inner: IDTokenCredentials,
    built_at: Instant,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("audience", &self.audience)
            .field("timings", &self.timings)
            .finish_non_exhaustive()
    }
}

impl TokenSource {
    /// The credentials of the surroundings: the metadata server, a key file or gcloud's.
    ///
    /// The library reads the variables `GCE_METADATA_HOST` and `GOOGLE_APPLICATION_CREDENTIALS`
    /// itself. Call it inside a tokio runtime: it starts a task.
    ///
    /// # Errors
    /// When there are credentials and they cannot be used.
    pub fn from_environment(audience: &str) -> Result<Self, MintError> {
        let for_audience = audience.to_owned();
        Self::with_builder(audience, MintTimings::default(), move || {
            // Without the e-mail the receiver cannot know us.
            let builder = idtoken::Builder::new(&for_audience).with_include_email();
            builder.build()
        })
    }

    /// As [`TokenSource::from_environment`], for credentials made in another way.
    ///
    /// # Errors
    /// When `build` fails.
    pub fn with_builder(
        audience: &str,
        timings: MintTimings,
        build: impl Fn() -> Result<IDTokenCredentials, BuildError> + Send + Sync + 'static,
    ) -> Result<Self, MintError> {
        let audience = audience.to_owned();
        let inner = match build() {
            Ok(inner) => inner,
            Err(source) => return Err(MintError::Setup { audience, source }),
        };
        Ok(Self {
            audience,
            timings,
            build: Box::new(build),
            current: Mutex::new(Credentials {
                inner,
                built_at: Instant::now(),
            }),
        })
    }

    /// A token that is still valid for some minutes.
    ///
    /// # Errors
    /// See [`MintError`].
    pub async fn token(&self) -> Result<String, MintError> {
        let credentials = self.current.lock().await.inner.clone();
        let audience = || self.audience.clone();
        match tokio::time::timeout(self.timings.timeout, credentials.id_token()).await {
            Ok(Ok(token)) => Ok(token),
            Ok(Err(source)) if source.is_transient() => Err(MintError::Transient {
                audience: audience(),
                source,
            }),
            Ok(Err(source)) => {
                self.replace_credentials().await;
                Err(MintError::Permanent {
                    audience: audience(),
                    source,
                })
            }
            Err(_elapsed) => Err(MintError::Slow {
                audience: audience(),
                limit_ms: self.timings.timeout.as_millis(),
            }),
        }
    }

    /// The token twice: the front end consumes one header, the service reads the other.
    ///
    /// # Errors
    /// See [`MintError`].
    pub async fn headers(&self) -> Result<HeaderMap, MintError> {
        let text = format!("Bearer {}", self.token().await?);
        let mut value = HeaderValue::from_str(&text).map_err(|_reason| MintError::NotAHeader {
            audience: self.audience.clone(),
        })?;
        // Keeps it out of every debug output.
        value.set_sensitive(true);
        Ok(HeaderMap::from_iter([
            (SERVERLESS, value.clone()),
            (AUTHORIZATION, value),
        ]))
    }

    async fn replace_credentials(&self) {
        let mut current = self.current.lock().await;
        if current.built_at.elapsed() < self.timings.rebuild_floor {
            return;
        }
        match (self.build)() {
            Ok(inner) => {
                *current = Credentials {
                    inner,
                    built_at: Instant::now(),
                }
            }
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(
                    event = "credentials_kept",
                    error,
                    "credentials were not replaced"
                );
            }
        }
    }
}
