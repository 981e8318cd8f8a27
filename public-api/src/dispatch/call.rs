//! One call: the token, the request, the answer as a [`CallEnd`].

use std::time::Duration;

use common::api::internal::{VERIFY_PATH, VerifyAnswer, VerifyCall};
use common::auth::mint::TokenSource;
use common::db::jobs::JobId;
use common::report::with_causes;
use common::telemetry::propagation;
use reqwest::header::RETRY_AFTER;

use super::plan::CallEnd;
use crate::config::DispatchConfig;

#[derive(Debug)]
pub(super) struct Caller {
    url: String,
    http: reqwest::Client,
    tokens: TokenSource,
}

impl Caller {
    pub(super) fn new(
        config: &DispatchConfig,
        tokens: TokenSource,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            url: format!("{}{VERIFY_PATH}", config.verifier_url),
            http: common::http_client::build(config.timeout)?,
            tokens,
        })
    }

    pub(super) async fn call(&self, job: JobId) -> CallEnd {
        let token = match self.tokens.headers().await {
            Ok(headers) => headers,
            Err(error) => {
                tracing::warn!(
                    event = "no_token",
                    error = with_causes(&error),
                    "no ID token for the verifier"
                );
                return CallEnd::NoToken {
                    transient: error.is_transient(),
                };
            }
        };
        let request = self
            .http
            .post(&self.url)
            .headers(token)
            .headers(propagation::trace_headers())
            .json(&VerifyCall {
                verification_id: job.0,
            });
        match request.send().await {
            Ok(response) => read(job, response).await,
            Err(error) => {
                let end = if error.is_timeout() && !error.is_connect() {
                    CallEnd::TimedOut
                } else {
                    CallEnd::Unavailable {
                        status: None,
                        retry_after: None,
                    }
                };
                tracing::info!(
                    event = "dispatch_failed", job_id = %job,
                    error = with_causes(&error), "the call to the verifier failed"
                );
                end
            }
        }
    }
}

async fn read(job: JobId, response: reqwest::Response) -> CallEnd {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let end = CallEnd::of_status(status, retry_after);
    if !matches!(end, CallEnd::Done { .. }) {
        return end;
    }
    // What it says is only for log and metrics; the row is the truth.
    let answer: Option<VerifyAnswer> = response.json().await.ok();
    tracing::info!(event = "dispatched", job_id = %job, ?answer, "the verifier answered");
    CallEnd::Done {
        skipped: answer.is_some_and(|answer| answer.skipped),
    }
}
