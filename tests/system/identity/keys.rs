//! How the key cache behaves under load and while the key server fails.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use common::auth::check::{Refusal, TokenCheck};
use local_stack::issuer::Issuer;

use super::{good, hits, setup};

/// Until the check lets the token in again.
async fn recovers(check: &TokenCheck, token: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while let Err(refusal) = check.check(token).await {
        assert!(Instant::now() < deadline, "{refusal:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Until the keys are too old to be used.
async fn gives_up(check: &TokenCheck, token: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while check.check(token).await.is_ok() {
        assert!(Instant::now() < deadline, "stale keys are used for ever");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_on_a_cold_cache_cause_one_fetch() {
    let (server, check) = setup(|_| ());
    let check = Arc::new(check);
    server.switches().certs_delay_ms.store(50, SeqCst);
    let token = server.issuer().sign(&good()).unwrap();
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let (check, token) = (Arc::clone(&check), token.clone());
            tokio::spawn(async move { check.check(&token).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(hits(&server.switches().certs_hits), 1);
}

#[tokio::test]
async fn unknown_keys_do_not_hammer_the_key_server() {
    let (server, check) = setup(|_| ());
    let unknown = Issuer::new("other-key").unwrap().sign(&good()).unwrap();
    for _ in 0..50 {
        let refusal = check.check(&unknown).await.unwrap_err();
        assert!(matches!(refusal, Refusal::UnknownKey), "{refusal:?}");
    }
    assert_eq!(hits(&server.switches().certs_hits), 1);
}

#[tokio::test]
async fn a_key_server_that_is_down_is_our_fault_until_it_is_back() {
    let (server, check) = setup(|config| config.keys.retry_floor = Duration::from_millis(300));
    server.switches().certs_status.store(500, SeqCst);
    let token = server.issuer().sign(&good()).unwrap();
    for _ in 0..10 {
        let refusal = check.check(&token).await.unwrap_err();
        assert!(
            matches!(refusal, Refusal::KeysUnavailable(_)),
            "{refusal:?}"
        );
    }
    let asked = hits(&server.switches().certs_hits);
    assert_eq!(asked, 1, "failures have a floor too");
    server.switches().certs_status.store(200, SeqCst);
    recovers(&check, &token).await;
}

#[tokio::test]
async fn a_key_server_that_never_answers_is_given_up() {
    let (server, check) = setup(|config| config.keys.fetch_timeout = Duration::from_millis(100));
    server.switches().certs_delay_ms.store(60_000, SeqCst);
    let token = server.issuer().sign(&good()).unwrap();
    let refusal = check.check(&token).await.unwrap_err();
    assert!(
        matches!(refusal, Refusal::KeysUnavailable(_)),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn stale_keys_serve_until_their_limit() {
    let (server, check) = setup(|config| {
        config.keys.ttl = Duration::ZERO;
        config.keys.retry_floor = Duration::ZERO;
        config.keys.refetch_floor = Duration::ZERO;
        config.keys.max_stale = Duration::from_millis(500);
    });
    let token = server.issuer().sign(&good()).unwrap();
    check.check(&token).await.unwrap();
    server.switches().certs_status.store(500, SeqCst);
    check.check(&token).await.unwrap();
    gives_up(&check, &token).await;
    let refusal = check.check(&token).await.unwrap_err();
    assert!(
        matches!(refusal, Refusal::KeysUnavailable(_)),
        "{refusal:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_fetcher_waits_for_a_slow_key_server() {
    let (server, check) = setup(|config| {
        config.keys.ttl = Duration::ZERO;
        config.keys.refetch_floor = Duration::ZERO;
    });
    let check = Arc::new(check);
    let token = server.issuer().sign(&good()).unwrap();
    check.check(&token).await.unwrap();
    server.switches().certs_delay_ms.store(2_000, SeqCst);
    let fetcher = tokio::spawn({
        let (check, token) = (Arc::clone(&check), token.clone());
        async move { check.check(&token).await }
    });
    while hits(&server.switches().certs_hits) < 2 {
        tokio::task::yield_now().await;
    }
    let started = Instant::now();
    check.check(&token).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(!fetcher.is_finished());
}
