//! Requests at a constant rate, whether they are answered or not: a queue that builds up is seen in the
//! times, since each counts from the moment at which its request should have been sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use reqwest::Client;

use crate::contracts::Request;

const ANSWERED_WITHIN: Duration = Duration::from_secs(60);
/// Shorter than public-api's: a request must not meet a connection that is being closed.
const KEPT_ALIVE: Duration = Duration::from_secs(2);
/// For requests whose times nobody looks at.
const AT_ONCE: usize = 8;

/// What the requests saw.
#[derive(Debug)]
pub(crate) struct Answers {
    /// From when each should have been sent to the end of its answer.
    pub(crate) times: Vec<Duration>,
    pub(crate) refused: usize,
    /// What one of the refused was told.
    pub(crate) refusal: Option<String>,
    pub(crate) a_second: f64,
}

/// Where requests go.
#[derive(Clone)]
pub(crate) struct Target {
    base_url: String,
    http: Client,
}

impl Target {
    /// # Errors
    /// When no HTTP client can be made.
    pub(crate) fn new(base_url: String) -> Result<Self> {
        let http = Client::builder()
            .no_proxy()
            .timeout(ANSWERED_WITHIN)
            .pool_idle_timeout(KEPT_ALIVE);
        Ok(Self {
            base_url,
            http: http.build()?,
        })
    }

    /// One after the other `rate` a second. One that is not answered at all is as one that is refused.
    ///
    /// # Errors
    /// When a task ends badly.
    pub(crate) async fn send_at_rate(&self, requests: Vec<Request>, rate: u32) -> Result<Answers> {
        let pause = Duration::from_secs(1) / rate;
        let this = Arc::new(self.clone());
        let began = Instant::now();
        let mut due = began;
        let mut sent = Vec::with_capacity(requests.len());
        for request in requests {
            tokio::time::sleep_until(due.into()).await;
            let (this, intended) = (Arc::clone(&this), due);
            sent.push(tokio::spawn(async move {
                let sent = this.send(request).await;
                let refusal = sent.unwrap_or_else(|error| Some(format!("{error:#}")));
                (intended.elapsed(), refusal)
            }));
            due = due.checked_add(pause).context("counting time")?;
        }
        let count = u32::try_from(sent.len())?;
        let answered = try_join_all(sent).await?;
        let elapsed = began.elapsed();
        let (times, refusals): (Vec<_>, Vec<_>) = answered.into_iter().unzip();
        let refusals: Vec<String> = refusals.into_iter().flatten().collect();
        Ok(Answers {
            times,
            refused: refusals.len(),
            refusal: refusals.into_iter().next(),
            a_second: f64::from(count) / elapsed.as_secs_f64(),
        })
    }

    /// A few at once, as fast as they are answered.
    ///
    /// # Errors
    /// When one is not taken.
    pub(crate) async fn send_all(&self, requests: Vec<Request>) -> Result<()> {
        let sent = stream::iter(requests).map(async |request| match self.send(request).await? {
            None => Ok(()),
            Some(refusal) => bail!("a request was not taken: {refusal}"),
        });
        sent.buffer_unordered(AT_ONCE).try_collect().await
    }

    /// What it was told if it was not taken.
    async fn send(&self, request: Request) -> Result<Option<String>> {
        let url = format!("{}{}", self.base_url, request.path);
        let response = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .header("x-forwarded-for", request.client)
            .body(request.body)
            .send()
            .await?;
        let status = response.status();
        let text = response.text().await?;
        Ok((status.as_u16() != 202).then(|| format!("{status} {text}")))
    }
}
