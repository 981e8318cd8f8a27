//! A request on its way in, and an answer on its way out.

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use futures::channel::mpsc::Receiver;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};

use super::invoker::without_signature;

/// Of one connection only.
const NOT_PASSED_ON: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A piece of an answer, or the end of its connection.
pub(super) type Piece = Result<web::Bytes, std::io::Error>;

#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    /// As they came.
    pub(super) headers: HeaderMap,
    pub(super) body: web::Bytes,
    caller: Option<String>,
}

impl Call {
    pub(super) fn of(request: &HttpRequest, body: web::Bytes) -> Self {
        let path = request.uri().path_and_query();
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers() {
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_str().as_bytes()),
                HeaderValue::from_bytes(value.as_bytes()),
            ) {
                headers.append(name, value);
            }
        }
        Self {
            method: request.method().as_str().to_owned(),
            path: path.map_or("/", |path| path.as_str()).to_owned(),
            headers,
            body,
            caller: request.peer_addr().map(|peer| peer.ip().to_string()),
        }
    }

    /// What an instance gets to see of the headers.
    pub(super) fn passed_on(&self) -> HeaderMap {
        let mut passed = passed_on(&self.headers);
        without_signature(&mut passed);
        if let Some(caller) = &self.caller {
            let before = passed.get_all(FORWARDED_FOR).iter();
            let mut addresses: Vec<_> = before.filter_map(|value| value.to_str().ok()).collect();
            addresses.push(caller);
            if let Ok(value) = HeaderValue::from_str(&addresses.join(", ")) {
                passed.insert(FORWARDED_FOR, value);
            }
        }
        passed
    }
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let passes = |(name, _): &(&HeaderName, &HeaderValue)| !NOT_PASSED_ON.contains(&name.as_str());
    let passed = headers.iter().filter(passes);
    passed
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HeaderMap,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Whole(&'static str),
    /// As it comes from the instance.
    Pieces(Receiver<Piece>),
}

impl Answer {
    /// One of the platform's.
    pub(super) fn own(status: u16, text: &'static str) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Body::Whole(text),
        }
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// One of an instance.
    pub(super) fn of(response: &reqwest::Response, pieces: Receiver<Piece>) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: Body::Pieces(pieces),
        }
    }

    pub(super) fn render(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut response = HttpResponse::build(status);
        for (name, value) in &passed_on(&self.headers) {
            response.append_header((name.as_str(), value.as_bytes()));
        }
        let length = self.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        match (self.body, length) {
            (Body::Whole(text), _) => response.body(text),
            (Body::Pieces(pieces), Some(length)) => response.body(SizedStream::new(length, pieces)),
            (Body::Pieces(pieces), None) => response.streaming(pieces),
        }
    }
}
