//! What all pages share: the frame, the headers, and the page of an error.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use common::api::problem::{Problem, Reason};

use super::html::{Html, code, fact};

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
<style>\n\
:root { color-scheme: light dark }\n\
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }\n\
dt { font-weight: 600 }\n\
dd { margin: 0 0 .5rem; overflow-wrap: anywhere }\n\
code, pre, summary { font-family: ui-monospace, monospace; font-size: .9rem; unicode-bidi: isolate }\n\
pre { overflow: auto; max-height: 40rem; border: 1px solid; padding: .5rem }\n\
summary { cursor: pointer; overflow-wrap: anywhere }\n\
</style>\n";

/// No page has a script, a picture, a frame or a form.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    // A contract's match may become better.
    (CACHE_CONTROL, "no-cache"),
];

/// A whole page.
pub(super) struct Page {
    pub(super) title: String,
    /// For a page that will soon say something else.
    pub(super) reloads: bool,
    pub(super) body: Html,
}

impl Page {
    pub(super) fn answer(self, mut answer: HttpResponseBuilder) -> HttpResponse {
        let mut answer = answer.body(self.render());
        set_headers(answer.headers_mut());
        answer
    }

    fn render(self) -> String {
        let mut page = Html::default().tags(HEAD);
        if self.reloads {
            page = page.tags("<meta http-equiv=\"refresh\" content=\"3\">\n");
        }
        page = page.tags("<title>").text(&self.title);
        page = page
            .tags("</title>\n</head>\n<body>\n<h1>")
            .text(&self.title);
        page = page.tags("</h1>\n").then(self.body);
        page.tags("</body>\n</html>\n").into_string()
    }
}

fn set_headers(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// A problem as a person reads it: status and log line as everywhere, but no JSON.
#[derive(Debug)]
pub(crate) struct ErrorPage(Problem);

impl<T: Into<Problem>> From<T> for ErrorPage {
    fn from(problem: T) -> Self {
        Self(problem.into())
    }
}

impl fmt::Display for ErrorPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for ErrorPage {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let page = error_page(self.0.reason(), fact("Error id", code(self.0.error_id())));
        self.0.error_response().map_body(|head, _json| {
            set_headers(head.headers_mut());
            BoxBody::new(page.render())
        })
    }
}

fn error_page(reason: &Reason, facts: Html) -> Page {
    let message = Html::default()
        .tags("<p>")
        .text(reason)
        .tags("</p>\n<dl>\n");
    Page {
        title: match reason {
            Reason::JobNotFound(_) | Reason::RouteNotFound { .. } => "Not found",
            Reason::Internal | Reason::Unavailable => "Something went wrong",
            _ => "This can't be shown",
        }
        .to_owned(),
        reloads: false,
        body: message.then(facts).tags("</dl>\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    #[actix_web::test]
    async fn an_error_is_a_page_with_its_status_and_headers() {
        let path = "/verify-ui/<script>".to_owned();
        let method = "GET".to_owned();
        let error = ErrorPage::from(Reason::RouteNotFound { method, path });
        let answer = error.error_response();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        for (name, value) in HEADERS {
            assert_eq!(answer.headers().get(&name).unwrap(), value, "{name}");
        }
        let body = to_bytes(answer.into_body()).await.unwrap();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(
            body.contains("Cannot GET /verify-ui/&lt;script&gt;"),
            "{body}"
        );
        assert!(body.contains(&error.0.error_id().to_string()), "{body}");
        assert!(!body.contains("http-equiv"), "{body}");
    }

    #[test]
    fn when_to_come_back_is_told_here_too() {
        let answer = ErrorPage::from(Reason::Unavailable).error_response();
        assert_eq!(answer.headers().get("retry-after").unwrap(), "5");
    }
}
