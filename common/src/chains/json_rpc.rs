//! JSON-RPC to the endpoints of one chain.
//!
//! Endpoints are asked in the file's order. One that cannot be reached goes to the end of the order
//! for a while (10 s, then 1 min, then 10 min), but is still asked when nobody else answers: a chain
//! with a single endpoint is never lost. An endpoint that answers `null` or nothing may merely lag,
//! so the next one is asked before `null` is believed.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::config::chains::{Chain, Rpc, TraceSupport};
use crate::report::with_causes;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{Instrument, field};
use verification::chain::{Address, ChainId};

use super::ChainFault;
use crate::telemetry::metrics;

/// A node's answer is never larger than a block's traces; what is larger is hostile.
const MAX_ANSWER_BYTES: usize = 256 << 20;
/// Nor one about a single contract than a few times the largest code, in hexadecimal digits. Anybody can
/// deploy a contract that answers a call at length.
const MAX_SMALL_ANSWER_BYTES: usize = 1 << 20;

/// Each call is a request of its own, so all may have the same.
const CALL_ID: u64 = 1;

#[derive(Debug)]
pub(super) struct ChainClient {
    pub(super) chain: ChainId,
    endpoints: Vec<Endpoint>,
    http: reqwest::Client,
}

/// Why one endpoint gave no result.
#[derive(Debug, thiserror::Error)]
enum EndpointError {
    /// Not reached, not in time, an HTTP error, or no JSON-RPC.
    #[error("{0}")]
    Broken(String),
    /// It speaks JSON-RPC and refuses this call: unknown method, rate limit, pruned state.
    #[error("error {code}: {message}")]
    Refused { code: i64, message: String },
}

impl EndpointError {
    /// What the contract said, and not the endpoint: 3 in geth and those who follow it, a sentence elsewhere.
    fn is_revert(&self) -> bool {
        match self {
            Self::Refused { code, message } => *code == 3 || message.contains("revert"),
            Self::Broken(_) => false,
        }
    }
}

impl ChainClient {
    pub(super) fn new(chain: &Chain, http: reqwest::Client) -> Self {
        let endpoints = chain.rpcs.iter().cloned().map(Endpoint::new).collect();
        Self {
            chain: chain.id,
            endpoints,
            http,
        }
    }

    pub(super) async fn runtime_code(
        &self,
        address: Address,
    ) -> Result<Option<Vec<u8>>, ChainFault> {
        let params = json!([address.to_lower_hex(), "latest"]);
        self.call("eth_getCode", params, |_| true, read_bytes).await
    }

    pub(super) async fn storage(
        &self,
        address: Address,
        slot: [u8; 32],
    ) -> Result<Option<[u8; 32]>, ChainFault> {
        let slot = format!("0x{}", hex::encode(slot));
        let params = json!([address.to_lower_hex(), slot, "latest"]);
        self.call("eth_getStorageAt", params, |_| true, read_word)
            .await
    }

    pub(super) async fn eth_call(
        &self,
        address: Address,
        data: &[u8],
    ) -> Result<Option<Vec<u8>>, ChainFault> {
        let data = format!("0x{}", hex::encode(data));
        let params = json!([{"to": address.to_lower_hex(), "data": data}, "latest"]);
        self.call("eth_call", params, |_| true, read_bytes).await
    }

    /// The first answer with something in it. Nothing if every endpoint that answered had nothing.
    pub(super) async fn call<T>(
        &self,
        method: &'static str,
        params: Value,
        suits: impl Fn(&Rpc) -> bool,
        read: impl Fn(Value) -> Reading<T>,
    ) -> Result<Option<T>, ChainFault> {
        let mut reasons = Vec::new();
        let mut has_nothing = false;
        let mut refused = false;
        for endpoint in self
            .in_order()
            .into_iter()
            .filter(|endpoint| suits(&endpoint.rpc))
        {
            let asking = self.ask(endpoint, method, &params);
            let why = match asking.await.map(&read) {
                Ok(Reading::Found(found)) => return Ok(Some(found)),
                Ok(Reading::Nothing) => {
                    has_nothing = true;
                    continue;
                }
                Ok(Reading::Unreadable) => "an answer that cannot be read".to_owned(),
                // Only a call runs the contract; of anything else a node that speaks so says nothing.
                Err(error) if method == "eth_call" && error.is_revert() => {
                    has_nothing = true;
                    continue;
                }
                Err(error) => {
                    refused |= matches!(error, EndpointError::Refused { .. });
                    error.to_string()
                }
            };
            reasons.push(format!("{}: {why}", endpoint.rpc.public_url));
        }
        if has_nothing {
            return Ok(None);
        }
        let (chain, reasons) = (self.chain, reasons.join("; "));
        Err(if refused {
            ChainFault::Refused {
                chain,
                method,
                reasons,
            }
        } else {
            ChainFault::NobodyAnswered {
                chain,
                method,
                reasons,
            }
        })
    }

    /// One call, counted, and seen in the trace of whoever asked. Nodes are told nothing of that.
    async fn ask(
        &self,
        endpoint: &Endpoint,
        method: &'static str,
        params: &Value,
    ) -> Result<Value, EndpointError> {
        let chain = self.chain.to_string();
        let span = tracing::info_span!(
            "rpc",
            otel.name = method,
            otel.kind = "client",
            otel.status_code = field::Empty,
            rpc.system.name = "jsonrpc",
            rpc.method = method,
            chain_id = chain,
        );
        let calling = endpoint.call(&self.http, method, params);
        let answer = calling.instrument(span.clone()).await;
        let outcome = match &answer {
            Ok(_) => "answered",
            Err(EndpointError::Refused { .. }) => "refused",
            Err(EndpointError::Broken(_)) => "broken",
        };
        if answer.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        metrics::count("rpc_calls", &[("chain", &chain), ("outcome", outcome)]);
        answer
    }

    /// The ways of tracing that some endpoint of this chain offers.
    pub(super) fn trace_supports(&self) -> Vec<TraceSupport> {
        let mut offered = Vec::new();
        for support in self
            .endpoints
            .iter()
            .filter_map(|endpoint| endpoint.rpc.traces)
        {
            if !offered.contains(&support) {
                offered.push(support);
            }
        }
        offered
    }

    fn in_order(&self) -> Vec<&Endpoint> {
        let mut endpoints: Vec<&Endpoint> = self.endpoints.iter().collect();
        endpoints.sort_by_key(|endpoint| endpoint.rests());
        endpoints
    }
}

/// What a result means. What cannot be read says nothing about the contract.
#[derive(Debug)]
pub(super) enum Reading<T> {
    Found(T),
    /// The same call to another endpoint may give more: this one may lag.
    Nothing,
    Unreadable,
}

fn read_bytes(result: Value) -> Reading<Vec<u8>> {
    match result.as_str().and_then(bytes) {
        Some(code) if code.is_empty() => Reading::Nothing,
        Some(code) => Reading::Found(code),
        None => Reading::Unreadable,
    }
}

/// Some nodes leave leading zeros out.
fn read_word(result: Value) -> Reading<[u8; 32]> {
    let digits = result.as_str().and_then(|text| text.strip_prefix("0x"));
    let mut word = [0; 32];
    match digits.map(|digits| hex::decode_to_slice(format!("{digits:0>64}"), &mut word)) {
        Some(Ok(())) => Reading::Found(word),
        _ => Reading::Unreadable,
    }
}

/// The bytes of a `0x…` string.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x")?).ok()
}

#[derive(Debug)]
struct Endpoint {
    rpc: Rpc,
    born: Instant,
    /// Failures without a success between them.
    failures: AtomicU32,
    /// Milliseconds after `born` until which others are asked first.
    rests_until_ms: AtomicU64,
}

#[derive(Deserialize)]
struct Answer {
    id: Option<Value>,
    #[serde(default)]
    result: Value,
    error: Option<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

impl Endpoint {
    fn new(rpc: Rpc) -> Self {
        Self {
            rpc,
            born: Instant::now(),
            failures: AtomicU32::new(0),
            rests_until_ms: AtomicU64::new(0),
        }
    }

    async fn call(
        &self,
        http: &reqwest::Client,
        method: &str,
        params: &Value,
    ) -> Result<Value, EndpointError> {
        let answer = self.ask(http, method, params).await;
        match &answer {
            Err(EndpointError::Broken(_)) => self.rest(),
            _ => self.failures.store(0, Ordering::Relaxed),
        }
        answer
    }

    async fn ask(
        &self,
        http: &reqwest::Client,
        method: &str,
        params: &Value,
    ) -> Result<Value, EndpointError> {
        let call = json!({"jsonrpc": "2.0", "id": CALL_ID, "method": method, "params": params});
        let mut request = http.post(&self.rpc.url).json(&call);
        for (name, value) in &self.rpc.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(broken)?;
        let status = response.status();
        let body = read_body(response, max_answer_bytes(method)).await?;
        // Some nodes send a JSON-RPC error with an HTTP error; its words say more.
        let answer: Answer = match serde_json::from_slice(&body) {
            Ok(answer) => answer,
            Err(_) if !status.is_success() => return Err(http_error(status)),
            Err(error) => return Err(EndpointError::Broken(format!("not JSON-RPC: {error}"))),
        };
        match answer.error {
            Some(error) => Err(EndpointError::Refused {
                code: error.code,
                message: error.message,
            }),
            None if answer.id.is_some_and(|id| id != CALL_ID) => Err(EndpointError::Broken(
                "the answer to another call".to_owned(),
            )),
            None if status.is_success() => Ok(answer.result),
            None => Err(http_error(status)),
        }
    }

    fn rest(&self) {
        let failures = self
            .failures
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let pause = match failures {
            1 => Duration::from_secs(10),
            2 => Duration::from_secs(60),
            _ => Duration::from_secs(600),
        };
        let until = self.born.elapsed().saturating_add(pause).as_millis();
        self.rests_until_ms
            .store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn rests(&self) -> bool {
        self.born.elapsed().as_millis() < u128::from(self.rests_until_ms.load(Ordering::Relaxed))
    }
}

/// Gateways refuse methods they do not offer with 4xx and no JSON-RPC; being late or asked too often
/// passes, as errors of the server do.
fn http_error(status: reqwest::StatusCode) -> EndpointError {
    let passes = matches!(status.as_u16(), 408 | 429);
    if status.is_client_error() && !passes {
        return EndpointError::Refused {
            code: i64::from(status.as_u16()),
            message: "HTTP status".to_owned(),
        };
    }
    EndpointError::Broken(format!("HTTP status {}", status.as_u16()))
}

fn max_answer_bytes(method: &str) -> usize {
    match method {
        "eth_getCode" | "eth_getStorageAt" | "eth_call" => MAX_SMALL_ANSWER_BYTES,
        _ => MAX_ANSWER_BYTES,
    }
}

async fn read_body(
    mut response: reqwest::Response,
    max_bytes: usize,
) -> Result<Vec<u8>, EndpointError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len().saturating_add(chunk.len()) > max_bytes {
            return Err(EndpointError::Broken(
                "an answer beyond every measure".to_owned(),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Without the URL: it may hold a key.
fn broken(error: reqwest::Error) -> EndpointError {
    if error.is_timeout() {
        return EndpointError::Broken("no answer in time".to_owned());
    }
    EndpointError::Broken(with_causes(&error.without_url()))
}
