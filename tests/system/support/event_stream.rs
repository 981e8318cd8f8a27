//! `text/event-stream` as a client reads it.

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;

/// Longer than the pause between two comments of an idle stream.
const SILENCE: Duration = Duration::from_secs(60);

/// What a client hands to its listener.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) data: Value,
}

pub(crate) struct EventStream {
    response: Response,
    text: String,
}

impl EventStream {
    /// Answered 200 with what such a stream must say of itself.
    pub(crate) async fn open(
        http: &Client,
        base_url: &str,
        job: &str,
        last_event_id: Option<u32>,
    ) -> Self {
        let response = ask(http, base_url, job, last_event_id).await;
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("content-encoding"), "identity");
        assert_eq!(header("access-control-allow-origin"), "*");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event; none when the server ended the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(block) = self.next_block().await? {
                return Some(block);
            }
        }
    }

    /// Until the server ends the stream.
    pub(crate) async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    /// Returns at the next comment, which must come before any event.
    pub(crate) async fn comment(&mut self) {
        assert_eq!(self.next_block().await, Some(None));
    }

    /// An event, or nothing for a comment.
    async fn next_block(&mut self) -> Option<Option<Event>> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = read(block);
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = tokio::time::timeout(SILENCE, self.response.chunk());
            let Some(chunk) = chunk.await.unwrap().unwrap() else {
                assert_eq!(self.text, "", "the stream ended within an event");
                return None;
            };
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }
}

pub(crate) async fn ask(
    http: &Client,
    base_url: &str,
    job: &str,
    last_event_id: Option<u32>,
) -> Response {
    let mut request = http
        .get(format!("{base_url}/v2/verify/{job}/events"))
        .header("accept-encoding", "gzip");
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    request.send().await.unwrap()
}

fn read(block: &str) -> Option<Event> {
    if block.starts_with(':') {
        return None;
    }
    let lines: Vec<(&str, &str)> = block
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .collect();
    let [("id", id), ("event", name), ("data", data)] = lines[..] else {
        panic!("not an event: {block}");
    };
    Some(Event {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        data: serde_json::from_str(data).unwrap(),
    })
}

/// Numbered from that one on without gaps; the last one, and no other, is the end.
pub(crate) fn assert_whole(events: &[Event], first: u32) {
    let ids: Vec<u32> = events.iter().map(|event| event.id).collect();
    let wanted: Vec<u32> = (first..).take(ids.len()).collect();
    assert_eq!(ids, wanted);
    let (last, before) = events.split_last().unwrap();
    assert_eq!(last.name, "finished", "{events:?}");
    for event in before {
        assert_eq!(event.name, "progress", "{events:?}");
        let data = event.data.as_object().unwrap();
        assert!(data["estimatedSeconds"].as_u64().unwrap() >= 1, "{event:?}");
        assert!(data["at"].as_str().unwrap().ends_with('Z'), "{event:?}");
        assert_eq!(data.len(), 4, "{event:?}");
    }
}

/// Stage and attempt of each event but the end, and but the preparing of a compiler: on a fast machine
/// it is over before anybody could notice.
pub(crate) fn stages(events: &[Event]) -> Vec<(String, u64)> {
    events
        .iter()
        .filter(|event| event.name == "progress" && event.data["stage"] != "preparing_compiler")
        .map(|event| {
            let stage = event.data["stage"].as_str().unwrap().to_owned();
            (stage, event.data["attempt"].as_u64().unwrap())
        })
        .collect()
}
