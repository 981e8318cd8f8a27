//! One open stream of a job's events.
//!
//! It reads when something happened, and now and then because a wake can get lost. A database that is
//! away is waited for: a browser whose stream ends would ask again, be refused, and give up for good.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use anyhow::Context;
use common::db::jobs::{EventLog, JobId, JobWakes, find_job, list_events};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use super::event_text::{self, KEEP_ALIVE, ProgressDocument};
use super::job_document::document;
use crate::state::State;

const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longer than a verification usually takes; whoever waits for more comes again.
const LONGEST_STREAM: Duration = Duration::from_secs(15 * 60);

pub(super) struct Listener {
    state: Data<State>,
    job: JobId,
    wakes: JobWakes,
    /// The last event that was told.
    after: u32,
    /// Read and not yet told.
    unread: Option<EventLog>,
    is_over: bool,
    /// The last look came to nothing, and the log knows.
    is_blind: bool,
    keep_alive_at: Instant,
    ends_at: Instant,
    _place: OwnedSemaphorePermit,
}

/// Why a listener does not wait any longer.
enum Woken {
    Look,
    KeepAlive,
    Stop,
}

impl Listener {
    /// For one who has heard all up to a number. `log` was read after the wakes began.
    pub(super) fn new(
        state: Data<State>,
        place: OwnedSemaphorePermit,
        job: JobId,
        wakes: JobWakes,
        log: EventLog,
        after: u32,
    ) -> Self {
        let now = Instant::now();
        Self {
            state,
            job,
            wakes,
            // A number from the future was never given: then only what comes is told.
            after: after.min(log.last_number),
            unread: Some(log),
            is_over: false,
            is_blind: false,
            keep_alive_at: now + KEEP_ALIVE_EVERY,
            ends_at: now + LONGEST_STREAM,
            _place: place,
        }
    }

    /// The next piece of the stream.
    pub(super) async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let text = self.text().await?;
        self.keep_alive_at = Instant::now() + KEEP_ALIVE_EVERY;
        Some((Ok(Bytes::from(text)), self))
    }

    async fn text(&mut self) -> Option<String> {
        while !self.is_over {
            match self.news().await {
                Ok(text) if text.is_empty() => self.is_blind = false,
                Ok(text) => return Some(text),
                Err(error) if !self.is_blind => {
                    self.is_blind = true;
                    tracing::warn!(
                        event = "events_unreadable", job_id = %self.job,
                        error = format!("{error:#}"),
                        "whoever listens to job {} hears what happens later", self.job
                    );
                }
                Err(_known) => {}
            }
            match self.wait().await {
                Woken::Look => {}
                Woken::KeepAlive => return Some(KEEP_ALIVE.to_owned()),
                Woken::Stop => return None,
            }
        }
        None
    }

    /// What happened since the last look, as text. Nothing of it counts as told after a fault.
    async fn news(&mut self) -> anyhow::Result<String> {
        let log = match self.unread.take() {
            Some(log) => Some(log),
            None => list_events(&self.state.database, self.job, self.after).await?,
        };
        // A job that is gone has no more to tell.
        let Some(log) = log else {
            self.is_over = true;
            return Ok(String::new());
        };
        let mut text = self.progress(&log).await?;
        if let Some(number) = log.end_number() {
            let job = find_job(&self.state.database, self.job).await?;
            let job = job.context("the job is gone")?;
            text += &event_text::finished(number, &document(&job, None))?;
            self.is_over = true;
        }
        self.after = log.last_number.max(self.after);
        Ok(text)
    }

    async fn progress(&self, log: &EventLog) -> anyhow::Result<String> {
        let mut text = String::new();
        if log.events.is_empty() {
            return Ok(text);
        }
        let estimate = self.state.estimates.now().await;
        for event in &log.events {
            let open_for = (event.at - log.started_at).try_into().unwrap_or_default();
            let left = estimate.seconds(log.input_bytes, open_for);
            text += &event_text::progress(event.number, &ProgressDocument::new(event, left))?;
        }
        Ok(text)
    }

    async fn wait(&mut self) -> Woken {
        let look_at = Instant::now() + LOOK_EVERY;
        tokio::select! {
            () = self.state.dispatcher.stopped() => Woken::Stop,
            () = sleep_until(self.ends_at) => Woken::Stop,
            () = sleep_until(self.keep_alive_at) => Woken::KeepAlive,
            () = self.wakes.news(look_at) => Woken::Look,
        }
    }
}
