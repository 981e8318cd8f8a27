//! Exports straight to Google Cloud, with an access token of the account that this process runs as.
//!
//! The exporters work on threads of their own and know no runtime, while tokens are fetched on one and
//! renewed there in the background. So each export asks the runtime for the token, which is mostly at hand.
//! Credentials whose renewal has ended for good, which an early 404 of the metadata server is enough for,
//! are replaced by new ones.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{AccessTokenCredentials, Builder};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use tokio::runtime::Handle;

use super::export::Complaints;
use crate::report::with_causes;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Whose quota an export uses.
const USER_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");
const TOKEN_WITHIN: Duration = Duration::from_secs(2);

/// A client that says who it is.
#[derive(Debug)]
pub(super) struct GoogleClient {
    http: reqwest::blocking::Client,
    project: HeaderValue,
    credentials: Mutex<AccessTokenCredentials>,
    runtime: Handle,
    complaints: Complaints,
}

/// Why nothing can be sent to Google Cloud.
#[derive(Debug, thiserror::Error)]
pub enum GoogleError {
    #[error("no credentials could be set up")]
    Credentials(#[source] BuildError),
    #[error("no client could be made")]
    Client(#[source] reqwest::Error),
    #[error("a thread could not be started")]
    Thread,
    #[error("the project's name does not fit into a header")]
    Project,
}

#[derive(Debug, thiserror::Error)]
enum NoToken {
    #[error("no access token within {TOKEN_WITHIN:?}")]
    Slow,
    #[error("no access token")]
    Refused(#[source] google_cloud_auth::errors::CredentialsError),
    #[error("the access token does not fit into a header")]
    NotAHeader,
}

impl GoogleClient {
    /// Call it inside the runtime that is to fetch tokens.
    pub(super) fn new(
        project: &str,
        timeout: Duration,
        complaints: Complaints,
    ) -> Result<Self, GoogleError> {
        // The blocking client has a runtime of its own, which must not begin inside another one.
        let building = std::thread::spawn(move || {
            let builder = reqwest::blocking::Client::builder();
            builder.timeout(timeout).build()
        });
        let built = building.join().map_err(|_panic| GoogleError::Thread)?;
        Ok(Self {
            http: built.map_err(GoogleError::Client)?,
            project: HeaderValue::from_str(project).map_err(|_reason| GoogleError::Project)?,
            credentials: Mutex::new(credentials().map_err(GoogleError::Credentials)?),
            runtime: Handle::current(),
            complaints,
        })
    }

    fn authorization(&self) -> Result<HeaderValue, NoToken> {
        let current = || {
            self.credentials
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let credentials = current().clone();
        let asking = async { tokio::time::timeout(TOKEN_WITHIN, credentials.access_token()).await };
        let token = self.runtime.block_on(asking);
        let token = token.map_err(|_elapsed| NoToken::Slow)?.map_err(|error| {
            if !error.is_transient()
                && let Ok(new) = self.renewed()
            {
                *current() = new;
            }
            NoToken::Refused(error)
        })?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.token))
            .map_err(|_reason| NoToken::NotAHeader)?;
        // Keeps it out of every debug output.
        value.set_sensitive(true);
        Ok(value)
    }

    fn renewed(&self) -> Result<AccessTokenCredentials, BuildError> {
        // They start a task.
        let _inside = self.runtime.enter();
        credentials()
    }
}

/// Of the surroundings: the metadata server, a key file or gcloud's.
fn credentials() -> Result<AccessTokenCredentials, BuildError> {
    Builder::default()
        .with_scopes([SCOPE])
        .build_access_token_credentials()
}

#[async_trait]
impl HttpClient for GoogleClient {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let authorization = self.authorization().inspect_err(|error| {
            // The exporter would only speak of the network.
            self.complaints.tell(&with_causes(error));
        })?;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(USER_PROJECT, self.project.clone());
        self.http.send_bytes(request).await
    }
}
