//! A stand-in for Cloud Run in front of the verifier.
//!
//! An instance gets as many requests at once as it may have, usually one; the next waits for a free
//! one, then gets 429. A request that takes too long gets 504 *and its instance runs on*, as the platform documents. An instance that
//! cannot be reached is 503. It checks no tokens: that is IAM's part, and the service's own check is
//! what a laptop has. Faults can be ordered one request at a time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse, web};
use anyhow::{Context, Result};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Semaphore;

use crate::server::Server;

/// Cloud Run's limit for a request's body over HTTP/1.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;
/// Of one connection only.
const NOT_PASSED_ON: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const SERVERLESS: &str = "x-serverless-authorization";

/// What stands behind the front, and its limits.
#[derive(Debug, Clone)]
pub struct FrontConfig {
    pub instances: Vec<SocketAddr>,
    /// Requests that one instance gets at once.
    pub concurrency: usize,
    /// How long a request waits for a free instance.
    pub pending_limit: Duration,
    /// After this a request is answered 504.
    pub request_timeout: Duration,
}

impl FrontConfig {
    /// The platform's ten seconds of waiting, and a timeout of 960 s.
    #[must_use]
    pub fn new(instances: Vec<SocketAddr>) -> Self {
        Self {
            instances,
            concurrency: 1,
            pending_limit: Duration::from_secs(10),
            request_timeout: Duration::from_secs(960),
        }
    }
}

/// What happens to one request instead of the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontFault {
    /// The request reaches no instance.
    Answer {
        status: u16,
        retry_after_s: Option<u32>,
    },
    /// The request is carried out, and its answer replaced.
    LoseAnswer { status: u16 },
}

/// What has passed so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrontReport {
    /// The status of each answer, in the order they were given.
    pub answers: Vec<u16>,
    /// Requests that are waiting or being worked on.
    pub in_flight: usize,
    pub peak_in_flight: usize,
}

struct State {
    pending_limit: Duration,
    request_timeout: Duration,
    http: reqwest::Client,
    permits: Semaphore,
    free: Mutex<VecDeque<usize>>,
    instances: Mutex<Vec<SocketAddr>>,
    faults: Mutex<VecDeque<FrontFault>>,
    report: Mutex<FrontReport>,
}

/// A running front; it ends when dropped.
#[derive(Debug)]
pub struct Front {
    state: web::Data<State>,
    server: Server,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("instances", &self.instances)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl Front {
    /// Serves on a free port, inside the running tokio runtime.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(config: FrontConfig) -> Result<Self> {
        // A connection kept open to an instance that was killed would make a fault of its own.
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("setting up the front's client")?;
        // Every instance once before any of them twice.
        let places: VecDeque<usize> = (0..config.concurrency)
            .flat_map(|_| 0..config.instances.len())
            .collect();
        let state = web::Data::new(State {
            pending_limit: config.pending_limit,
            request_timeout: config.request_timeout,
            http,
            permits: Semaphore::new(places.len()),
            free: Mutex::new(places),
            instances: Mutex::new(config.instances),
            faults: Mutex::default(),
            report: Mutex::default(),
        });
        let shared = state.clone();
        let server = Server::start(move |app| {
            app.app_data(shared.clone())
                .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
                .default_service(web::to(receive));
        })?;
        Ok(Self { state, server })
    }

    /// The verifier's address, as public-api knows it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// An instance has been started again somewhere else.
    pub fn move_instance(&self, index: usize, address: SocketAddr) {
        if let Some(instance) = locked(&self.state.instances).get_mut(index) {
            *instance = address;
        }
    }

    /// Orders a fault for the next request that has none yet.
    pub fn fail_next(&self, fault: FrontFault) {
        locked(&self.state.faults).push_back(fault);
    }

    #[must_use]
    pub fn report(&self) -> FrontReport {
        locked(&self.state.report).clone()
    }
}

/// Nothing that is locked here can be left half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let path = request.uri().path_and_query();
    let call = Call {
        method: request.method().as_str().to_owned(),
        path: path.map_or("/", |path| path.as_str()).to_owned(),
        headers: passed_on(request.headers()),
        body,
    };
    {
        let mut report = locked(&state.report);
        report.in_flight = report.in_flight.saturating_add(1);
        report.peak_in_flight = report.peak_in_flight.max(report.in_flight);
    }
    // A task of its own: a caller that goes away is not passed on over HTTP/1.
    let task = tokio::spawn({
        let state = state.clone();
        async move { state.answer(call).await }
    });
    let answer = task
        .await
        .unwrap_or_else(|_ended| Answer::own(500, "front"));
    {
        let mut report = locked(&state.report);
        report.in_flight = report.in_flight.saturating_sub(1);
        report.answers.push(answer.status);
    }
    answer.render()
}

struct Call {
    method: String,
    path: String,
    headers: HeaderMap,
    body: web::Bytes,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: web::Bytes,
}

impl Answer {
    fn own(status: u16, text: &'static str) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: web::Bytes::from_static(text.as_bytes()),
        }
    }

    fn render(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut response = HttpResponse::build(status);
        for (name, value) in &self.headers {
            if !NOT_PASSED_ON.contains(&name.as_str()) {
                response.append_header((name.as_str(), value.as_bytes()));
            }
        }
        response.body(self.body)
    }
}

impl State {
    async fn answer(&self, call: Call) -> Answer {
        let fault = locked(&self.faults).pop_front();
        if let Some(FrontFault::Answer {
            status,
            retry_after_s,
        }) = fault
        {
            let mut answer = Answer::own(status, "ordered");
            if let Some(seconds) = retry_after_s {
                let name = HeaderName::from_static(RETRY_AFTER.as_str());
                answer.headers.insert(name, HeaderValue::from(seconds));
            }
            return answer;
        }
        let waiting = tokio::time::timeout(self.pending_limit, self.permits.acquire());
        let Ok(Ok(_permit)) = waiting.await else {
            return Answer::own(429, "Rate exceeded.");
        };
        let Some(instance) = locked(&self.free).pop_front() else {
            return Answer::own(500, "there are no instances");
        };
        let forwarded = tokio::time::timeout(self.request_timeout, self.forward(instance, call));
        let answer = match forwarded.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_unreachable)) => Answer::own(503, "Service Unavailable"),
            Err(_elapsed) => Answer::own(504, "upstream request timeout"),
        };
        locked(&self.free).push_back(instance);
        match fault {
            Some(FrontFault::LoseAnswer { status }) => Answer::own(status, "ordered"),
            _ => answer,
        }
    }

    async fn forward(&self, instance: usize, call: Call) -> Result<Answer> {
        let address = locked(&self.instances).get(instance).copied();
        let url = format!("http://{}{}", address.context("no instance")?, call.path);
        let method = reqwest::Method::from_bytes(call.method.as_bytes())?;
        let request = self.http.request(method, url).headers(call.headers);
        let response = request.body(call.body).send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
        })
    }
}

fn passed_on(headers: &actix_web::http::header::HeaderMap) -> HeaderMap {
    let mut passed = HeaderMap::new();
    for (name, value) in headers {
        let (Ok(header), Ok(mut value)) = (
            HeaderName::from_bytes(name.as_str().as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) else {
            continue;
        };
        if NOT_PASSED_ON.contains(&header.as_str()) {
            continue;
        }
        if header == SERVERLESS {
            value = without_signature(&value);
        }
        passed.append(header, value);
    }
    passed
}

/// The platform checks this header and takes the signature out before the service sees it.
fn without_signature(value: &HeaderValue) -> HeaderValue {
    let stripped = value.to_str().ok().and_then(|text| {
        let (message, _signature) = text.rsplit_once('.')?;
        HeaderValue::from_str(&format!("{message}.SIGNATURE_REMOVED_BY_GOOGLE")).ok()
    });
    stripped.unwrap_or_else(|| HeaderValue::from_static("SIGNATURE_REMOVED_BY_GOOGLE"))
}
