//! `GET /v2/contract/{chainId}/{address}`: what is known about one contract.

use actix_web::{HttpRequest, HttpResponse, route, web};
use common::api::problem::{JSON, Problem, Reason};
use common::lookup::{self, Selection};

use crate::fault::fault;
use crate::params::{self, ContractParams};
use crate::state::State;

#[route("/v2/contract/{chainId}/{address}", method = "GET", method = "HEAD")]
pub(crate) async fn get_contract(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let params = ContractParams::shape(&request)?;
    let [fields, omit] = params::query(&request, ["fields", "omit"])?;
    let selection = Selection::parse(fields.as_deref(), omit.as_deref())
        .map_err(|error| Reason::InvalidParameter(error.to_string()))?;
    let (chain, address) = params.resolve(&state.chains)?;
    let found = lookup::find(&state.database, chain.id, address, &selection)
        .await
        .map_err(|error| fault("a contract could not be read", &error))?;
    Ok(match found {
        Some(document) => HttpResponse::Ok().content_type(JSON).json(document),
        // Not a problem document: clients read the basic fields here too.
        None => HttpResponse::NotFound()
            .content_type(JSON)
            .json(lookup::not_verified(chain.id, address)),
    })
}
