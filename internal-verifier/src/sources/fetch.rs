//! One request for one file, with an end.

use std::sync::atomic::{AtomicUsize, Ordering};

use common::report::with_causes;
use reqwest::{StatusCode, Url};

/// Four times the largest Solidity file that is known.
const MAX_FILE_BYTES: usize = 4 << 20;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    Bytes(Vec<u8>),
    /// The server has nothing of that name that we would take.
    Absent,
    /// Nobody knows; another try may tell.
    Unavailable,
}

impl Fetched {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Bytes(_) => "found",
            Self::Absent => "absent",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Whatever is read counts, taken or not.
pub(super) async fn get(http: &reqwest::Client, url: Url, bytes_left: &AtomicUsize) -> Fetched {
    if bytes_left.load(Ordering::Relaxed) == 0 {
        return Fetched::Absent;
    }
    let response = match http.get(url).send().await {
        Ok(response) => response,
        Err(error) => return unavailable(error),
    };
    match response.status() {
        status if status.is_success() => {}
        // Gateways of IPFS say so too when nobody they know has the content.
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => return Fetched::Unavailable,
        status if status.is_server_error() => return Fetched::Unavailable,
        // A server that sends us elsewhere hasn't got it.
        _ => return Fetched::Absent,
    }
    read_body(response, bytes_left).await
}

async fn read_body(mut response: reqwest::Response, bytes_left: &AtomicUsize) -> Fetched {
    let mut body = Vec::new();
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Fetched::Bytes(body),
            Err(error) => return unavailable(error),
        };
        let is_within = bytes_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_sub(chunk.len()))
            })
            .is_ok_and(|left| left >= chunk.len());
        if !is_within || body.len().saturating_add(chunk.len()) > MAX_FILE_BYTES {
            return Fetched::Absent;
        }
        body.extend_from_slice(&chunk);
    }
}

/// Without the address: a configured server's may hold a key.
fn unavailable(error: reqwest::Error) -> Fetched {
    let error = error.without_url();
    tracing::info!(
        event = "source_unavailable",
        error = with_causes(&error),
        "a server of sources gave no answer"
    );
    Fetched::Unavailable
}
