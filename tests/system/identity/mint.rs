//! Tokens from the metadata server: surroundings, caching, headers, recovery.

use std::process::Command;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use common::auth::check::bearer;
use common::auth::mint::{MintError, MintTimings, TokenSource};
use google_cloud_auth::credentials::idtoken::mds;
use local_stack::identity::IdentityServer;
use local_stack::issuer::PUBLIC_API;

use super::{AUDIENCE, hits, setup};

fn source(server: &IdentityServer) -> TokenSource {
    let endpoint = format!("http://{}", server.address());
    let timings = MintTimings {
        timeout: Duration::from_secs(2),
        rebuild_floor: Duration::ZERO,
    };
    TokenSource::with_builder(AUDIENCE, timings, move || {
        let builder = mds::Builder::new(AUDIENCE).with_endpoint(&endpoint);
        builder.with_format(mds::Format::Full).build()
    })
    .unwrap()
}

/// The library reads the environment itself, so this is a process of its own.
#[tokio::test]
async fn the_environment_names_the_metadata_server() {
    let (server, check) = setup(|_| ());
    let mut child = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
    child
        .args(["print-token", AUDIENCE])
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("GCE_METADATA_HOST", server.address().to_string());
    let output = tokio::task::spawn_blocking(move || child.output());
    let output = output.await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    let token = String::from_utf8(output.stdout).unwrap();
    let caller = check.check(token.trim()).await.unwrap();
    assert_eq!(caller.email, PUBLIC_API);
    let query = server.switches().last_query.lock().unwrap().clone();
    assert!(query.contains("audience=internal-verifier"), "{query}");
    assert!(query.contains("format=full"), "no e-mail: {query}");
}

#[tokio::test]
async fn one_fetch_serves_many_calls_and_both_headers_carry_the_token() {
    let (server, check) = setup(|_| ());
    let source = source(&server);
    for _ in 0..20 {
        source.token().await.unwrap();
    }
    let headers = source.headers().await.unwrap();
    let value = &headers["authorization"];
    assert_eq!(value, headers["x-serverless-authorization"]);
    assert!(value.is_sensitive(), "it would appear in debug output");
    let token = bearer(value.to_str().unwrap()).unwrap();
    assert!(!format!("{headers:?} {source:?}").contains(token));
    assert_eq!(hits(&server.switches().identity_hits), 1);
    check.check(token).await.unwrap();
}

#[tokio::test]
async fn a_permanent_error_at_the_start_does_not_last() {
    let (server, _check) = setup(|_| ());
    server.switches().identity_status.store(404, SeqCst);
    let source = source(&server);
    let error = source.token().await.unwrap_err();
    assert!(matches!(error, MintError::Permanent { .. }), "{error:?}");
    assert!(!error.is_transient());
    server.switches().identity_status.store(200, SeqCst);
    // The first failure has replaced the credentials, perhaps before the server was back.
    for _ in 0..3 {
        if source.token().await.is_ok() {
            return;
        }
    }
    panic!("the source stays dead");
}

#[tokio::test]
async fn a_metadata_server_that_is_down_is_transient() {
    let (server, _check) = setup(|_| ());
    server.switches().identity_status.store(503, SeqCst);
    let source = source(&server);
    let error = source.token().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn a_metadata_server_that_never_answers_is_given_up() {
    let (server, _check) = setup(|_| ());
    server.switches().identity_delay_ms.store(60_000, SeqCst);
    let error = source(&server).token().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(
        error.to_string(),
        "a token for internal-verifier did not come within 2000 ms"
    );
}
