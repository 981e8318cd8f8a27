//! The same tokens over HTTP, at a guarded route: answers, headers, and that no body is read.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use actix_web::{App, HttpMessage, HttpRequest, HttpResponse, HttpServer, web};
use common::auth::check::{Caller, CheckConfig, TokenCheck};
use common::auth::guard::Guard;
use common::auth::keys::JwksUrl;
use local_stack::identity::IdentityServer;
use local_stack::issuer::{PUBLIC_API, SWEEPER, claims};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::{AUDIENCE, accepted, good, refused, setup};

async fn greet(request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let caller = request.extensions().get::<Caller>().cloned();
    HttpResponse::Ok().body(format!("{} {}", caller.unwrap().email, body.len()))
}

/// A service with one guarded route; gives its address.
fn serve(check: TokenCheck) -> String {
    let check = Arc::new(check);
    let server = HttpServer::new(move || {
        let route = web::resource("/internal_api_verify").wrap(Guard::new(Arc::clone(&check)));
        App::new().service(route.route(web::post().to(greet)))
    });
    let server = server.workers(1).disable_signals();
    let server = server.bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/internal_api_verify", server.addrs()[0]);
    tokio::spawn(server.run());
    url
}

async fn call(url: &str, headers: HeaderMap) -> Response {
    let call = reqwest::Client::new().post(url).headers(headers);
    call.body("body").send().await.unwrap()
}

fn authorization(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    headers
}

async fn with_token(url: &str, token: &str) -> Response {
    call(url, authorization(&[&format!("Bearer {token}")])).await
}

/// The whole answer but for its random id.
async fn problem(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    assert_eq!(
        response.headers()[CONTENT_TYPE],
        "application/json; charset=utf-8"
    );
    let mut document: Value = response.json().await.unwrap();
    let id = document["errorId"].take();
    id.as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    (status, document)
}

fn document(status: u16) -> Value {
    let (code, message) = match status {
        401 => ("unauthorized", "A valid token is required."),
        403 => ("forbidden", "This account may not call this route."),
        _ => (
            "internal_error",
            "The server encountered an unexpected error.",
        ),
    };
    json!({"customCode": code, "message": message, "errorId": null})
}

#[tokio::test]
async fn good_tokens_reach_the_route() {
    let (server, check) = setup(|_| ());
    let url = serve(check);
    for (name, token) in accepted(&server) {
        let response = with_token(&url, &token).await;
        assert_eq!(response.status(), 200, "{name}");
        assert_eq!(response.text().await.unwrap(), format!("{PUBLIC_API} 4"));
    }
    let token = server.issuer().sign(&good()).unwrap();
    let lower = call(&url, authorization(&[&format!("bearer {token}")])).await;
    assert_eq!(lower.status(), 200);
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let (server, check) = setup(|_| ());
    let url = serve(check);
    for (name, token, status) in refused(&server) {
        let response = with_token(&url, &token).await;
        let challenge = response.headers().get(WWW_AUTHENTICATE).cloned();
        assert_eq!(challenge.is_some(), status == 401, "{name}");
        let (answered, body) = problem(response).await;
        assert_eq!(
            (answered.as_u16(), body),
            (status, document(status)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn there_is_exactly_one_header_and_it_is_a_bearer() {
    let (server, check) = setup(|_| ());
    let url = serve(check);
    let token = server.issuer().sign(&good()).unwrap();
    let bearer = format!("Bearer {token}");
    let mut elsewhere = HeaderMap::new();
    elsewhere.insert(
        "x-serverless-authorization",
        HeaderValue::from_str(&bearer).unwrap(),
    );
    for (name, headers) in [
        ("none", HeaderMap::new()),
        ("two", authorization(&[&bearer, &bearer])),
        (
            "two in one",
            authorization(&[&format!("{bearer}, {bearer}")]),
        ),
        (
            "another scheme",
            authorization(&[&format!("Basic {token}")]),
        ),
        ("no scheme", authorization(&[&token])),
        ("no token", authorization(&["Bearer "])),
        ("only the front end's", elsewhere),
    ] {
        let (status, body) = problem(call(&url, headers).await).await;
        assert_eq!((status.as_u16(), body), (401, document(401)), "{name}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_503_until_they_can() {
    let (server, check) = setup(|config| config.keys.retry_floor = Duration::from_millis(1));
    let url = serve(check);
    let token = server.issuer().sign(&good()).unwrap();
    server.switches().certs_status.store(500, SeqCst);
    let (status, body) = problem(with_token(&url, &token).await).await;
    assert_eq!((status.as_u16(), body), (503, document(503)));
    server.switches().certs_status.store(200, SeqCst);
    let mut tries = 0;
    while with_token(&url, &token).await.status() != 200 {
        tries += 1;
        assert!(tries < 100, "it does not recover");
    }
}

/// Both services have one key server, so only audience and account keep their callers apart.
#[tokio::test]
async fn the_caller_of_the_other_route_is_refused() {
    let server = IdentityServer::start(PUBLIC_API).unwrap();
    let keys = || JwksUrl::parse(&server.jwks_url(), None).unwrap();
    let route = |audience, caller| {
        let config = CheckConfig::new(audience, caller, keys());
        serve(TokenCheck::new(config).unwrap())
    };
    let verify = route(AUDIENCE, PUBLIC_API);
    let sweep = route("public-api", SWEEPER);
    for (name, url, account, audience, status) in [
        ("verify, its own", &verify, PUBLIC_API, AUDIENCE, 200),
        ("sweep, its own", &sweep, SWEEPER, "public-api", 200),
        ("verify, the sweeper's", &verify, SWEEPER, "public-api", 401),
        ("sweep, public-api's", &sweep, PUBLIC_API, AUDIENCE, 401),
        (
            "verify, the sweeper for us",
            &verify,
            SWEEPER,
            AUDIENCE,
            403,
        ),
        (
            "sweep, public-api for it",
            &sweep,
            PUBLIC_API,
            "public-api",
            403,
        ),
    ] {
        let token = server.issuer().sign(&claims(account, audience)).unwrap();
        assert_eq!(with_token(url, &token).await.status(), status, "{name}");
    }
}

#[tokio::test]
async fn a_stranger_is_answered_before_the_body_is_read() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let (_server, check) = setup(|_| ());
    let url = serve(check);
    let host = url.split('/').nth(2).unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let head = "POST /internal_api_verify HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let reading = stream.read_exact(&mut answer);
    let read = tokio::time::timeout(Duration::from_secs(5), reading).await;
    read.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}
