//! One Cloud Logging JSON object a line: severity, message, the trace it belongs to, its fields.
//!
//! A field recorded as an error is written with all its causes, since our errors do not print their
//! sources. Fields named `httpRequest.…` become the object that Cloud Logging shows as a request.

use std::error::Error;
use std::io::Write;
use std::sync::{Mutex, OnceLock};

use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::dispatcher::WeakDispatch;
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, layer::Context};

const PREFIX: &str = "logging.googleapis.com";
const REQUEST: &str = "httpRequest";
/// Cloud Logging cuts lines of more than 256 KiB, after which they are no JSON any more.
const MAX_TEXT_BYTES: usize = 16 * 1024;

pub(super) struct CloudLogging {
    project: String,
    /// The span's OpenTelemetry data can be reached only through the dispatcher.
    dispatch: OnceLock<WeakDispatch>,
    out: Mutex<Box<dyn Write + Send>>,
}

impl CloudLogging {
    pub(super) fn new(project: &str, out: impl Write + Send + 'static) -> Self {
        Self {
            project: project.to_owned(),
            dispatch: OnceLock::new(),
            out: Mutex::new(Box::new(out)),
        }
    }

    fn add_trace<S>(
        &self,
        line: &mut Map<String, Value>,
        event: &Event<'_>,
        context: &Context<'_, S>,
    ) where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let span = context.event_span(event).map(|span| span.id());
        let otel = span.and_then(|id| get_otel_context(&id, &self.dispatch.get()?.upgrade()?));
        let Some(otel) = otel else { return };
        let span = otel.span();
        let ids = span.span_context();
        if ids.is_valid() {
            let trace = format!("projects/{}/traces/{}", self.project, ids.trace_id());
            line.insert(format!("{PREFIX}/trace"), trace.into());
            line.insert(format!("{PREFIX}/spanId"), ids.span_id().to_string().into());
            line.insert(format!("{PREFIX}/trace_sampled"), ids.is_sampled().into());
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for CloudLogging {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // A second registration is the same dispatcher again.
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Map::new();
        event.record(&mut Fields(&mut line));
        // After the event's own fields: an event cannot overwrite these.
        add_place(&mut line, event.metadata());
        self.add_trace(&mut line, event, &context);
        if let Ok(mut out) = self.out.lock() {
            // One write a line, so that lines of two threads cannot mix. Who could be told that
            // the log cannot be written?
            let _ = out.write_all(format!("{}\n", Value::Object(line)).as_bytes());
        }
    }
}

fn add_place(line: &mut Map<String, Value>, place: &Metadata<'_>) {
    // Lines of the `log` crate bring their place as fields.
    let foreign = line.remove("log.target");
    for name in ["log.module_path", "log.file", "log.line"] {
        line.remove(name);
    }
    let target = foreign.unwrap_or_else(|| place.target().into());
    line.insert("target".into(), target);
    line.insert("severity".into(), severity(place.level()).into());
    if let Ok(now) = OffsetDateTime::now_utc().format(&Rfc3339) {
        line.insert("time".into(), now.into());
    }
    let Some(file) = place.file() else { return };
    let at = place.line().unwrap_or(0).to_string();
    if *place.level() == Level::ERROR {
        // Error Reporting groups by this text.
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        let stack = format!("{}: {}\n    at {file}:{at}", text("message"), text("error"));
        line.insert("stack_trace".into(), stack.into());
    }
    line.insert(
        format!("{PREFIX}/sourceLocation"),
        json!({"file": file, "line": at}),
    );
}

fn severity(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        let name = field.name();
        let request_part = name
            .strip_prefix(REQUEST)
            .and_then(|name| name.strip_prefix('.'));
        match request_part {
            None => {
                self.0.insert(name.into(), value.into());
            }
            Some(part) => {
                let request = self.0.entry(REQUEST).or_insert_with(|| json!({}));
                if let Value::Object(request) = request {
                    request.insert(part.into(), value.into());
                }
            }
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.insert(field, limited(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, limited(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.insert(field, limited(with_causes(value)));
    }
}

fn limited(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push('…');
    }
    text
}

/// `what we tried: why it failed: why that failed`.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::prelude::*;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(speak: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let layer = CloudLogging::new("demo", lines.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), speak);
        let bytes = lines.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the chain could not be asked")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn an_error_is_written_with_its_causes() {
        let lines = lines_of(|| {
            let error = Outer(std::io::Error::other("reset"));
            let error: &(dyn Error + 'static) = &error;
            tracing::error!(event = "released", error, attempt = 2, "job given back");
        });
        let line = &lines[0];
        assert_eq!(line["severity"], "ERROR");
        assert_eq!(line["error"], "the chain could not be asked: reset");
        assert_eq!(line["attempt"], 2);
        let stack = line["stack_trace"].as_str().unwrap();
        assert!(stack.starts_with("job given back: the chain could not be asked: reset\n    at "));
    }

    #[test]
    fn hostile_text_stays_one_line_of_json_and_is_cut() {
        let long = "é".repeat(MAX_TEXT_BYTES);
        let lines = lines_of(|| {
            tracing::info!(name = "a\n\"}{\u{0}\u{202e}", long, "line\nbreak");
            tracing::info!(
                severity = "EMERGENCY",
                target = "elsewhere",
                time = 1,
                "imposter"
            );
        });
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["name"], "a\n\"}{\u{0}\u{202e}");
        assert_eq!(lines[0]["message"], "line\nbreak");
        assert!(lines[0]["long"].as_str().unwrap().len() <= MAX_TEXT_BYTES + '…'.len_utf8());
        assert_eq!(lines[1]["severity"], "INFO");
        assert!(
            lines[1]["target"]
                .as_str()
                .unwrap()
                .ends_with("logging::tests")
        );
        assert!(lines[1]["time"].is_string());
    }
}
