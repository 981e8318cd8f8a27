//! `GET /v2/contract/{chainId}/{address}`: what is known about one contract.

use actix_web::{HttpRequest, HttpResponse, route, web};
use common::api::contract::{ContractDocument, NotVerified};
use common::api::problem::{JSON, Problem, Reason};
use common::lookup::{self, ProxyQuestions, Selection};

use crate::answer::{self, Etag};
use crate::documented::{ChainAndAddress, ReadProblems};
use crate::fault::fault;
use crate::params::{self, ContractParams};
use crate::state::State;

/// One contract
///
/// Without a selection only the basic fields are shown. `proxyResolution` asks the chain if it is named
/// in `fields`; with `all` and `omit` the last known one is shown.
#[utoipa::path(
    get,
    tag = "contracts",
    params(
        ChainAndAddress,
        ("fields" = Option<String>, Query, nullable = false, example = "abi,compilation.name",
         description = "What to show besides the basic fields: names separated by commas, with one dot for a part \
                        of a field; or `all`. Not together with `omit`."),
        ("omit" = Option<String>, Query, nullable = false, example = "sources,stdJsonOutput",
         description = "Everything but these."),
    ),
    responses(
        (status = 200, description = "It is verified", body = ContractDocument,
         headers(("etag" = String), ("cache-control" = String))),
        (status = 304, description = "The client has this very document (`If-None-Match`)"),
        (status = 404, description = "It is not verified", body = NotVerified),
        ReadProblems,
    )
)]
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
    let found = lookup::find(&state.database, chain.id, address)
        .await
        .map_err(|error| fault("a contract could not be read", &error))?;
    let Some(found) = found else {
        // Not a problem document: clients read the basic fields here too.
        let document = lookup::not_verified(chain.id, address);
        return Ok(HttpResponse::NotFound().content_type(JSON).json(document));
    };
    let etag = found.version(&selection).map(Etag::of_version);
    if let Some(etag) = etag
        && etag.is_known_to(&request)
    {
        return Ok(answer::not_modified(&etag));
    }
    let questions = ProxyQuestions {
        chains: &state.nodes,
        within: state.proxy_timeout,
        at_once: &state.proxy_questions,
    };
    let document = found
        .into_document(&state.database, &selection, &questions)
        .await
        .map_err(|error| fault("a contract could not be shown", &error))?;
    let etag = match document.version {
        Some(version) => Etag::of_version(version),
        None => Etag::of_body(&document.json),
    };
    Ok(answer::document(&request, &etag, document.json))
}
