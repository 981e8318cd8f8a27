//! Who may call a service that is not public: what IAM checks before an instance is started.

use anyhow::{Context, Result};
use common::auth::check::{CheckConfig, Refusal, TokenCheck, bearer};
use common::auth::keys::JwksUrl;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

/// Checked in place of `Authorization`, which is then the service's own affair.
const SERVERLESS: &str = "x-serverless-authorization";

/// The one account with the right to call a service.
#[derive(Debug, Clone)]
pub struct InvokerConfig {
    pub account: String,
    pub audience: String,
    /// Where the issuer's public keys are.
    pub jwks_url: String,
}

#[derive(Debug)]
pub(super) struct Invoker(TokenCheck);

impl Invoker {
    pub(super) fn new(config: &InvokerConfig) -> Result<Self> {
        let jwks_url = JwksUrl::parse(&config.jwks_url, None)?;
        let config = CheckConfig::new(&config.audience, &config.account, jwks_url);
        let check = TokenCheck::new(config).context("setting up the invoker's check")?;
        Ok(Self(check))
    }

    /// The platform's answer to a caller that is not let in.
    pub(super) async fn check(&self, headers: &HeaderMap) -> Result<(), u16> {
        let header = headers
            .get(SERVERLESS)
            .or_else(|| headers.get(AUTHORIZATION));
        // A call without a name is everybody's, and everybody lacks the right.
        let header = header.ok_or(403_u16)?;
        let token = header.to_str().ok().and_then(bearer).ok_or(401_u16)?;
        match self.0.check(token).await {
            Ok(_caller) => Ok(()),
            Err(Refusal::Stranger(_)) => Err(403),
            Err(Refusal::KeysUnavailable(_)) => Err(503),
            Err(_bad) => Err(401),
        }
    }
}

/// The platform has checked this header and takes the signature out before the service sees it.
pub(super) fn without_signature(headers: &mut HeaderMap) {
    let Some(value) = headers.get(SERVERLESS) else {
        return;
    };
    let stripped = value.to_str().ok().and_then(|text| {
        let (message, _signature) = text.rsplit_once('.')?;
        HeaderValue::from_str(&format!("{message}.SIGNATURE_REMOVED_BY_GOOGLE")).ok()
    });
    let stripped =
        stripped.unwrap_or_else(|| HeaderValue::from_static("SIGNATURE_REMOVED_BY_GOOGLE"));
    headers.insert(SERVERLESS, stripped);
}
