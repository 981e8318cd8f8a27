//! Answers are compressed for those who ask for gzip, and plain for all others.
//!
//! A client may forbid plain answers, and the compressor would then answer 406 in its own words. RFC 9110
//! §12.5.3 leaves it to the server to send what it has.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT_ENCODING, HeaderValue};
use actix_web::middleware::Next;

pub(crate) async fn gzip_or_none<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let asked = request.headers().get_all(ACCEPT_ENCODING);
    let wants_gzip = asked
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(takes_gzip);
    let headers = request.headers_mut();
    headers.remove(ACCEPT_ENCODING);
    if wants_gzip {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    next.call(request).await
}

/// `gzip`, or `*`, and not with a weight of zero.
fn takes_gzip(coding: &str) -> bool {
    let mut parts = coding.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let is_refused = parts.any(|part| {
        let weight = part
            .strip_prefix("q=")
            .and_then(|weight| weight.parse().ok());
        weight.is_some_and(|weight: f32| weight <= 0.0)
    });
    !is_refused && (name.eq_ignore_ascii_case("gzip") || name == "*")
}

#[cfg(test)]
mod tests {
    use super::takes_gzip;

    #[test]
    fn gzip_is_taken_by_its_name_or_by_any() {
        for coding in ["gzip", " GZIP ", "*", "gzip;q=0.5", "*; q=1"] {
            assert!(takes_gzip(coding), "{coding}");
        }
        for coding in ["", "br", "identity", "gzip;q=0", "*;q=0.0"] {
            assert!(!takes_gzip(coding), "{coding}");
        }
    }
}
