//! `GET /health` and `GET /version`: whether the process lives, and which one it is.

use actix_web::{HttpResponse, route};
use common::api::problem::JSON;
use common::version::{COMMIT, COMPILER_LIST_DATE, NAME, VERSION};
use serde_json::json;

/// Asks nobody: a database that is away is no reason to restart this process.
#[route("/health", method = "GET", method = "HEAD")]
pub(crate) async fn health() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok")
}

#[route("/version", method = "GET", method = "HEAD")]
pub(crate) async fn version() -> HttpResponse {
    HttpResponse::Ok().content_type(JSON).json(json!({
        "name": NAME,
        "version": VERSION,
        "gitCommit": COMMIT,
        "compilerListDate": COMPILER_LIST_DATE,
    }))
}
