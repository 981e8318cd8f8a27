//! The table of routes.

use actix_web::{HttpRequest, HttpResponse, web};
use common::api::problem::{Problem, Reason};

use crate::{chain_list, contracts, health, verify};

pub(crate) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(health::health)
        .service(health::version)
        .service(chain_list::chains)
        .service(verify::std_json)
        .service(verify::get_job)
        .service(verify::get_events)
        .service(contracts::get_contract)
        .default_service(web::to(unknown));
}

/// Unknown paths and wrong methods, in JSON like everything else.
async fn unknown(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    Err(Reason::RouteNotFound { method, path }.into())
}
