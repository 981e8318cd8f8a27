//! The pages whose links clients print: for people, in plain HTML.
//!
//! They show what the JSON routes show and nothing else, and need no script: a page of an open job
//! asks to be loaded again. Links between them are relative, so that they hold below any path.

mod address;
mod contract;
mod guide;
mod html;
mod job;
mod page;

use actix_web::{HttpRequest, route};
use common::api::problem::Reason;

use page::ErrorPage;

pub(crate) use address::choose_chain;
pub(crate) use contract::show_contract;
pub(crate) use guide::show_guide;
pub(crate) use job::show_job;

/// Whatever else is asked for where pages are.
#[route(
    "/{place:verify-ui|repo-ui|address}{rest:/.*}",
    method = "GET",
    method = "HEAD"
)]
pub(crate) async fn unknown(request: HttpRequest) -> Result<String, ErrorPage> {
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    Err(Reason::RouteNotFound { method, path }.into())
}
