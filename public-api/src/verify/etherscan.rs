//! `POST /v2/verify/etherscan/{chainId}/{address}`: a verification by what a block explorer has.
//!
//! The explorer is asked while the caller waits, so that its refusals are answers. What it has is kept
//! with the job, without the key; the compiler's input is made of it by the verifier.

use actix_web::{HttpRequest, HttpResponse, post, web};
use common::api::problem::{Problem, ProblemDocument, Reason};
use common::config::Secret;
use common::db::jobs::JobKind;
use serde_json::Value;
use utoipa::ToSchema;
use verification::job::EtherscanRequest;

use super::accept::{AcceptedDocument, Contract, accept, receive};
use super::shape::{invalid, members, text};
use crate::documented::{ChainAndAddress, SubmitProblems};
use crate::state::State;

/// The body as it is documented. Unknown members are ignored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its description is used")]
struct EtherscanBody {
    /// Yours, in place of the service's. It is not kept.
    #[schema(max_length = 256, nullable = false)]
    api_key: Option<String>,
}

/// It becomes part of a URL. Keys in use have 34 characters.
const MAX_KEY_CHARACTERS: usize = 256;

/// By what Etherscan has
///
/// Etherscan is asked before the answer; its refusals are answers.
#[utoipa::path(
    tag = "verify",
    params(ChainAndAddress),
    request_body = EtherscanBody,
    responses(
        (status = 202, description = "It is taken", body = AcceptedDocument),
        (status = 404, description = "It is not verified there", body = ProblemDocument),
        (status = 502, description = "Etherscan could not be asked", body = ProblemDocument),
        SubmitProblems,
    )
)]
#[post("/v2/verify/etherscan/{chainId}/{address}")]
pub(crate) async fn from_etherscan(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let (body, params) = receive(&request, payload, &state).await?;
    let callers_key = api_key(&body.document)?;
    let contract = Contract::resolve(params, &state)?;
    let Some(api) = &contract.chain.etherscan_api else {
        return Err(Reason::ImportUnsupported(contract.chain.id.to_string()).into());
    };
    contract.check_is_free(&request, &state).await?;
    let key = callers_key.as_ref().or(api.api_key.as_ref());
    let found = state
        .explorer
        .find_contract(contract.chain.id, contract.address, key)
        .await?;
    let input = EtherscanRequest { contract: found };
    accept(&request, &state, contract, JobKind::Etherscan, &input).await
}

/// An empty one is none.
fn api_key(body: &Value) -> Result<Option<Secret>, Reason> {
    let key = text(members(body)?, "apiKey")?.filter(|key| !key.is_empty());
    match key {
        Some(key) if key.chars().count() > MAX_KEY_CHARACTERS => Err(invalid(
            "request/body/apiKey must NOT have more than 256 characters",
        )),
        key => Ok(key.map(|key| Secret::new(key.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_is_a_short_text_or_none() {
        let key = |body: Value| api_key(&body).map(|key| key.map(|key| key.expose().to_owned()));
        assert_eq!(key(json!({"apiKey": "k"})), Ok(Some("k".to_owned())));
        for none in [json!({}), json!({"apiKey": ""})] {
            assert_eq!(key(none), Ok(None));
        }
        for (body, message) in [
            (json!([]), "request/body must be object"),
            (json!({"apiKey": 7}), "request/body/apiKey must be string"),
            (
                json!({"apiKey": "k".repeat(257)}),
                "request/body/apiKey must NOT have more than 256 characters",
            ),
        ] {
            assert_eq!(key(body), Err(invalid(message)));
        }
    }
}
