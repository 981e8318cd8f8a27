//! `POST /v2/verify/similarity/{chainId}/{address}`: a verification by what is stored of contracts with
//! similar code. That there is code is found out while the caller waits.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, post, web};
use common::api::problem::{Problem, ProblemDocument, Reason};
use common::db::jobs::JobKind;
use common::report::with_causes;
use utoipa::ToSchema;
use verification::job::SimilarityRequest;

use super::accept::{AcceptedDocument, Contract, accept, receive};
use super::shape::{creation_transaction_hash, members};
use crate::documented::{ChainAndAddress, SubmitProblems};
use crate::state::State;

/// The body as it is documented. Unknown members are ignored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its description is used")]
struct SimilarityBody {
    /// Of the transaction that made the contract. Searched for if it is not given.
    #[schema(pattern = "^0x[0-9a-fA-F]{64}$", nullable = false)]
    creation_transaction_hash: Option<String>,
}

/// For all endpoints of the chain together: somebody waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// By similarity
///
/// Compares with what is stored of verified contracts whose code is the same, or begins in the same way. The chain is
/// asked for the code before the answer.
#[utoipa::path(
    tag = "verify",
    params(ChainAndAddress),
    request_body = SimilarityBody,
    responses(
        (status = 202, description = "It is taken", body = AcceptedDocument),
        (status = 404, description = "There is no code at the address", body = ProblemDocument),
        (status = 502, description = "The chain could not be asked", body = ProblemDocument),
        SubmitProblems,
    )
)]
#[post("/v2/verify/similarity/{chainId}/{address}")]
pub(crate) async fn by_similarity(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let (body, params) = receive(&request, payload, &state).await?;
    let input = SimilarityRequest {
        creation_transaction_hash: creation_transaction_hash(members(&body.document)?)?,
    };
    let contract = Contract::resolve(params, &state)?;
    contract.check_is_free(&request, &state).await?;
    check_has_code(&state, contract).await?;
    accept(&request, &state, contract, JobKind::Similarity, &input).await
}

async fn check_has_code(state: &State, contract: Contract<'_>) -> Result<(), Reason> {
    let (chain, address) = (contract.chain.id, contract.address);
    let chain_id = chain.to_string();
    let asking = state.nodes.runtime_code(chain, address);
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(Some(_code))) => return Ok(()),
        Ok(Ok(None)) => return Err(Reason::NoCode { chain_id, address }),
        Ok(Err(fault)) => tracing::warn!(
            event = "chain_unavailable",
            chain_id,
            error = with_causes(&fault),
            "a chain could not be asked for code"
        ),
        Err(_elapsed) => tracing::warn!(
            event = "chain_unavailable",
            chain_id,
            "a chain did not say in time whether there is code"
        ),
    }
    Err(Reason::CodeUnknown { chain_id, address })
}
