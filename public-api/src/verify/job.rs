//! `GET /v2/verify/{verificationId}`: how a verification stands.
//!
//! The request of an open job is held until the job ends, at most two seconds: most jobs end sooner,
//! and clients that poll rarely (forge: at once, then every 15 s) see the end on their first question.
//! `Prefer: wait=N` asks for another time, `wait=0` for none. A job that is still open then tells how
//! far it is and how long it will take, and `Retry-After` when it is worth asking again.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, route, web};
use common::api::problem::{JSON, Problem, ProblemDocument, Reason};
use common::db::jobs::JobId;

use super::job_document::{JobDocument, document};
use crate::answer::{self, Etag};
use crate::documented::ReadProblems;
use crate::fault::fault;
use crate::params;
use crate::state::State;

const USUAL_HOLD: Duration = Duration::from_secs(2);
const LONGEST_HOLD: Duration = Duration::from_secs(20);
/// However long a job may take, its end should not go unseen for longer.
const LONGEST_RETRY_S: u64 = 15;

/// How a verification stands
///
/// The request of an open one is held for its end, at most two seconds; `Prefer: wait=N` asks for another time.
#[utoipa::path(
    get,
    tag = "verify",
    params(
        ("verificationId" = Uuid, Path),
        ("prefer" = Option<String>, Header, nullable = false, example = "wait=10"),
    ),
    responses(
        (status = 200, description = "Also when it failed", body = JobDocument,
         headers(("retry-after" = u32, description = "Seconds, while it is open"), ("etag" = String))),
        (status = 304, description = "It has ended and the client has this very document (`If-None-Match`)"),
        (status = 404, description = "There is none of this id", body = ProblemDocument),
        ReadProblems,
    )
)]
#[route("/v2/verify/{verificationId}", method = "GET", method = "HEAD")]
pub(crate) async fn get_job(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let id = params::verification_id(&request)?;
    let [] = params::query(&request, [])?;
    let prefer = request.headers().get_all("prefer");
    let hold = hold(prefer.filter_map(|value| value.to_str().ok()));
    let found = tokio::select! {
        found = state.events.wait_for_end(JobId(id), hold) => found,
        () = state.dispatcher.stopped() => {
            state.events.wait_for_end(JobId(id), Duration::ZERO).await
        }
    };
    let found = found.map_err(|error| fault("a job could not be read", &error))?;
    let job = found.ok_or(Reason::JobNotFound(id))?;
    if job.is_ended() {
        let body = serde_json::to_vec(&document(&job, None))
            .map_err(|error| fault("a job could not be shown", &error))?;
        return Ok(answer::document(&request, &Etag::of_body(&body), body));
    }
    let estimate = state.estimates.now().await;
    let seconds = estimate.seconds(job.input_bytes, job.age);
    Ok(HttpResponse::Ok()
        .content_type(JSON)
        .insert_header((RETRY_AFTER, seconds.min(LONGEST_RETRY_S)))
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(document(&job, Some(seconds))))
}

/// RFC 7240: preferences are separated by commas; one that cannot be met is ignored.
fn hold<'a>(prefer: impl Iterator<Item = &'a str>) -> Duration {
    prefer
        .flat_map(|text| text.split(','))
        .filter_map(|preference| preference.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .find_map(|(_, seconds)| seconds.trim().parse().ok())
        .map_or(USUAL_HOLD, |seconds| {
            Duration::from_secs(seconds).min(LONGEST_HOLD)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_choose_how_long_it_waits() {
        for (prefer, seconds) in [
            (None, 2),
            (Some("wait=0"), 0),
            (Some("wait=5"), 5),
            (Some("respond-async, wait=9"), 9),
            (Some("wait=3600"), 20),
            (Some("wait=-1"), 2),
            (Some("wait=soon"), 2),
            (Some("Wait = 7"), 7),
        ] {
            assert_eq!(
                hold(prefer.into_iter()),
                Duration::from_secs(seconds),
                "{prefer:?}"
            );
        }
    }
}
