//! `POST /v2/verify/{chainId}/{address}`: a verification by standard JSON is taken.

use actix_web::{HttpRequest, HttpResponse, post, web};
use common::api::problem::Problem;
use common::db::jobs::JobKind;

use super::accept::{Contract, accept};
use super::request::Shaped;
use crate::body;
use crate::params::{self, ContractParams};
use crate::state::State;

#[post("/v2/verify/{chainId}/{address}")]
pub(crate) async fn std_json(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let body = body::read_json(&request, payload).await?;
    let params = ContractParams::shape(&request)?;
    let [] = params::query(&request, [])?;
    let shaped = Shaped::parse(&body)?;
    let contract = Contract::resolve(params, &state)?;
    let checked = shaped.check()?;
    accept(&request, &state, contract, JobKind::StdJson, &checked).await
}
