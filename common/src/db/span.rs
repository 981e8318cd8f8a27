//! What the database does, as a part of the trace of whoever asked.
//!
//! Statements go by their names: never the text with its values. What is done beside requests, such as each
//! round of the sweep, has no trace to belong to, and begins none.

use tracing::{Span, field};

use super::DatabaseError;

/// The span of one statement or transaction.
pub(super) fn span(name: &'static str) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::info_span!(
        "database",
        otel.name = name,
        otel.kind = "client",
        otel.status_code = field::Empty,
        db.system.name = "postgresql",
        db.operation.name = name,
        db.response.status_code = field::Empty,
    )
}

/// How it ended, for whoever looks at the trace.
pub(super) fn tell_end<T>(span: &Span, outcome: &Result<T, DatabaseError>) {
    if let Err(error) = outcome {
        span.record("otel.status_code", "ERROR");
        if let Some(code) = error.sql_state() {
            span.record("db.response.status_code", code.code());
        }
    }
}
