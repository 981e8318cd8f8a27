//! `GET /health`, `/ready` and `/version`: whether the process lives, whether it can serve, which one it is.

use actix_web::{HttpRequest, HttpResponse, route, web};
use common::api::problem::{JSON, Problem};
use common::version::{COMMIT, COMPILER_LIST_DATE, NAME, VERSION};
use serde::Serialize;
use utoipa::ToSchema;

use crate::documented::ReadProblems;
use crate::fault::fault;
use crate::params;
use crate::state::State;

/// Whether the process lives
///
/// Asks nobody: a database that is away is no reason to restart this process.
#[utoipa::path(
    get,
    tag = "service",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain"))
)]
#[route("/health", method = "GET", method = "HEAD")]
pub(crate) async fn health() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok")
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Version {
    #[schema(example = "sourcerun")]
    name: &'static str,
    version: &'static str,
    /// `unknown` for a build that was not told.
    git_commit: &'static str,
    /// When a compiler release was last added.
    #[schema(format = Date)]
    compiler_list_date: &'static str,
}

/// Which program this is
#[utoipa::path(
    get,
    tag = "service",
    responses((status = 200, description = "Name, version, commit", body = Version), ReadProblems)
)]
#[route("/version", method = "GET", method = "HEAD")]
pub(crate) async fn version(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let [] = params::query(&request, [])?;
    Ok(HttpResponse::Ok().content_type(JSON).json(Version {
        name: NAME,
        version: VERSION,
        git_commit: COMMIT,
        compiler_list_date: COMPILER_LIST_DATE,
    }))
}

/// Whether the process can serve
///
/// Asks the database.
#[utoipa::path(
    get,
    tag = "service",
    responses(
        (status = 200, description = "It can", body = String, content_type = "text/plain"),
        ReadProblems,
    )
)]
#[route("/ready", method = "GET", method = "HEAD")]
pub(crate) async fn ready(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let [] = params::query(&request, [])?;
    let asked = state.database.ping().await;
    asked.map_err(|error| fault("the database does not answer", &error))?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ready"))
}
