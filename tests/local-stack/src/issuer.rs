//! Signs ID tokens as Google does, with a throw-away RSA key.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde_json::{Value, json};

/// The account public-api runs as.
pub const PUBLIC_API: &str = "public-api@demo.iam.gserviceaccount.com";
/// The account the scheduler calls the sweep with.
pub const SWEEPER: &str = "sweeper@demo.iam.gserviceaccount.com";

/// One key and its id.
#[derive(Debug)]
pub struct Issuer {
    key_id: String,
    key: RsaKeyPair,
}

impl Issuer {
    /// Takes some milliseconds, or some tens of them: it looks for primes.
    ///
    /// # Errors
    /// When the key cannot be made.
    pub fn new(key_id: &str) -> Result<Self> {
        Ok(Self {
            key_id: key_id.to_owned(),
            key: RsaKeyPair::generate(KeySize::Rsa2048).context("making an RSA key")?,
        })
    }

    /// A good token of an account.
    ///
    /// # Errors
    /// When signing fails.
    pub fn token(&self, account: &str, audience: &str) -> Result<String> {
        self.sign(&claims(account, audience))
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// When signing fails.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        self.sign_with_header(&header, claims)
    }

    /// For headers that no issuer would make.
    ///
    /// # Errors
    /// When signing fails.
    pub fn sign_with_header(&self, header: &Value, claims: &Value) -> Result<String> {
        let header = B64.encode(header.to_string());
        let message = format!("{header}.{}", B64.encode(claims.to_string()));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                message.as_bytes(),
                &mut signature,
            )
            .context("signing a token")?;
        Ok(format!("{message}.{}", B64.encode(signature)))
    }

    /// The public key, as the key server shows it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let public = self.key.public_key();
        json!({
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.key_id,
            "n": B64.encode(public.modulus().big_endian_without_leading_zero()),
            "e": B64.encode(public.exponent().big_endian_without_leading_zero()),
        })
    }
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The claims of a Cloud Run identity token (`format=full`).
#[must_use]
pub fn claims(account: &str, audience: &str) -> Value {
    json!({
        "iss": "https://accounts.google.com", "aud": audience, "azp": "1234567890",
        "sub": "1234567890", "email": account, "email_verified": true,
        "iat": now(), "exp": now().saturating_add(3600),
    })
}
