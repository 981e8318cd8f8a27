//! Each line of the table of tokens, at the check itself.

use common::auth::check::Refusal;

use super::{accepted, hits, refused, setup};

/// As the guard answers; that it does is the guard's test.
fn status(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::KeysUnavailable(_) => 503,
        Refusal::Stranger(_) => 403,
        _ => 401,
    }
}

#[tokio::test]
async fn good_tokens_are_let_in() {
    let (server, check) = setup(|_| ());
    for (name, token) in accepted(&server) {
        let caller = check.check(&token).await;
        let email = caller.map(|caller| caller.email);
        assert_eq!(email.unwrap(), local_stack::issuer::PUBLIC_API, "{name}");
    }
}

#[tokio::test]
async fn bad_tokens_are_refused_without_fetching_keys_again() {
    let (server, check) = setup(|_| ());
    for (name, token, wanted) in refused(&server) {
        let refusal = check.check(&token).await.unwrap_err();
        assert_eq!(status(&refusal), wanted, "{name}: {refusal:?}");
    }
    assert_eq!(hits(&server.switches().certs_hits), 1);
}

#[tokio::test]
async fn garbage_fetches_no_keys_at_all() {
    let (server, check) = setup(|_| ());
    for token in ["", "abc", "..", "eyJhbGciOiJub25lIn0.e30."] {
        assert_eq!(status(&check.check(token).await.unwrap_err()), 401);
    }
    assert_eq!(hits(&server.switches().certs_hits), 0);
}
