//! JSON bodies: media type, size, syntax, in this order.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut, Payload};
use common::api::problem::Reason;
use futures::StreamExt;
use serde_json::Value;

/// Below the platform's own limit of 32 MiB for a request, so that ours is the one that answers.
pub(crate) const LIMIT_BYTES: usize = 30 << 20;

pub(crate) async fn read_json(request: &HttpRequest, payload: Payload) -> Result<Value, Reason> {
    check_media_type(request)?;
    parse(&read(payload).await?)
}

fn check_media_type(request: &HttpRequest) -> Result<(), Reason> {
    let sent = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = sent.and_then(|text| text.split(';').next()).map(str::trim);
    match media_type {
        Some(json) if json.eq_ignore_ascii_case("application/json") => Ok(()),
        other => {
            let other = other.unwrap_or("undefined");
            Err(Reason::InvalidParameter(format!(
                "unsupported media type {other}"
            )))
        }
    }
}

async fn read(mut payload: Payload) -> Result<Bytes, Reason> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        // The client went away or broke the framing: nobody reads this answer.
        let chunk =
            chunk.map_err(|error| Reason::InvalidJson(format!("unreadable body: {error}")))?;
        if body.len().saturating_add(chunk.len()) > LIMIT_BYTES {
            return Err(Reason::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn parse(body: &[u8]) -> Result<Value, Reason> {
    serde_json::from_slice(body).map_err(|error| {
        let words = error.to_string();
        // What the parser says of half a surrogate pair, the one string JSON can write and we can't keep.
        if words.contains("surrogate") || words.contains("unexpected end of hex escape") {
            Reason::InvalidParameter("request/body must not contain a lone surrogate".to_owned())
        } else {
            Reason::InvalidJson(words)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_json_is_taken() {
        for (sent, taken) in [
            (Some("application/json"), true),
            (Some("Application/JSON; charset=utf-8"), true),
            (Some("text/plain"), false),
            (None, false),
        ] {
            let mut request = TestRequest::default();
            if let Some(sent) = sent {
                request = request.insert_header((CONTENT_TYPE, sent));
            }
            let result = check_media_type(&request.to_http_request());
            let message = format!("unsupported media type {}", sent.unwrap_or("undefined"));
            let wanted = if taken {
                Ok(())
            } else {
                Err(Reason::InvalidParameter(message))
            };
            assert_eq!(result, wanted);
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_refused_in_its_own_words() {
        for text in [
            r#"{"a": "\ud800"}"#,
            r#"{"a": "\ud800x"}"#,
            r#"{"a": "\udc00"}"#,
        ] {
            let wanted = "request/body must not contain a lone surrogate".to_owned();
            assert_eq!(
                parse(text.as_bytes()),
                Err(Reason::InvalidParameter(wanted)),
                "{text}"
            );
        }
        assert!(parse(r#""\ud83d\ude00""#.as_bytes()).is_ok());
        assert!(matches!(parse(b"{"), Err(Reason::InvalidJson(_))));
        let deep = "[".repeat(100_000);
        assert!(matches!(
            parse(deep.as_bytes()),
            Err(Reason::InvalidJson(_))
        ));
    }
}
