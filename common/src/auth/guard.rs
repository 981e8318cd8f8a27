//! Lets only known callers through to a route, before the body is read.
//!
//! The answer to a stranger says nothing about the reason; the log says it once, under the same
//! `errorId`. A token that cannot be checked answers 503, which a caller tries again, and not 401,
//! which it must not.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};

use crate::api::problem::{Problem, Reason};
use crate::auth::check::{Caller, Refusal, TokenCheck, bearer};
use crate::report::with_causes;
use crate::telemetry::metrics;

/// Wraps a route or a scope: `web::resource("/internal_api_verify").wrap(Guard::new(check))`.
///
/// Whoever comes through is in the request's extensions as a [`Caller`].
#[derive(Debug, Clone)]
pub struct Guard(Arc<TokenCheck>);

impl Guard {
    #[must_use]
    pub fn new(check: Arc<TokenCheck>) -> Self {
        Self(check)
    }
}

impl<S, B> Transform<S, ServiceRequest> for Guard
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Guarded<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Guarded {
            check: Arc::clone(&self.0),
            service: Rc::new(service),
        }))
    }
}

/// A service behind a [`Guard`].
#[derive(Debug)]
pub struct Guarded<S> {
    check: Arc<TokenCheck>,
    service: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for Guarded<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let check = Arc::clone(&self.check);
        let service = Rc::clone(&self.service);
        Box::pin(async move {
            match identify(&check, request.headers()).await {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                    Ok(service.call(request).await?.map_into_left_body())
                }
                Err(refusal) => {
                    let answer = refuse(&refusal, request.path());
                    Ok(request.into_response(answer).map_into_right_body())
                }
            }
        })
    }
}

async fn identify(check: &TokenCheck, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION);
    // With two, the front end might check one and we the other.
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Refusal::NotOneHeader);
    };
    let token = value.to_str().ok().and_then(bearer);
    check.check(token.ok_or(Refusal::NotABearer)?).await
}

/// The caller learns no reason; the log does, under the answer's own id.
fn refuse(refusal: &Refusal, path: &str) -> HttpResponse {
    let reason = match refusal {
        Refusal::KeysUnavailable(_) => Reason::Unavailable,
        Refusal::Stranger(_) => Reason::Forbidden,
        _ => Reason::Unauthorized,
    };
    metrics::count("token_failures", &[("reason", reason.custom_code())]);
    let problem = Problem::from(reason);
    let (error_id, error) = (problem.error_id(), with_causes(refusal));
    if *problem.reason() == Reason::Unavailable {
        tracing::error!(event = "token_unchecked", %error_id, path, error, "a caller's token cannot be checked");
    } else {
        tracing::warn!(event = "caller_refused", %error_id, path, error, "a caller was refused");
    }
    problem.error_response()
}
