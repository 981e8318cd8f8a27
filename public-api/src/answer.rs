//! Successful answers in JSON: long ones in pieces, and none at all where the client has it already.
//!
//! Caches may keep everything and must ask each time: a better match shows at once. Entity tags are weak,
//! because the same document travels compressed and not.

use std::convert::Infallible;

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use common::api::problem::JSON;
use common::version::COMMIT;
use futures::stream;
use sha2::{Digest, Sha256};

/// The platform refuses answers above 32 MiB that aren't streamed.
const WHOLE_UP_TO_BYTES: usize = 1 << 20;
const PIECE_BYTES: usize = 64 << 10;

/// Names one state of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Etag(String);

impl Etag {
    /// Of something that changes whenever the document does; but for what the program makes of it.
    pub(crate) fn of_version(version: impl std::fmt::Display) -> Self {
        let commit = COMMIT.get(..8).unwrap_or(COMMIT);
        Self(format!("W/\"{commit}-{version}\""))
    }

    pub(crate) fn of_body(body: &[u8]) -> Self {
        let hash = Sha256::digest(body);
        let hash = hash.get(..16).unwrap_or_default();
        Self(format!("W/\"{}\"", hex::encode(hash)))
    }

    /// Whether this is what the client has. RFC 9110 §13.1.2: compared as weak ones, `*` is any.
    pub(crate) fn is_known_to(&self, request: &HttpRequest) -> bool {
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let mine = opaque(&self.0);
        let known = request.headers().get_all(IF_NONE_MATCH);
        known
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| tag.trim() == "*" || opaque(tag) == mine)
    }
}

/// 200 with the document, or 304 if the client has it.
pub(crate) fn document(request: &HttpRequest, etag: &Etag, body: Vec<u8>) -> HttpResponse {
    if etag.is_known_to(request) {
        return not_modified(etag);
    }
    let mut answer = HttpResponse::Ok();
    mark(&mut answer, etag).content_type(JSON);
    if body.len() <= WHOLE_UP_TO_BYTES {
        return answer.body(body);
    }
    let mut rest = Bytes::from(body);
    let pieces = std::iter::from_fn(move || {
        let piece = rest.split_to(PIECE_BYTES.min(rest.len()));
        (!piece.is_empty()).then_some(Ok::<_, Infallible>(piece))
    });
    answer.streaming(stream::iter(pieces))
}

pub(crate) fn not_modified(etag: &Etag) -> HttpResponse {
    mark(&mut HttpResponse::NotModified(), etag).finish()
}

fn mark<'a>(answer: &'a mut HttpResponseBuilder, etag: &Etag) -> &'a mut HttpResponseBuilder {
    answer
        .insert_header((ETAG, etag.0.as_str()))
        .insert_header((CACHE_CONTROL, "public, no-cache"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::{MessageBody, to_bytes};
    use actix_web::http::StatusCode;
    use actix_web::test::TestRequest;

    fn asking(known: &str) -> HttpRequest {
        TestRequest::default()
            .insert_header((IF_NONE_MATCH, known))
            .to_http_request()
    }

    #[test]
    fn a_client_that_has_the_document_gets_none() {
        let etag = Etag::of_body(b"{}");
        for known in [
            &etag.0,
            "*",
            &format!("\"x\", {}", etag.0),
            etag.0.trim_start_matches("W/"),
        ] {
            let answer = document(&asking(known), &etag, b"{}".to_vec());
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(answer.headers().get(ETAG).unwrap(), &etag.0.as_str());
        }
        for other in ["", "\"x\"", "W/", "junk"] {
            let answer = document(&asking(other), &etag, b"{}".to_vec());
            assert_eq!(answer.status(), StatusCode::OK, "{other}");
        }
    }

    #[actix_web::test]
    async fn a_long_document_comes_whole_in_pieces() {
        let body: Vec<u8> = (0_u8..=250).cycle().take(WHOLE_UP_TO_BYTES + 1).collect();
        let request = TestRequest::default().to_http_request();
        let answer = document(&request, &Etag::of_version(1), body.clone());
        assert_eq!(answer.body().size(), actix_web::body::BodySize::Stream);
        let sent = to_bytes(answer.into_body()).await.unwrap();
        assert_eq!(sent.as_ref(), body);
    }
}
