//! Upkeep by order of a scheduler: `POST /internal_api_sweep` and `POST /internal_api_expire`. Without an account
//! that may call them, there are no such routes.

use std::panic::resume_unwind;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use common::api::problem::{JSON, Problem};
use common::auth::check::TokenCheck;
use common::auth::guard::Guard;
use futures::FutureExt;

use super::{expire, sweep};
use crate::fault::{fault, in_time};
use crate::state::State;

const SWEEP_PATH: &str = "/internal_api_sweep";
const EXPIRE_PATH: &str = "/internal_api_expire";

pub(crate) fn configure(routes: &mut web::ServiceConfig, check: Option<&Arc<TokenCheck>>) {
    let Some(check) = check else {
        return;
    };
    let guarded = |path| web::resource(path).wrap(Guard::new(Arc::clone(check)));
    routes
        .service(guarded(SWEEP_PATH).route(web::post().to(sweep_now)))
        .service(guarded(EXPIRE_PATH).route(web::post().to(expire_now)));
}

/// Answers when the calls are begun, not when they are answered.
async fn sweep_now(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    // A task of its own: whoever gives up waiting must not end it between taking rows and calling for them.
    let sweeping = tokio::spawn(async move { sweep::sweep(&state).await });
    let sweeping =
        sweeping.map(|done| done.unwrap_or_else(|ended| resume_unwind(ended.into_panic())));
    let round = in_time("a sweep failed", sweeping).await?;
    Ok(HttpResponse::Ok().content_type(JSON).json(round))
}

async fn expire_now(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let expired = expire::expire(&state.database, state.upkeep.kept)
        .await
        .map_err(|error| fault("what is old could not be deleted", &error))?;
    Ok(HttpResponse::Ok().content_type(JSON).json(expired))
}
