//! Browsers are clients too: every origin may ask, and preflights are answered here.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, body::EitherBody};
use common::telemetry::page::METRICS_PATH;

/// What a page may send besides what every page may.
const ASKED: &str = "content-type, if-none-match, last-event-id, prefer, traceparent";

pub(crate) async fn allow_everybody<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    // For operators' machines: no page of anybody may read it. The path as routes see it, not as it was spelt.
    let is_open = request.match_info().as_str() != METRICS_PATH;
    let mut response = if is_open && request.method() == Method::OPTIONS {
        let preflight = HttpResponse::NoContent()
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, OPTIONS"))
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, ASKED))
            .insert_header((ACCESS_CONTROL_MAX_AGE, "86400"))
            .finish();
        request.into_response(preflight).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    if !is_open {
        return Ok(response);
    }
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("etag, retry-after"),
    );
    Ok(response)
}
