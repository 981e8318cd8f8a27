//! Asks the block explorer for what it has of a contract.
//!
//! One server for all chains, at a configured address; nothing of a request but the chain, the contract
//! and a key reaches it. Keys are in no log line and in no answer: an address with a query is never
//! printed, and an explorer that repeats a key is cut short.

mod answer;

use std::time::Duration;

use common::api::problem::Reason;
use common::config::Secret;
use common::report::with_causes;
use common::telemetry::metrics;
use reqwest::{StatusCode, Url};
use tokio::sync::Semaphore;
use verification::chain::{Address, ChainId};
use verification::explorer::ExplorerContract;

use crate::config::ExplorerConfig;

/// As large as a request may be, and the quotation marks that standard JSON has inside a text.
const MAX_ANSWER_BYTES: usize = 40 << 20;
/// An explorer says why in a sentence.
const MAX_WORDS: usize = 300;
/// Each may hold an answer in memory.
const AT_ONCE: usize = 8;

#[derive(Debug)]
pub(crate) struct Explorer {
    http: reqwest::Client,
    url: Url,
    api_key: Option<Secret>,
    timeout: Duration,
    places: Semaphore,
}

impl Explorer {
    pub(crate) fn new(config: ExplorerConfig) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: common::http_client::build(config.timeout)?,
            url: config.url,
            api_key: config.api_key,
            timeout: config.timeout,
            places: Semaphore::new(AT_ONCE),
        })
    }

    /// What is published there of the contract, and can be read. Without a key of the caller's or the
    /// chain's, the server's is used.
    pub(crate) async fn find_contract(
        &self,
        chain: ChainId,
        address: Address,
        key: Option<&Secret>,
    ) -> Result<ExplorerContract, Reason> {
        let key = key.or(self.api_key.as_ref());
        let asking = self.ask(chain, address, key);
        let found = match tokio::time::timeout(self.timeout, asking).await {
            Ok(body) => body.and_then(|body| answer::read(&body)),
            Err(_elapsed) => Err(no_answer()),
        };
        let found = found.map_err(|reason| repeatable(reason, key));
        let outcome = found.as_ref().err().map_or("found", Reason::custom_code);
        metrics::count("explorer_answers", &[("outcome", outcome)]);
        found
    }

    async fn ask(
        &self,
        chain: ChainId,
        address: Address,
        key: Option<&Secret>,
    ) -> Result<Vec<u8>, Reason> {
        let Ok(_place) = self.places.acquire().await else {
            return Err(no_answer());
        };
        let mut url = self.url.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("chainid", &chain.to_string())
            .append_pair("module", "contract")
            .append_pair("action", "getsourcecode")
            .append_pair("address", &address.to_string());
        if let Some(key) = key {
            query.append_pair("apikey", key.expose());
        }
        drop(query);
        let response = self.http.get(url).send().await.map_err(failed)?;
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS => return Err(Reason::ImportLimit),
            status if !status.is_success() => {
                let words = format!(
                    "The explorer answered with HTTP status {}.",
                    status.as_u16()
                );
                return Err(Reason::ImportFailed(words));
            }
            _ => {}
        }
        read_body(response).await
    }
}

async fn read_body(mut response: reqwest::Response) -> Result<Vec<u8>, Reason> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len().saturating_add(chunk.len()) > MAX_ANSWER_BYTES {
            let words = "The explorer's answer is larger than we take.".to_owned();
            return Err(Reason::MalformedImport(words));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Without the address, which holds a key; the log has the causes.
fn failed(error: reqwest::Error) -> Reason {
    if error.is_timeout() {
        return no_answer();
    }
    tracing::warn!(
        event = "explorer_failed",
        error = with_causes(&error.without_url()),
        "the explorer could not be asked"
    );
    Reason::ImportFailed("The explorer could not be reached.".to_owned())
}

fn no_answer() -> Reason {
    Reason::ImportFailed("The explorer did not answer in time.".to_owned())
}

/// An explorer's own words may repeat the key that it was asked with, and be no sentence but a page.
fn repeatable(reason: Reason, key: Option<&Secret>) -> Reason {
    let repeatable = |words: String| -> String {
        let words = match key.map(Secret::expose) {
            Some(key) if !key.is_empty() => words.replace(key, "***"),
            _ => words,
        };
        words.chars().take(MAX_WORDS).collect()
    };
    match reason {
        Reason::ImportFailed(words) => Reason::ImportFailed(repeatable(words)),
        Reason::MalformedImport(words) => Reason::MalformedImport(repeatable(words)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explorers_words_are_few_and_hold_no_key() {
        let key = Secret::new("s3cret".to_owned());
        let said = |words: &str| Reason::ImportFailed(words.to_owned());
        let cut = format!("{}s3cret", "x".repeat(297));
        for (words, wanted) in [
            ("Invalid API Key s3cret", "Invalid API Key ***"),
            (&cut, &format!("{}***", "x".repeat(297))),
            (&"x".repeat(1000), &"x".repeat(300)),
        ] {
            assert_eq!(repeatable(said(words), Some(&key)), said(wanted));
            let malformed = |words: &str| Reason::MalformedImport(words.to_owned());
            assert_eq!(repeatable(malformed(words), Some(&key)), malformed(wanted));
        }
        assert_eq!(repeatable(said("s3cret"), None), said("s3cret"));
        let other = repeatable(Reason::ImportLimit, Some(&key));
        assert_eq!(other, Reason::ImportLimit);
    }
}
