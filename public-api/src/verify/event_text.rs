//! Events as lines of a `text/event-stream`. Pure.

use serde::Serialize;

use common::api::time;
use common::db::jobs::{JobEvent, Stage};
use utoipa::ToSchema;

/// Keeps a proxy from taking silence for the end; clients pass over it.
pub(super) const KEEP_ALIVE: &str = ": still there\n\n";

/// The data of a `progress` event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgressDocument {
    pub(super) stage: Stage,
    /// Attempts begun by then.
    pub(super) attempt: u16,
    pub(super) at: String,
    /// From then on.
    #[schema(minimum = 1)]
    pub(super) estimated_seconds: u64,
}

impl ProgressDocument {
    pub(super) fn new(event: &JobEvent, estimated_seconds: u64) -> Self {
        Self {
            stage: event.stage,
            attempt: event.attempt,
            at: time::render(event.at),
            estimated_seconds,
        }
    }
}

pub(super) fn progress(
    number: u32,
    document: &ProgressDocument,
) -> Result<String, serde_json::Error> {
    event(number, "progress", document)
}

pub(super) fn finished(
    number: u32,
    document: &impl Serialize,
) -> Result<String, serde_json::Error> {
    event(number, "finished", document)
}

/// JSON without line breaks is one line of data.
fn event(number: u32, name: &str, data: &impl Serialize) -> Result<String, serde_json::Error> {
    let data = serde_json::to_string(data)?;
    Ok(format!("id: {number}\nevent: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::time::macros::datetime;

    #[test]
    fn an_event_is_four_lines_whatever_its_data() {
        let reached = JobEvent {
            number: 3,
            stage: Stage::PreparingCompiler,
            attempt: 1,
            at: datetime!(2026-07-24 11:00:04.5 UTC),
        };
        let text = progress(3, &ProgressDocument::new(&reached, 12)).unwrap();
        assert_eq!(
            text,
            "id: 3\nevent: progress\ndata: {\"stage\":\"preparing_compiler\",\"attempt\":1,\
             \"at\":\"2026-07-24T11:00:04Z\",\"estimatedSeconds\":12}\n\n"
        );
        let text = finished(4, &"line\r\nbreaks\n").unwrap();
        assert_eq!(
            text,
            "id: 4\nevent: finished\ndata: \"line\\r\\nbreaks\\n\"\n\n"
        );
    }
}
