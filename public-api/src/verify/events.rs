//! `GET /v2/verify/{verificationId}/events`: what happens to a verification, as it happens.
//!
//! Server-sent events, numbered from 1, closed by the end of the job. The rows are the truth and every
//! instance can tell them; between two reads nothing is held but the connection, so idle listeners cost
//! no connection of the pool. A stream that ends sooner (this instance stops, or it has been open for
//! long) is resumed with `Last-Event-ID`, and after the end that is answered 204, so that a browser's
//! `EventSource` stops.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, ContentEncoding, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, route, web};
use common::api::problem::{Problem, ProblemDocument, Reason};
use common::db::jobs::{JobId, list_events};

use utoipa::ToSchema;

use super::listener::Listener;
use crate::documented::ReadProblems;
use crate::fault::fault;
use crate::params;
use crate::state::State;

/// One event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
struct EventDocument {
    /// Its number, for `Last-Event-ID`.
    #[schema(pattern = r"^\d+$")]
    id: String,
    event: EventName,
    /// JSON in one line: of `progress` a `ProgressDocument`, of `finished` a `JobDocument`.
    data: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its description is used")]
enum EventName {
    Progress,
    Finished,
}

const LAST_EVENT_ID: &str = "last-event-id";

/// What happens to a verification, as it happens
///
/// Server-sent events, numbered from 1: `progress`, any number of times, and at last `finished`, with the whole document
/// of the job, once. Whoever names the last one heard gets those after it.
#[utoipa::path(
    get,
    tag = "verify",
    params(
        ("verificationId" = Uuid, Path),
        ("last-event-id" = Option<String>, Header, nullable = false, pattern = r"^\d*$", description = "Only what comes after this one"),
    ),
    responses(
        (status = 200, description = "Events", body = EventDocument, content_type = "text/event-stream"),
        (status = 204, description = "The last event has been heard: there is nothing more"),
        (status = 404, description = "There is none of this id", body = ProblemDocument),
        (status = 429, description = "Too many streams are open. `Retry-After` says when to ask again",
         body = ProblemDocument, headers(("retry-after" = u32, description = "Seconds"))),
        ReadProblems,
    )
)]
#[route("/v2/verify/{verificationId}/events", method = "GET", method = "HEAD")]
pub(crate) async fn get_events(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let id = params::verification_id(&request)?;
    let [] = params::query(&request, [])?;
    let after = last_event_id(request.headers())?;
    let job = JobId(id);
    let wakes = state.events.subscribe(job);
    let log = list_events(&state.database, job, after)
        .await
        .map_err(|error| fault("the events of a job could not be read", &error))?
        .ok_or(Reason::JobNotFound(id))?;
    if log.end_number().is_some_and(|end| after >= end) {
        let told = HttpResponse::NoContent()
            .insert_header((CACHE_CONTROL, "no-store"))
            .finish();
        return Ok(told);
    }
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        // Compressing would hold events back until there are enough of them; so would some proxies.
        .insert_header(ContentEncoding::Identity)
        .insert_header(("x-accel-buffering", "no"));
    if request.method() == Method::HEAD {
        return Ok(answer.finish());
    }
    let Ok(place) = Arc::clone(&state.streams).try_acquire_owned() else {
        tracing::warn!(event = "streams_full", job_id = %id, "no place for another stream of events");
        return Err(Reason::Overloaded.into());
    };
    let listener = Listener::new(state, place, job, wakes, log, after);
    Ok(answer.streaming(futures::stream::unfold(listener, Listener::next)))
}

/// 0 if there is none. What isn't a number was not given by us: whoever sent it is told, since it would
/// otherwise hear everything again and again. An empty one is what some libraries send at first.
fn last_event_id(headers: &HeaderMap) -> Result<u32, Reason> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else {
        return Ok(0);
    };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = r#"request/headers/last-event-id must match pattern "^\d+$""#;
        return Err(Reason::InvalidParameter(message.to_owned()));
    }
    Ok(text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_client_says_what_it_has_heard() {
        for (value, wanted) in [
            (None, Some(0)),
            (Some(""), Some(0)),
            (Some("0"), Some(0)),
            (Some("7"), Some(7)),
            (Some("99999999999999999999"), Some(u32::MAX)),
            (Some("-1"), None),
            (Some("+1"), None),
            (Some("1.5"), None),
            (Some("seven"), None),
            (Some("ü"), None),
        ] {
            let mut request = TestRequest::default();
            if let Some(value) = value {
                request = request.insert_header((LAST_EVENT_ID, value));
            }
            let request = request.to_http_request();
            let heard = last_event_id(request.headers()).ok();
            assert_eq!(heard, wanted, "{value:?}");
        }
    }
}
