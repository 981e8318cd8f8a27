//! `POST /v2/verify/{chainId}/{address}`: a verification by standard JSON is taken.

use actix_web::{HttpRequest, HttpResponse, post, web};
use common::api::problem::Problem;
use common::db::jobs::JobKind;

use super::accept::{AcceptedDocument, Contract, accept, receive};
use super::request::{Shaped, StdJsonBody};
use crate::documented::{ChainAndAddress, SubmitProblems};
use crate::state::State;

/// By standard JSON
///
/// Answered at once; `GET /v2/verify/{verificationId}` tells how it stands.
#[utoipa::path(
    tag = "verify",
    params(ChainAndAddress),
    request_body = StdJsonBody,
    responses((status = 202, description = "It is taken", body = AcceptedDocument), SubmitProblems)
)]
#[post("/v2/verify/{chainId}/{address}")]
pub(crate) async fn std_json(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let (body, params) = receive(&request, payload, &state).await?;
    let shaped = Shaped::parse(&body.document)?;
    let contract = Contract::resolve(params, &state)?;
    let checked = shaped.check()?;
    accept(&request, &state, contract, JobKind::StdJson, &checked).await
}
