//! The table of routes.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use common::api::problem::{Problem, Reason};
use common::auth::check::TokenCheck;

use crate::{chain_list, contracts, health, openapi, pages, upkeep, verify};

pub(crate) fn configure(routes: &mut web::ServiceConfig, check: Option<&Arc<TokenCheck>>) {
    routes
        .service(health::health)
        .service(health::ready)
        .service(health::version)
        .service(chain_list::chains)
        .service(verify::submit::std_json)
        .service(verify::metadata::by_metadata)
        .service(verify::etherscan::from_etherscan)
        .service(verify::similarity::by_similarity)
        .service(verify::job::get_job)
        .service(verify::events::get_events)
        .service(contracts::list::on_all_chains)
        .service(contracts::contract::get_contract)
        .service(contracts::list::on_chain)
        .service(pages::show_guide)
        .service(pages::show_job)
        .service(pages::show_contract)
        .service(pages::choose_chain)
        .service(pages::unknown)
        .service(openapi::document)
        .configure(openapi::page)
        .configure(|routes| upkeep::routes::configure(routes, check))
        .default_service(web::to(unknown));
}

/// Unknown paths and wrong methods, in JSON like everything else.
async fn unknown(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    Err(Reason::RouteNotFound { method, path }.into())
}
