//! The public API as a user's tool calls it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Talks to one deployment.
#[derive(Debug, Clone)]
pub struct Client {
    base_url: String,
    http: reqwest::Client,
}

/// A verification that was taken.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub id: String,
    /// From the request's first byte to the answer's last.
    pub took: Duration,
    pub sent_at: Instant,
}

/// What came of a submission.
#[derive(Debug, Clone)]
pub enum Submitted {
    Accepted(Accepted),
    Refused { status: u16, answer: Value },
}

/// A verification that ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The job's document.
    pub job: Value,
    /// From the submission to the answer that says it ended.
    pub took: Duration,
}

impl Client {
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base_url: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(120))
            .build()?;
        Ok(Self {
            base_url: base_url.to_owned(),
            http,
        })
    }

    /// Submits a verification.
    ///
    /// # Errors
    /// When it is not taken; the message holds the answer.
    pub async fn submit(&self, chain_id: u64, address: &str, body: &Value) -> Result<Accepted> {
        match self.try_submit(chain_id, address, body).await? {
            Submitted::Accepted(accepted) => Ok(accepted),
            Submitted::Refused { status, answer } => {
                bail!("the verification of {address} was answered {status}: {answer}")
            }
        }
    }

    /// Submits a verification that may be refused.
    ///
    /// # Errors
    /// When there is no answer, or none of the API.
    pub async fn try_submit(
        &self,
        chain_id: u64,
        address: &str,
        body: &Value,
    ) -> Result<Submitted> {
        let url = format!("{}/v2/verify/{chain_id}/{address}", self.base_url);
        let sent_at = Instant::now();
        let response = self.http.post(&url).json(body).send().await?;
        let status = response.status().as_u16();
        let answer: Value = response.json().await?;
        let took = sent_at.elapsed();
        if status != 202 {
            return Ok(Submitted::Refused { status, answer });
        }
        let id = answer.get("verificationId").and_then(Value::as_str);
        let id = id.context("the answer has no verificationId")?.to_owned();
        Ok(Submitted::Accepted(Accepted { id, took, sent_at }))
    }

    /// A verification's document; the API holds the answer a moment while it is open.
    ///
    /// # Errors
    /// When there is no such verification.
    pub async fn job(&self, id: &str) -> Result<Value> {
        let url = format!("{}/v2/verify/{id}", self.base_url);
        let response = self.http.get(&url).send().await?;
        Ok(response.error_for_status()?.json().await?)
    }

    /// Waits until the verification has ended.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn wait(&self, accepted: &Accepted, limit: Duration) -> Result<Ended> {
        loop {
            let job = self.job(&accepted.id).await?;
            let took = accepted.sent_at.elapsed();
            if job.get("isJobCompleted") == Some(&Value::Bool(true)) {
                return Ok(Ended { job, took });
            }
            if took > limit {
                bail!(
                    "verification {} has not ended after {limit:?}: {job}",
                    accepted.id
                );
            }
        }
    }

    /// A verified contract's document.
    ///
    /// # Errors
    /// When it is not verified.
    pub async fn contract(&self, chain_id: u64, address: &str, query: &str) -> Result<Value> {
        let url = format!("{}/v2/contract/{chain_id}/{address}{query}", self.base_url);
        Ok(self
            .http
            .get(&url)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?)
    }
}
