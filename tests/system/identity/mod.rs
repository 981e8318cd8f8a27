//! Who may call whom: the tokens that are minted, let in and refused.

mod check;
mod guard;
mod keys;
mod mint;

use common::auth::check::{CheckConfig, TokenCheck};
use common::auth::keys::JwksUrl;
use local_stack::identity::IdentityServer;
use local_stack::issuer::{PUBLIC_API, claims};
use serde_json::Value;

const AUDIENCE: &str = "internal-verifier";

/// The identity server and a check of its tokens, with the timings adjusted.
fn setup(adjust: impl FnOnce(&mut CheckConfig)) -> (IdentityServer, TokenCheck) {
    let server = IdentityServer::start(PUBLIC_API).unwrap();
    let url = JwksUrl::parse(&server.jwks_url(), None).unwrap();
    let mut config = CheckConfig::new(AUDIENCE, PUBLIC_API, url);
    adjust(&mut config);
    (server, TokenCheck::new(config).unwrap())
}

fn good() -> Value {
    claims(PUBLIC_API, AUDIENCE)
}

fn with(name: &str, value: Value) -> Value {
    let mut all = good();
    all[name] = value;
    all
}

fn without(name: &str) -> Value {
    let mut all = good();
    all.as_object_mut().unwrap().remove(name);
    all
}

/// Tokens that must be let in, by what is special about them.
fn accepted(server: &IdentityServer) -> Vec<(&'static str, String)> {
    use local_stack::issuer::now;
    use serde_json::json;

    [
        ("as issued", good()),
        (
            "issuer without scheme",
            with("iss", json!("accounts.google.com")),
        ),
        ("expired within the leeway", with("exp", json!(now() - 20))),
        ("unknown extra claim", with("hd", json!("example.com"))),
    ]
    .map(|(name, claims)| (name, server.issuer().sign(&claims).unwrap()))
    .to_vec()
}

/// Tokens that must be refused, and the status of the answer.
fn refused(server: &IdentityServer) -> Vec<(&'static str, String, u16)> {
    let mut all = wrong_claims(server);
    all.extend(wrong_shapes(server));
    all
}

fn wrong_claims(server: &IdentityServer) -> Vec<(&'static str, String, u16)> {
    use local_stack::issuer::now;
    use serde_json::json;

    [
        ("wrong audience", with("aud", json!("https://other")), 401),
        (
            "audience list",
            with("aud", json!([AUDIENCE, "other"])),
            401,
        ),
        ("no audience", without("aud"), 401),
        (
            "wrong issuer",
            with("iss", json!("https://evil.example")),
            401,
        ),
        ("no issuer", without("iss"), 401),
        ("no subject", without("sub"), 401),
        ("expired", with("exp", json!(now() - 120)), 401),
        ("no expiry", without("exp"), 401),
        ("not yet valid", with("nbf", json!(now() + 120)), 401),
        (
            "another account",
            with("email", json!("x@demo.iam.gserviceaccount.com")),
            403,
        ),
        ("no e-mail", without("email"), 403),
        (
            "e-mail not verified",
            with("email_verified", json!(false)),
            403,
        ),
        ("no email_verified", without("email_verified"), 403),
    ]
    .map(|(name, claims, status)| (name, server.issuer().sign(&claims).unwrap(), status))
    .to_vec()
}

fn wrong_shapes(server: &IdentityServer) -> Vec<(&'static str, String, u16)> {
    use local_stack::issuer::Issuer;
    use serde_json::json;

    let issuer = server.issuer();
    let headed = |header: Value| issuer.sign_with_header(&header, &good()).unwrap();
    let foreign = |key_id| Issuer::new(key_id).unwrap().sign(&good()).unwrap();
    let token = issuer.sign(&good()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let other = issuer.sign(&with("sub", json!("other"))).unwrap();
    let other_payload = other.split('.').nth(1).unwrap();
    vec![
        ("rogue key, known kid", foreign("local-key-1"), 401),
        ("unknown kid", foreign("other-key"), 401),
        ("no kid", headed(json!({"alg": "RS256", "typ": "JWT"})), 401),
        (
            "alg none",
            headed(json!({"alg": "none", "kid": "local-key-1"})),
            401,
        ),
        (
            "alg HS256",
            headed(json!({"alg": "HS256", "kid": "local-key-1"})),
            401,
        ),
        (
            "payload swapped",
            format!("{header}.{other_payload}.{signature}"),
            401,
        ),
        ("no signature", format!("{message}."), 401),
        (
            "stripped signature",
            format!("{message}.SIGNATURE_REMOVED_BY_GOOGLE"),
            401,
        ),
        ("not a token", "abc".to_owned(), 401),
        ("empty", String::new(), 401),
        ("only dots", "..".to_owned(), 401),
        ("huge", "a".repeat(20_000), 401),
    ]
}

fn hits(counter: &std::sync::atomic::AtomicU64) -> u64 {
    counter.load(std::sync::atomic::Ordering::SeqCst)
}
