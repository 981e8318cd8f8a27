//! A metadata server and its key set, so that a laptop runs the identity checks of production.
//!
//! A process finds it by `GCE_METADATA_HOST=host:port`, its callee by `JWKS_URL=http://…/certs`. It
//! can be told to fail or to be slow; that is how outages are made. Whoever reaches it gets any token:
//! it is for one machine only.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use anyhow::Result;
use serde_json::{Value, json};

use crate::issuer::{Issuer, claims, now};
use crate::server::Server;

/// Behind it the name of an account, or `default`.
const ACCOUNTS: &str = "/computeMetadata/v1/instance/service-accounts";

/// Counters and switches of a running server.
#[derive(Debug)]
pub struct Switches {
    /// Answers of `/identity` and of `/certs`; anything but 200 is an error without a body.
    pub identity_status: AtomicU16,
    /// Of `/token`, where access tokens come from.
    pub token_status: AtomicU16,
    pub certs_status: AtomicU16,
    pub token_ttl_s: AtomicU64,
    pub identity_delay_ms: AtomicU64,
    pub certs_delay_ms: AtomicU64,
    pub identity_hits: AtomicU64,
    pub certs_hits: AtomicU64,
    /// The query of the last request for a token.
    pub last_query: Mutex<String>,
}

#[derive(Debug)]
struct State {
    issuer: Issuer,
    accounts: Accounts,
    switches: Switches,
}

/// Whose tokens are given.
#[derive(Debug, Clone)]
pub struct Accounts {
    pub default: String,
    /// Only by name.
    pub others: Vec<String>,
}

impl Accounts {
    fn find(&self, name: &str) -> Option<&str> {
        if name == "default" {
            return Some(&self.default);
        }
        let mut all = std::iter::once(&self.default).chain(&self.others);
        all.find(|account| *account == name).map(String::as_str)
    }
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct IdentityServer {
    state: web::Data<State>,
    server: Server,
}

impl IdentityServer {
    /// Serves on a free port, inside the running tokio runtime. Tokens are for this account.
    ///
    /// # Errors
    /// When no key can be made or no port is free.
    pub fn start(account: &str) -> Result<Self> {
        let accounts = Accounts {
            default: account.to_owned(),
            others: Vec::new(),
        };
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), accounts)
    }

    /// Serves there, inside the running tokio runtime; port 0 takes a free one.
    ///
    /// # Errors
    /// When no key can be made or the port is taken.
    pub fn start_at(address: SocketAddr, accounts: Accounts) -> Result<Self> {
        let state = web::Data::new(State {
            issuer: Issuer::new("local-key-1")?,
            accounts,
            switches: Switches {
                identity_status: 200.into(),
                token_status: 200.into(),
                certs_status: 200.into(),
                token_ttl_s: 3600.into(),
                identity_delay_ms: 0.into(),
                certs_delay_ms: 0.into(),
                identity_hits: 0.into(),
                certs_hits: 0.into(),
                last_query: Mutex::default(),
            },
        });
        let shared = state.clone();
        let server = Server::start_at(address, move |app| {
            app.app_data(shared.clone())
                .route(
                    &format!("{ACCOUNTS}/{{account}}/identity"),
                    web::get().to(identity),
                )
                .route(
                    &format!("{ACCOUNTS}/{{account}}/token"),
                    web::get().to(access_token),
                )
                .route(
                    &format!("{ACCOUNTS}/{{account}}/email"),
                    web::get().to(email),
                )
                .route("/certs", web::get().to(certs))
                .route("/platform/certs", web::get().to(platform_certs));
        })?;
        Ok(Self { state, server })
    }

    /// Where it listens; a process takes it as `GCE_METADATA_HOST`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What it gives as access token, for the APIs of the platform.
    #[must_use]
    pub fn access_token(&self) -> String {
        token_of(&self.state.accounts.default)
    }

    /// Where the public keys are.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("http://{}/certs", self.server.address())
    }

    /// The same keys for the platform, whose own way to them no outage of ours touches.
    #[must_use]
    pub fn platform_jwks_url(&self) -> String {
        format!("http://{}/platform/certs", self.server.address())
    }

    /// Signs with the key that the server shows.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.state.issuer
    }

    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.state.switches
    }
}

async fn identity(
    request: HttpRequest,
    account: web::Path<String>,
    state: web::Data<State>,
    query: web::Query<Value>,
) -> HttpResponse {
    let switches = &state.switches;
    switches.identity_hits.fetch_add(1, SeqCst);
    if let Ok(mut last) = switches.last_query.lock() {
        request.query_string().clone_into(&mut last);
    }
    pause(&switches.identity_delay_ms).await;
    let flavor = request.headers().get("metadata-flavor");
    if flavor.is_none_or(|value| value != "Google") {
        return HttpResponse::Forbidden().body("missing header Metadata-Flavor: Google");
    }
    if let Some(failure) = failure(&switches.identity_status) {
        return failure;
    }
    let Some(account) = state.accounts.find(&account) else {
        return HttpResponse::NotFound().body("there is no such account");
    };
    let audience = query.get("audience").and_then(Value::as_str);
    let Some(audience) = audience.filter(|audience| !audience.is_empty()) else {
        return HttpResponse::BadRequest().body("the audience parameter is missing");
    };
    let mut claims = claims(account, audience);
    let ttl_s = switches.token_ttl_s.load(SeqCst);
    claims["exp"] = json!(now().saturating_add(ttl_s));
    match state.issuer.sign(&claims) {
        Ok(token) => HttpResponse::Ok()
            .insert_header(("metadata-flavor", "Google"))
            .body(token),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

async fn access_token(account: web::Path<String>, state: web::Data<State>) -> HttpResponse {
    let Some(account) = state.accounts.find(&account) else {
        return HttpResponse::NotFound().body("there is no such account");
    };
    failure(&state.switches.token_status).unwrap_or_else(|| {
        HttpResponse::Ok()
            .insert_header(("metadata-flavor", "Google"))
            .json(json!({
                "access_token": token_of(account), "expires_in": 3600, "token_type": "Bearer",
            }))
    })
}

fn token_of(account: &str) -> String {
    format!("access-token-of-{account}")
}

async fn email(account: web::Path<String>, state: web::Data<State>) -> HttpResponse {
    match state.accounts.find(&account) {
        Some(account) => HttpResponse::Ok().body(account.to_owned()),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn certs(state: web::Data<State>) -> HttpResponse {
    let switches = &state.switches;
    switches.certs_hits.fetch_add(1, SeqCst);
    pause(&switches.certs_delay_ms).await;
    failure(&switches.certs_status).unwrap_or_else(|| keys(&state.issuer))
}

async fn platform_certs(state: web::Data<State>) -> HttpResponse {
    keys(&state.issuer)
}

fn keys(issuer: &Issuer) -> HttpResponse {
    HttpResponse::Ok().json(json!({"keys": [issuer.jwk()]}))
}

async fn pause(delay_ms: &AtomicU64) {
    tokio::time::sleep(Duration::from_millis(delay_ms.load(SeqCst))).await;
}

fn failure(status: &AtomicU16) -> Option<HttpResponse> {
    let status = StatusCode::from_u16(status.load(SeqCst)).ok()?;
    (status != StatusCode::OK).then(|| HttpResponse::build(status).finish())
}
