//! JSON bodies: media type, size, syntax, in this order.
//!
//! A body is held several times over before it is a row: as text, as a document, checked, on its way to
//! the database. So all bodies of the process together have a budget, each has a limit of size, of values
//! and of time, and long ones are parsed where nobody waits.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut, Payload};
use common::api::problem::Reason;
use futures::StreamExt;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Below the platform's own limit of 32 MiB for a request, so that ours is the one that answers.
const LIMIT_BYTES: usize = 30 << 20;
/// A value takes 32 bytes of memory and as few as two of text. Standard JSON of 5,000 sources has 20,000.
const LIMIT_VALUES: usize = 500_000;
const LIMIT_TIME: Duration = Duration::from_secs(60);
const UNIT_BYTES: usize = 4 << 10;
/// What is shorter is parsed in no time.
const LONG_BYTES: usize = 256 << 10;

/// The memory for all bodies that are being read, checked and stored.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

/// A document, and its part of the budget until it is dropped.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) document: Value,
    _held: OwnedSemaphorePermit,
}

impl Budget {
    /// At least one body of the largest size fits.
    pub(crate) fn of_mebibytes(mebibytes: usize) -> Self {
        let bytes = mebibytes.saturating_mul(1 << 20).max(LIMIT_BYTES);
        let units = bytes.div_ceil(UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(units)))
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Reason> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        let taken = Arc::clone(&self.0).try_acquire_many_owned(units);
        taken.ok().ok_or(Reason::Overloaded)
    }
}

pub(crate) async fn read_json(
    request: &HttpRequest,
    payload: Payload,
    budget: &Budget,
) -> Result<Body, Reason> {
    check_media_type(request)?;
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > LIMIT_BYTES) {
        return Err(Reason::TooLarge);
    }
    let reading = read(payload, budget);
    let (text, held) = match tokio::time::timeout(LIMIT_TIME, reading).await {
        Ok(read) => read?,
        Err(_elapsed) => return Err(Reason::TooSlow),
    };
    let document = if text.len() < LONG_BYTES {
        parse(&text)?
    } else {
        // It fails if the process ends, and then nobody reads the answer.
        let parsed = actix_web::web::block(move || parse(&text)).await;
        parsed.map_err(|_ending| Reason::Unavailable)??
    };
    Ok(Body {
        document,
        _held: held,
    })
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

async fn read(
    mut payload: Payload,
    budget: &Budget,
) -> Result<(Bytes, OwnedSemaphorePermit), Reason> {
    let mut body = BytesMut::new();
    let mut held = budget.take(0)?;
    while let Some(chunk) = payload.next().await {
        // The client went away or broke the framing: nobody reads this answer.
        let chunk =
            chunk.map_err(|error| Reason::InvalidJson(format!("unreadable body: {error}")))?;
        let length = body.len().saturating_add(chunk.len());
        if length > LIMIT_BYTES {
            return Err(Reason::TooLarge);
        }
        let missing = length.saturating_sub(held.num_permits().saturating_mul(UNIT_BYTES));
        held.merge(budget.take(missing)?);
        body.extend_from_slice(&chunk);
    }
    Ok((body.freeze(), held))
}

fn parse(body: &[u8]) -> Result<Value, Reason> {
    if most_values(body) > LIMIT_VALUES {
        let message = format!("request/body must not hold more than {LIMIT_VALUES} values");
        return Err(Reason::InvalidParameter(message));
    }
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

/// Each value but the first follows a comma, a colon or an opening bracket outside of strings.
fn most_values(body: &[u8]) -> usize {
    let mut is_in_string = false;
    let mut is_escaped = false;
    let mut values: usize = 1;
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_string => is_escaped = true,
            b'"' => is_in_string = !is_in_string,
            b',' | b':' | b'[' | b'{' if !is_in_string => values = values.saturating_add(1),
            _ => {}
        }
    }
    values
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

    #[test]
    fn a_body_of_countless_values_is_refused_before_they_are_made() {
        let many = format!("[{}0]", "0,".repeat(LIMIT_VALUES));
        let message = "request/body must not hold more than 500000 values".to_owned();
        assert_eq!(
            parse(many.as_bytes()),
            Err(Reason::InvalidParameter(message))
        );
        let text = format!(r#"{{"a": "{}"}}"#, r#"[,:\","#.repeat(LIMIT_VALUES));
        assert!(
            parse(text.as_bytes()).is_ok(),
            "what stands in a string is no value"
        );
    }

    #[actix_web::test]
    async fn bodies_have_a_budget_and_give_it_back() {
        let budget = Budget::of_mebibytes(0);
        let send = async |length: usize| {
            let (request, mut payload) = TestRequest::default()
                .insert_header((CONTENT_TYPE, "application/json"))
                .set_payload(format!("\"{}\"", "x".repeat(length)))
                .to_http_parts();
            let payload = <Payload as actix_web::FromRequest>::from_request(&request, &mut payload);
            read_json(&request, payload.await.unwrap(), &budget).await
        };
        let first = send(20 << 20).await.unwrap();
        assert_eq!(send(20 << 20).await.unwrap_err(), Reason::Overloaded);
        assert!(send(1 << 20).await.is_ok());
        drop(first);
        assert!(send(20 << 20).await.is_ok());
        assert_eq!(send(31 << 20).await.unwrap_err(), Reason::TooLarge);
    }
}
