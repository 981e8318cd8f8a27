//! The call to the verifier: a hint that makes a durable row fast.
//!
//! Each call is held open until the verifier has done the job, so that the platform sees the load and
//! starts instances. There are as many places for calls as the verifier may have instances, and a call keeps its
//! place until it is settled. A job that is accepted while a place is free is called at once. All others wait in
//! the table, where they are due at once: whoever's call was answered takes the next by turn, as does the sweep (`upkeep`) for places that are free. So there is one queue for all
//! instances, and nothing in this process that its end could lose.
//!
//! Nothing that happens to a call changes a job: only the verifier writes results, and what a lost call
//! leaves undone is due again after some time.

mod call;
mod ledger;
mod plan;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use common::auth::mint::TokenSource;
use common::db::Database;
use common::db::jobs::{self, DueJob, JobId};
use common::report::with_causes;
use common::telemetry::{metrics, propagation};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::{Instrument, Span};

use crate::config::DispatchConfig;
use call::Caller;
use ledger::{Ledger, OpenCall};
use plan::{CallEnd, NextStep, plan};

#[derive(Debug, Clone)]
pub(crate) struct Dispatcher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: DispatchConfig,
    database: Database,
    caller: Caller,
    places: Arc<Semaphore>,
    /// Whether a row may be due that nobody has looked at.
    rows_may_wait: AtomicBool,
    ledger: Ledger,
    stopping: watch::Sender<bool>,
    /// The runtime that lives as long as the process; a worker's ends with its server.
    runtime: Handle,
}

/// The right to one call at a time.
#[derive(Debug)]
pub(crate) struct Place(
    #[expect(dead_code, reason = "given back when dropped")] OwnedSemaphorePermit,
);

/// One job to call for, in the trace that it belongs to.
struct Task {
    job: JobId,
    by: &'static str,
    span: Span,
}

impl Dispatcher {
    /// Call it inside the runtime that is to make the calls.
    pub(crate) fn new(
        config: DispatchConfig,
        database: Database,
        tokens: TokenSource,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self(Arc::new(Inner {
            caller: Caller::new(&config, tokens)?,
            places: Arc::new(Semaphore::new(config.at_once)),
            config,
            database,
            rows_may_wait: AtomicBool::new(false),
            ledger: Ledger::default(),
            stopping: watch::Sender::new(false),
            runtime: Handle::current(),
        })))
    }

    /// A place for a job that is about to be accepted; none if they are taken, or others wait for one.
    pub(crate) fn reserve(&self) -> Option<Place> {
        match self.0.rows_may_wait.load(SeqCst) {
            true => None,
            false => self.0.free_place(),
        }
    }

    /// When anybody may call for a job that is accepted with this place, or without.
    pub(crate) fn due_after(&self, place: Option<&Place>) -> Duration {
        place.map_or(Duration::ZERO, |_place| self.again_after())
    }

    /// How long after a call was begun the row is due again, unless the verifier has it.
    pub(crate) fn again_after(&self) -> Duration {
        self.0.config.again_after
    }

    /// The job's row is there: calls for it, or has somebody take the next row. Returns at once.
    pub(crate) fn accepted(&self, job: JobId, place: Option<Place>) {
        let Some(place) = place else {
            self.0.rows_may_wait.store(true, SeqCst);
            return self.take_rows();
        };
        let task = Task {
            job,
            by: "direct",
            span: tracing::info_span!("dispatch", job_id = %job, by = "direct"),
        };
        self.start(place, Some(task));
    }

    /// Places that nobody has, up to a number.
    pub(crate) fn free_places(&self, at_most: u16) -> Vec<Place> {
        (0..at_most).map_while(|_| self.0.free_place()).collect()
    }

    /// Calls for rows that were taken from the table, each in its place. Returns at once.
    pub(crate) fn call_due(&self, places: Vec<Place>, due: Vec<DueJob>) {
        if due.len() == places.len() {
            self.0.rows_may_wait.store(true, SeqCst);
        }
        for (place, job) in places.into_iter().zip(due) {
            self.start(place, Some(Task::of_row(job, "sweep")));
        }
    }

    /// The jobs for which an answer is awaited.
    pub(crate) fn called(&self) -> Vec<JobId> {
        self.0.ledger.sent()
    }

    /// Ends the calls for these jobs, since nobody works on them.
    pub(crate) fn give_up(&self, jobs: &[JobId]) {
        if jobs.is_empty() {
            return;
        }
        // Their rows are due, and their places are free for these.
        self.0.rows_may_wait.store(true, SeqCst);
        self.0.ledger.are_in_vain(jobs);
    }

    /// Returns when this process is asked to stop.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.0.stopping.subscribe();
        // The sender lives in `self`: this resolves only when somebody says stop.
        let _ = stopping.wait_for(|stop| *stop).await;
    }

    /// Ends all waiting. Calls already sent need nothing: the verifier runs on.
    pub(crate) fn stop(&self) {
        self.0.ledger.close();
        self.0.stopping.send_replace(true);
    }

    /// Once nobody accepts any more: what was accepted here and not sent is due at once for others.
    pub(crate) async fn hand_back(&self) {
        let unsent = self.0.ledger.take_unsent();
        if unsent.is_empty() {
            return;
        }
        let making = jobs::make_due(&self.0.database, &unsent);
        match tokio::time::timeout(Duration::from_secs(2), making).await {
            Ok(Ok(_)) => {}
            // They are due at their own time.
            Ok(Err(error)) => tracing::warn!(
                event = "not_made_due",
                error = with_causes(&error),
                "unsent jobs wait for their time"
            ),
            Err(_elapsed) => {
                tracing::warn!(event = "not_made_due", "unsent jobs wait for their time")
            }
        }
    }

    /// Takes rows from the table, if there is a place to call for them.
    fn take_rows(&self) {
        if let Some(place) = self.0.free_place() {
            self.start(place, None);
        }
    }

    fn start(&self, place: Place, first: Option<Task>) {
        let this = self.clone();
        self.0.runtime.spawn(async move {
            tokio::select! {
                () = this.work(place, first) => {}
                () = this.stopped() => {}
            }
        });
    }

    /// One job after the other, for as long as the verifier takes them and the table has more.
    async fn work(&self, place: Place, first: Option<Task>) {
        let inner = &*self.0;
        let mut next = match first {
            Some(task) => Some(task),
            None => inner.next_row().await,
        };
        while let Some(task) = next {
            // Whoever asked for a row while this one was being taken was told that there is none, and gave
            // its place back: without this the places would become fewer until the sweep.
            if inner.rows_may_wait.load(SeqCst) {
                self.take_rows();
            }
            if !inner
                .call_until_settled(&task)
                .instrument(task.span.clone())
                .await
            {
                // Whoever waits would fare no better: the sweep looks again.
                return;
            }
            next = inner.next_row().await;
        }
        drop(place);
        // One that was accepted since the last look found this place still taken.
        if inner.rows_may_wait.load(SeqCst) {
            self.take_rows();
        }
    }
}

impl Task {
    /// All attempts of a job lie in one trace, below the request that accepted it.
    fn of_row(row: DueJob, by: &'static str) -> Self {
        let span = tracing::info_span!("dispatch", job_id = %row.id, by);
        Self {
            job: row.id,
            by,
            span: propagation::continued(span, row.traceparent.as_deref()),
        }
    }
}

impl Inner {
    fn free_place(&self) -> Option<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.ok().map(Place)
    }

    /// The row whose turn it is. Asks only if there may be one.
    async fn next_row(&self) -> Option<Task> {
        // Before the question: what is accepted after it says so again.
        if !self.rows_may_wait.swap(false, SeqCst) {
            return None;
        }
        match jobs::take_due(&self.database, 1, self.config.again_after).await {
            Ok(mut rows) => {
                let row = rows.pop()?;
                self.rows_may_wait.store(true, SeqCst);
                Some(Task::of_row(row, "queue"))
            }
            Err(error) => {
                tracing::warn!(
                    event = "rows_not_taken",
                    error = with_causes(&error),
                    "jobs wait for the next sweep"
                );
                None
            }
        }
    }

    /// Whether the verifier takes calls: it has looked at the job, or somebody else calls for it now.
    async fn call_until_settled(&self, task: &Task) -> bool {
        let job = task.job;
        let Some(open) = self.ledger.open(job) else {
            return false;
        };
        for calls in 1_u32.. {
            if !open.send() {
                return false;
            }
            let end = self.call(job, &open).await;
            open.wait();
            let labels = [("result", result(end)), ("by", task.by)];
            metrics::count("dispatches", &labels);
            match plan(end, calls, self.config.first_pause, chance()) {
                NextStep::Nothing => return true,
                NextStep::CallAgain(pause) => {
                    tracing::info!(
                        event = "dispatch_retry", job_id = %job, calls, pause_ms = millis(pause),
                        "the verifier is not available ({end:?}); calling again"
                    );
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = open.is_in_vain() => return true,
                    }
                }
                NextStep::LeaveToSweep => {
                    tracing::warn!(event = "dispatch_left", job_id = %job, calls, "left to the sweep: {end:?}");
                    return false;
                }
                NextStep::Alarm => {
                    tracing::error!(
                        event = "dispatch_refused", job_id = %job,
                        "the verifier cannot be called until the configuration is mended: {end:?}"
                    );
                    return false;
                }
            }
        }
        false
    }

    async fn call(&self, job: JobId, open: &OpenCall<'_>) -> CallEnd {
        tokio::select! {
            end = self.caller.call(job) => end,
            () = open.is_in_vain() => CallEnd::InVain,
        }
    }
}

fn result(end: CallEnd) -> &'static str {
    match end {
        CallEnd::Done => "2xx",
        CallEnd::Unavailable { .. } => "unavailable",
        CallEnd::TimedOut => "timeout",
        CallEnd::InVain => "in_vain",
        CallEnd::Refused { .. } => "refused",
        CallEnd::Unexpected { .. } => "unexpected",
        CallEnd::NoToken { .. } => "no_token",
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Even chances from 0 to 1: a random id's first bits need no further dependency.
fn chance() -> f64 {
    let id = uuid::Uuid::new_v4();
    let (random, ..) = id.as_fields();
    f64::from(random) / f64::from(u32::MAX)
}
