//! Clients as real ones are: they repeat what got no answer, wait when they are told to, and ask after
//! what they were promised.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::header::RETRY_AFTER;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::system::CHAIN_ID;
use super::workload::Wish;

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);
/// A client asks again and again, beside the API's holding its answer.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// What a client heard of its submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Accepted {
        id: String,
        /// Its id was answered 404 so often.
        unknown: usize,
    },
    /// It was told that it had been taken before; the answer that held its id was lost.
    AcceptedUnheard,
    /// It was told why not.
    Refused(String),
    /// No answer came to an end of its patience.
    GaveUp,
}

/// Whom the clients talk to, and until when.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) http: reqwest::Client,
    pub(super) base_url: String,
    pub(super) began: Instant,
    pub(super) until: Instant,
}

impl Api {
    pub(super) fn new(base_url: String, lasts: Duration) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let began = Instant::now();
        Ok(Self {
            http: http.build()?,
            base_url,
            began,
            until: began.checked_add(lasts).context("a run without an end")?,
        })
    }
}

/// Waits for the wish's time, submits it until it is taken or refused, and asks until it has ended.
pub(super) async fn pursue(api: Arc<Api>, wish: Arc<Wish>) -> Heard {
    if let Some(at) = api.began.checked_add(wish.at) {
        sleep_until(at).await;
    }
    let submitted = timeout_at(api.until, api.submit(&wish)).await;
    let mut heard = submitted.unwrap_or(Heard::GaveUp);
    if let Heard::Accepted { id, unknown } = &mut heard {
        // Whether it ended in time is seen in the end.
        let _ = timeout_at(api.until, api.follow(id, unknown)).await;
    }
    heard
}

/// What to do after one answer.
enum Next {
    Settled(Heard),
    /// The answer itself, or the pause that it asks for.
    Again(Duration),
}

impl Api {
    async fn submit(&self, wish: &Wish) -> Heard {
        let address = &wish.case.contract.address;
        let url = format!("{}/v2/verify/{CHAIN_ID}/{address}", self.base_url);
        // Whether an earlier one may have been taken.
        let mut may_be_taken = false;
        loop {
            let request = self.http.post(&url).json(&wish.case.submission);
            let request = request.header("x-forwarded-for", &wish.client);
            let pause = match answered(request).await {
                Ok(answer) => match answer.next(may_be_taken) {
                    Next::Settled(heard) => return heard,
                    Next::Again(pause) => {
                        may_be_taken |= answer.status >= 500;
                        pause
                    }
                },
                Err(_broken) => {
                    may_be_taken = true;
                    PAUSE
                }
            };
            sleep(pause).await;
        }
    }

    async fn follow(&self, id: &str, unknown: &mut usize) {
        let url = format!("{}/v2/verify/{id}", self.base_url);
        loop {
            match answered(self.http.get(&url)).await {
                Ok(answer) if answer.status == 404 => *unknown = unknown.saturating_add(1),
                Ok(answer) if answer.document["isJobCompleted"] == true => return,
                // It runs, or somebody on the way has trouble.
                Ok(_) | Err(_) => {}
            }
            sleep(ASK_AGAIN).await;
        }
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    /// Null if it is no JSON, as the platform's own are.
    document: Value,
}

async fn answered(request: reqwest::RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    let seconds = response.headers().get(RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: seconds.map(Duration::from_secs),
        document: serde_json::from_slice(&response.bytes().await?).unwrap_or_default(),
    })
}

impl Answer {
    fn next(&self, may_be_taken: bool) -> Next {
        let code = self.document["customCode"].as_str().unwrap_or_default();
        let id = self.document["verificationId"].as_str();
        match (self.status, id) {
            (202, Some(id)) => Next::Settled(Heard::Accepted {
                id: id.to_owned(),
                unknown: 0,
            }),
            (429, _) if code == "duplicate_verification_request" && may_be_taken => {
                Next::Settled(Heard::AcceptedUnheard)
            }
            (409, _) if may_be_taken => Next::Settled(Heard::AcceptedUnheard),
            (429, _) if code == "duplicate_verification_request" => self.refused(code),
            (429 | 500 | 502 | 503 | 504, _) => Next::Again(self.retry_after.unwrap_or(PAUSE)),
            _ => self.refused(code),
        }
    }

    fn refused(&self, code: &str) -> Next {
        Next::Settled(Heard::Refused(format!("{} {code}", self.status)))
    }
}
