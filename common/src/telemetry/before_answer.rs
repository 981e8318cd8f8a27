//! Sends what was seen of a request before its answer: afterwards the platform may stop the processor.

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};

use super::Telemetry;

/// To be wrapped around the logger with [`super::RootSpan`].
///
/// The span of a request would otherwise end with its answer and be sent with the next request, if there ever is
/// one. Answers must be small: this one waits for all of it.
///
/// # Errors
/// Those of what it is wrapped around.
pub async fn flush_before_answer<B: MessageBody + 'static>(
    telemetry: web::ThinData<Telemetry>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<web::Bytes>, Error> {
    let is_of_machine = super::request::is_of_machine(request.match_info().as_str());
    let (request, response) = next.call(request).await?.into_parts();
    let (head, body) = response.into_parts();
    // Both hold the span, which is to end here.
    let body = to_bytes(body).await.map_err(|error| {
        let error: Box<dyn std::error::Error> = error.into();
        actix_web::error::ErrorInternalServerError(error.to_string())
    })?;
    request
        .extensions_mut()
        .remove::<tracing_actix_web::RootSpan>();
    if !is_of_machine {
        telemetry.flush().await;
    }
    let response: HttpResponse<web::Bytes> = head.set_body(body);
    Ok(ServiceResponse::new(request, response))
}
