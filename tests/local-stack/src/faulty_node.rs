//! A chain's node that answers as nodes do on bad days: a real one behind it, and faults by order.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpResponse, web};
use anyhow::{Context, Result};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::server::Server;

const MAX_CALL_BYTES: usize = 4 * 1024 * 1024;
const FIRST_HALF_IS_SENT: Duration = Duration::from_millis(30);

/// What a call is answered instead of the truth.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeFault {
    /// An HTTP error without JSON-RPC, as gateways send it.
    Status {
        status: u16,
        retry_after_s: Option<u32>,
    },
    /// A JSON-RPC error.
    Error { code: i64, message: String },
    /// `"result": null`.
    Null,
    /// As if the last blocks were not there yet: no code, no transaction, block 0.
    Lagging,
    /// This result, whatever was asked.
    Wrong(Value),
    /// The right result, as the answer to another call.
    OtherId,
    /// No JSON at all.
    Malformed,
    /// The right answer, of which the second half never comes.
    Truncated,
    /// Nothing, for as long as the caller waits.
    Hang,
}

/// Which calls, and how many of them.
#[derive(Debug, Clone, PartialEq)]
struct Order {
    /// `None`: every method.
    method: Option<String>,
    fault: NodeFault,
    /// `None`: until told otherwise.
    times: Option<usize>,
}

#[derive(Debug)]
struct State {
    url: String,
    http: reqwest::Client,
    orders: Mutex<Vec<Order>>,
    asked: Mutex<HashMap<String, usize>>,
}

/// A running node; it ends when dropped.
#[derive(Debug)]
pub struct FaultyNode {
    state: web::Data<State>,
    server: Server,
}

impl FaultyNode {
    /// Serves on a free port, inside the running tokio runtime, in front of the node of this URL.
    ///
    /// # Errors
    /// When no port is free.
    pub fn before(url: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build();
        let state = web::Data::new(State {
            url: url.to_owned(),
            http: http.context("setting up the node's client")?,
            orders: Mutex::default(),
            asked: Mutex::default(),
        });
        let shared = state.clone();
        let server = Server::start(move |app| {
            app.app_data(shared.clone())
                .app_data(web::PayloadConfig::new(MAX_CALL_BYTES))
                .default_service(web::to(receive));
        })?;
        Ok(Self { state, server })
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Every call is answered so, until told otherwise. Of several orders the first that suits holds.
    pub fn fail(&self, fault: NodeFault) {
        self.order(None, fault, None);
    }

    /// Every call of this method is answered so, until told otherwise.
    pub fn fail_method(&self, method: &str, fault: NodeFault) {
        self.order(Some(method), fault, None);
    }

    /// The next calls of this method are answered so.
    pub fn fail_next(&self, method: &str, times: usize, fault: NodeFault) {
        self.order(Some(method), fault, Some(times));
    }

    /// From now on the truth.
    pub fn heal(&self) {
        locked(&self.state.orders).clear();
    }

    /// How often this method was called.
    #[must_use]
    pub fn asked(&self, method: &str) -> usize {
        let asked = locked(&self.state.asked);
        asked.get(method).copied().unwrap_or(0)
    }

    /// How many calls there were.
    #[must_use]
    pub fn asked_in_all(&self) -> usize {
        locked(&self.state.asked).values().sum()
    }

    fn order(&self, method: Option<&str>, fault: NodeFault, times: Option<usize>) {
        locked(&self.state.orders).push(Order {
            method: method.map(str::to_owned),
            fault,
            times,
        });
    }
}

/// Nothing that is locked here can be left half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(call: web::Json<Value>, state: web::Data<State>) -> HttpResponse {
    let call = call.into_inner();
    let method = call["method"].as_str().unwrap_or_default().to_owned();
    {
        let mut asked = locked(&state.asked);
        let count = asked.entry(method.clone()).or_default();
        *count = count.saturating_add(1);
    }
    match state.ordered(&method) {
        Some(fault) => state.answer_falsely(&call, &method, fault).await,
        None => match state.forward(&call).await {
            Ok(answer) => HttpResponse::Ok().json(answer),
            Err(fault) => unreachable_node(&fault),
        },
    }
}

impl State {
    fn ordered(&self, method: &str) -> Option<NodeFault> {
        let mut orders = locked(&self.orders);
        let suits = |order: &Order| order.method.as_deref().is_none_or(|only| only == method);
        let index = orders.iter().position(suits)?;
        let order = orders.get_mut(index)?;
        let fault = order.fault.clone();
        if let Some(times) = &mut order.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                orders.remove(index);
            }
        }
        Some(fault)
    }

    async fn answer_falsely(&self, call: &Value, method: &str, fault: NodeFault) -> HttpResponse {
        let result = |result: Value| answer(call, "result", result);
        match fault {
            NodeFault::Status {
                status,
                retry_after_s,
            } => http_error(status, retry_after_s),
            NodeFault::Error { code, message } => {
                answer(call, "error", json!({"code": code, "message": message}))
            }
            NodeFault::Null => result(Value::Null),
            NodeFault::Lagging => result(seen_too_early(method)),
            NodeFault::Wrong(wrong) => result(wrong),
            NodeFault::Malformed => HttpResponse::Ok().body("<html>{\"result\":"),
            NodeFault::Hang => std::future::pending().await,
            NodeFault::OtherId | NodeFault::Truncated => match self.forward(call).await {
                Err(fault) => unreachable_node(&fault),
                Ok(mut truth) if fault == NodeFault::OtherId => {
                    truth["id"] = json!("of another call");
                    HttpResponse::Ok().json(truth)
                }
                Ok(truth) => half_of(&truth.to_string()),
            },
        }
    }

    async fn forward(&self, call: &Value) -> Result<Value> {
        let response = self.http.post(&self.url).json(call).send().await?;
        Ok(response.json().await?)
    }
}

fn answer(call: &Value, name: &str, value: Value) -> HttpResponse {
    let id = &call["id"];
    HttpResponse::Ok().json(json!({"jsonrpc": "2.0", "id": id, name: value}))
}

fn http_error(status: u16, retry_after_s: Option<u32>) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = retry_after_s {
        response.insert_header((RETRY_AFTER, seconds));
    }
    response.body("ordered")
}

fn unreachable_node(fault: &anyhow::Error) -> HttpResponse {
    HttpResponse::BadGateway().body(format!("{fault:#}"))
}

/// What is said of something in a block that has not come yet.
fn seen_too_early(method: &str) -> Value {
    match method {
        "eth_getCode" | "eth_call" => json!("0x"),
        "eth_getStorageAt" => json!(format!("0x{:064x}", 0)),
        "eth_blockNumber" | "eth_getBalance" | "eth_getTransactionCount" => json!("0x0"),
        _ => Value::Null,
    }
}

/// As long as the whole by its header.
fn half_of(text: &str) -> HttpResponse {
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let half = text.get(..text.len() / 2).unwrap_or_default().to_owned();
    let cut = std::io::Error::other("the answer ends here by order");
    let end = async move {
        // Else the server would give up before it has sent anything.
        tokio::time::sleep(FIRST_HALF_IS_SENT).await;
        Err(cut)
    };
    let parts = stream::iter([Ok(web::Bytes::from(half))]).chain(stream::once(end));
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .body(SizedStream::new(length, parts.boxed_local()))
}
