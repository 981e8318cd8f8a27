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
use std::time::{Duration, Instant};

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

/// At this process's end, for those who are taking a row, and for the statement that hands jobs back.
const LAST_ROWS_WITHIN: Duration = Duration::from_millis(500);
const HANDED_BACK_WITHIN: Duration = Duration::from_millis(1500);

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

/// The right to one call at a time. When it is given back, somebody looks whether a row waits for it.
#[derive(Debug)]
pub(crate) struct Place {
    /// Absent only while it is dropped.
    permit: Option<OwnedSemaphorePermit>,
    dispatcher: Dispatcher,
}

impl Place {
    /// Gives it back and leaves the rows to the sweep: the verifier is away.
    fn leave(mut self) {
        drop(self.permit.take());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            // Before the look: whoever was accepted meanwhile found this place taken.
            drop(permit);
            self.dispatcher.take_rows();
        }
    }
}

/// One job to call for, in the trace that it belongs to.
struct Task {
    job: JobId,
    open: OpenCall,
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
            false => self.free_place(),
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
        let span = tracing::info_span!("dispatch", job_id = %job, by = "direct");
        if let Some(task) = self.0.task(job, "direct", span) {
            self.start(place, Some(task));
        }
    }

    /// Places that nobody has, up to a number.
    pub(crate) fn free_places(&self, at_most: u16) -> Vec<Place> {
        (0..at_most).map_while(|_| self.free_place()).collect()
    }

    /// Calls for rows that were taken from the table, each in its place. Returns at once.
    pub(crate) fn call_due(&self, places: Vec<Place>, due: Vec<DueJob>) {
        if due.len() == places.len() {
            self.0.rows_may_wait.store(true, SeqCst);
        }
        for (place, row) in places.into_iter().zip(due) {
            if let Some(task) = self.0.task_of_row(row, "sweep") {
                self.start(place, Some(task));
            }
        }
    }

    /// The jobs that this process calls for.
    pub(crate) fn called(&self) -> Vec<JobId> {
        self.0.ledger.jobs()
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

    /// Ends all waiting. What the verifier has of the calls needs nothing: it runs on.
    pub(crate) fn stop(&self) {
        self.0.ledger.close();
        self.0.stopping.send_replace(true);
    }

    /// Once nobody accepts any more: what was called for here, and perhaps never arrived, is due at once for
    /// others. Jobs that the verifier has are not pending, and stay as they are.
    pub(crate) async fn hand_back(&self) {
        // Whoever has a place may be taking a row in this moment, and ends with it.
        let all = u32::try_from(self.0.config.at_once).unwrap_or(u32::MAX);
        let ended = self.0.places.acquire_many(all);
        let _all_or_late = tokio::time::timeout(LAST_ROWS_WITHIN, ended).await;
        let left = self.0.ledger.take_left();
        if left.is_empty() {
            return;
        }
        let making = jobs::make_due(&self.0.database, &left);
        match tokio::time::timeout(HANDED_BACK_WITHIN, making).await {
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

    fn free_place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.0.places).try_acquire_owned();
        Some(Place {
            permit: Some(permit.ok()?),
            dispatcher: self.clone(),
        })
    }

    /// Has rows taken from the table, if some may wait and there is a place to call for them.
    fn take_rows(&self) {
        if self.0.rows_may_wait.load(SeqCst)
            && !*self.0.stopping.borrow()
            && let Some(place) = self.free_place()
        {
            self.start(place, None);
        }
    }

    fn start(&self, place: Place, first: Option<Task>) {
        let this = self.clone();
        self.0
            .runtime
            .spawn(async move { this.work(place, first).await });
    }

    /// One job after the other, for as long as the verifier takes them and the table has more.
    async fn work(&self, place: Place, first: Option<Task>) {
        let mut next = match first {
            Some(task) => Some(task),
            None => self.next_row().await,
        };
        while let Some(task) = next {
            let calling = self.0.call_until_settled(&task);
            let is_taken = tokio::select! {
                is_taken = calling.instrument(task.span.clone()) => is_taken,
                () = self.stopped() => return,
            };
            if !is_taken {
                // Whoever waits would fare no better: the sweep looks again.
                return place.leave();
            }
            drop(task);
            next = self.next_row().await;
        }
    }

    /// The row whose turn it is. Asks only if there may be one. It is never cancelled: a row that was taken is
    /// called for, or handed back.
    async fn next_row(&self) -> Option<Task> {
        let inner = &self.0;
        // Before the question: what is accepted after it says so again.
        if !inner.rows_may_wait.swap(false, SeqCst) {
            return None;
        }
        match jobs::take_due(&inner.database, 1, inner.config.again_after).await {
            Ok(mut rows) => {
                let row = rows.pop()?;
                inner.rows_may_wait.store(true, SeqCst);
                // While we asked, others found nothing to ask for and gave their places back.
                self.take_rows();
                inner.task_of_row(row, "queue")
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
}

impl Inner {
    /// `None`: the process is ending, and the job will be handed back.
    fn task(&self, job: JobId, by: &'static str, span: Span) -> Option<Task> {
        let open = self.ledger.open(job)?;
        Some(Task {
            job,
            open,
            by,
            span,
        })
    }

    /// All attempts of a job lie in one trace, below the request that accepted it.
    fn task_of_row(&self, row: DueJob, by: &'static str) -> Option<Task> {
        if row.lease_expired {
            tell_expired(row.id);
        }
        let span = match by {
            "sweep" => tracing::info_span!("redispatch", job_id = %row.id, by),
            _ => tracing::info_span!("dispatch", job_id = %row.id, by),
        };
        let span = propagation::continued(span, row.traceparent.as_deref());
        self.task(row.id, by, span)
    }

    /// Whether the verifier takes calls: it has looked at the job, or somebody else calls for it now.
    async fn call_until_settled(&self, task: &Task) -> bool {
        let (job, began) = (task.job, Instant::now());
        for calls in 1_u32.. {
            let end = tokio::select! {
                end = self.caller.call(job) => end,
                () = task.open.is_in_vain() => CallEnd::InVain,
            };
            let labels = [("result", result(end)), ("by", task.by)];
            metrics::count("dispatches", &labels);
            let left = self.config.again_after.saturating_sub(began.elapsed());
            match plan(end, calls, self.config.first_pause, chance(), left) {
                NextStep::Nothing => return true,
                NextStep::CallAgain(pause) => {
                    tracing::info!(
                        event = "dispatch_retry", job_id = %job, calls, pause_ms = millis(pause),
                        "the verifier is not available ({end:?}); calling again"
                    );
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = task.open.is_in_vain() => return true,
                    }
                }
                NextStep::LeaveToSweep => {
                    tracing::warn!(event = "dispatch_left", job_id = %job, calls, "left to the sweep: {end:?}");
                    return false;
                }
                NextStep::PutOff(pause) => {
                    self.put_off(job, pause).await;
                    tracing::warn!(
                        event = "dispatch_left", job_id = %job, calls, pause_ms = millis(pause),
                        "left to the sweep, and not before: {end:?}"
                    );
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

    /// The row's own time may come earlier than the platform wants to be called again.
    async fn put_off(&self, job: JobId, by: Duration) {
        if let Err(error) = jobs::put_off(&self.database, job, by).await {
            tracing::warn!(
                event = "not_put_off", job_id = %job, error = with_causes(&error),
                "the job is due at its own time"
            );
        }
    }
}

/// Whoever ran this job died, froze or was cut off: it gets another attempt, or has had its last.
pub(crate) fn tell_expired(job: JobId) {
    metrics::count("leases_expired", &[]);
    tracing::warn!(event = "lease_expired", job_id = %job, "the lease of job {job} ran out");
}

fn result(end: CallEnd) -> &'static str {
    match end {
        CallEnd::Done { skipped: false } => "2xx",
        CallEnd::Done { skipped: true } => "skipped",
        CallEnd::Unavailable { status, .. } => match status {
            Some(429) => "429",
            Some(_) => "5xx",
            None => "no_connection",
        },
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
