//! Examines a caller's ID token: RS256, signed by Google, for us, from an account we know.
//!
//! `google-cloud-auth` has such a check too. Version 1.18 accepts tokens without `aud` or `iss`,
//! panics on one without `email_verified`, and fails most of the calls that arrive together
//! (<https://github.com/googleapis/google-cloud-rust/issues/6696>), so it only gets tokens for us.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;

use crate::auth::keys::{JwksUrl, KeyCache, KeyError, KeyTimings};
use crate::config::Reader;
use crate::report::with_causes;

/// Both spellings are in use.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// What is accepted.
#[derive(Debug, Clone)]
pub struct CheckConfig {
    /// The one accepted `aud`: the receiver's custom audience.
    pub audience: String,
    /// Service accounts, by e-mail address, that may call.
    pub callers: Vec<String>,
    pub jwks_url: JwksUrl,
    /// Difference of clocks allowed on `exp` and `nbf`.
    pub leeway: Duration,
    pub keys: KeyTimings,
}

impl CheckConfig {
    /// One caller, a leeway of 30 s and the usual timings.
    #[must_use]
    pub fn new(audience: &str, caller: &str, jwks_url: JwksUrl) -> Self {
        Self {
            audience: audience.to_owned(),
            callers: vec![caller.to_owned()],
            jwks_url,
            leeway: Duration::from_secs(30),
            keys: KeyTimings::default(),
        }
    }
}

impl CheckConfig {
    /// From `AUDIENCE` and `JWKS_URL`, and the account that `caller` reads. `None`: something is wrong.
    /// `Some(None)`: there is no such account, so nobody may call.
    pub fn read(
        reader: &mut Reader,
        usual_audience: &'static str,
        caller: impl FnOnce(&mut Reader) -> Option<String>,
    ) -> Option<Option<Self>> {
        let audience = reader.or(
            "AUDIENCE",
            usual_audience.to_owned(),
            "for whom callers' ID tokens must be made",
        );
        let caller = caller(reader);
        let url = reader.or(
            "JWKS_URL",
            JwksUrl::GOOGLE.to_owned(),
            "where the keys of callers' ID tokens are; on Cloud Run only Google's",
        );
        match JwksUrl::parse(&url, reader.of_platform("K_SERVICE").as_deref()) {
            Ok(url) => Some(caller.map(|caller| Self::new(&audience, &caller, url))),
            Err(error) => {
                reader.mistake(format!("JWKS_URL: {}", with_causes(&error)));
                None
            }
        }
    }
}

/// The account behind a valid token. A guarded route finds it in the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub email: String,
}

/// Why a request is not let in. A route learns of none; the log learns the reason.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("not exactly one Authorization header")]
    NotOneHeader,
    #[error("the Authorization header is not of the form `Bearer TOKEN`")]
    NotABearer,
    #[error("the token is not a JWT with a key id")]
    Malformed,
    #[error("the token claims the algorithm {0:?}")]
    Algorithm(Algorithm),
    #[error("no key has the token's key id")]
    UnknownKey,
    #[error("the token's signature or claims are wrong")]
    BadToken(#[source] jsonwebtoken::errors::Error),
    #[error("the token belongs to another account: {}", .0.as_deref().unwrap_or("no e-mail"))]
    Stranger(Option<String>),
    /// A fault of ours: the caller may try again.
    #[error("the token cannot be checked")]
    KeysUnavailable(#[source] KeyError),
}

/// `aud` is a string on purpose: a token for several audiences could be used elsewhere too.
#[derive(Deserialize)]
struct Claims {
    #[expect(dead_code, reason = "read by the validation; its type refuses a list")]
    aud: String,
    email: Option<String>,
    email_verified: Option<bool>,
}

/// Checks the tokens for one audience; one per process, shared by all workers.
pub struct TokenCheck {
    callers: Vec<String>,
    validation: Validation,
    keys: KeyCache,
}

impl std::fmt::Debug for TokenCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCheck")
            .field("callers", &self.callers)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl TokenCheck {
    /// Fetches no keys yet: the first token does.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(config: CheckConfig) -> Result<Self, reqwest::Error> {
        // The algorithm is fixed; the one named in a token's header is never trusted.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[config.audience]);
        validation.set_issuer(&ISSUERS);
        // The library requires only `exp`: without this line a token lacking `aud` or `iss` passes.
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = config.leeway.as_secs();
        Ok(Self {
            callers: config.callers,
            validation,
            keys: KeyCache::new(config.jwks_url, config.keys)?,
        })
    }

    /// Who sent this token, if it may be let in.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn check(&self, token: &str) -> Result<Caller, Refusal> {
        let header = decode_header(token).map_err(|_reason| Refusal::Malformed)?;
        // Before any key is looked up: garbage must not cause a fetch.
        if header.alg != Algorithm::RS256 {
            return Err(Refusal::Algorithm(header.alg));
        }
        let key_id = header.kid.ok_or(Refusal::Malformed)?;
        let key = self.keys.get(&key_id).await.map_err(|error| match error {
            KeyError::Unknown => Refusal::UnknownKey,
            unavailable @ KeyError::Unavailable(_) => Refusal::KeysUnavailable(unavailable),
        })?;
        let claims = decode::<Claims>(token, &key, &self.validation)
            .map_err(Refusal::BadToken)?
            .claims;
        match claims.email {
            Some(email) if claims.email_verified == Some(true) && self.callers.contains(&email) => {
                Ok(Caller { email })
            }
            email => Err(Refusal::Stranger(email)),
        }
    }
}

/// The token of an `Authorization` header's value.
#[must_use]
pub fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn a_bearer_is_known_by_its_scheme() {
        assert_eq!(bearer("Bearer a.b.c"), Some("a.b.c"));
        assert_eq!(bearer("bearer a.b.c"), Some("a.b.c"));
        for value in ["Basic a.b.c", "Bearer ", "Bearer", "a.b.c", ""] {
            assert_eq!(bearer(value), None, "{value}");
        }
    }
}
