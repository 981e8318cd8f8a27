//! `GET /health` and `GET /version`: whether the process lives, and which one it is.

use actix_web::{HttpResponse, route};
use common::api::problem::JSON;
use common::version::{COMMIT, COMPILER_LIST_DATE, NAME, VERSION};
use serde::Serialize;
use utoipa::ToSchema;

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
    responses((status = 200, description = "Name, version, commit", body = Version))
)]
#[route("/version", method = "GET", method = "HEAD")]
pub(crate) async fn version() -> HttpResponse {
    HttpResponse::Ok().content_type(JSON).json(Version {
        name: NAME,
        version: VERSION,
        git_commit: COMMIT,
        compiler_list_date: COMPILER_LIST_DATE,
    })
}
