//! The table of routes: the call of `public-api`, and the platform's question.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, web};
use common::api::internal::{VERIFY_PATH, VerifyAnswer, VerifyCall};
use common::api::problem::{JSON, Problem, Reason};
use common::auth::check::TokenCheck;
use common::auth::guard::Guard;
use common::db::jobs::JobId;
use common::report::with_causes;
use tracing::Instrument;

use crate::jobs::{self, NotRun};
use crate::state::State;

/// An id in a document: nothing longer is read.
const LIMIT_BYTES: usize = 1024;

pub(crate) fn configure(routes: &mut web::ServiceConfig, check: Arc<TokenCheck>) {
    let verify = web::resource(VERIFY_PATH)
        .wrap(Guard::new(check))
        .app_data(web::PayloadConfig::new(LIMIT_BYTES))
        .route(web::post().to(verify));
    routes
        .service(health)
        .service(verify)
        .default_service(web::to(unknown));
}

/// Asks nobody: a database that is away is no reason to restart this process.
#[get("/health")]
async fn health() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok")
}

/// Does the whole job, and answers at its end.
async fn verify(body: web::Bytes, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let call: VerifyCall =
        serde_json::from_slice(&body).map_err(|error| Reason::InvalidJson(error.to_string()))?;
    let id = JobId(call.verification_id);
    tracing::Span::current().record("job_id", tracing::field::display(id));
    let answer = run(state.into_inner(), id).await?;
    Ok(HttpResponse::Ok().content_type(JSON).json(answer))
}

async fn run(state: Arc<State>, id: JobId) -> Result<VerifyAnswer, Problem> {
    if *state.stopping.borrow() {
        return Err(Reason::Busy.into());
    }
    // Refused at once: the platform finds or starts another instance.
    let Ok(_place) = state.places.try_acquire() else {
        return Err(Reason::Busy.into());
    };
    // Not a child of the connection: a caller that goes away changes nothing.
    let running = jobs::run(Arc::clone(&state), id).in_current_span();
    match actix_web::rt::spawn(running).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(NotRun::Stopping)) => Err(Reason::Busy.into()),
        Ok(Err(NotRun::Database(error))) => {
            tracing::error!(event = "run_failed", job_id = %id, error = with_causes(&error), "the database is away");
            Err(Reason::Unavailable.into())
        }
        Err(error) => {
            tracing::error!(event = "run_failed", job_id = %id, error = with_causes(&error), "a run crashed");
            Err(Reason::Internal.into())
        }
    }
}

async fn unknown(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    Err(Reason::RouteNotFound { method, path }.into())
}
