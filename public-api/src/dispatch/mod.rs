//! The call to the verifier: a hint that makes a durable row fast.
//!
//! Each call is held open until the verifier has done the job, so that the platform sees the load and
//! starts instances; at most as many are under way as the verifier may have instances, the rest wait
//! here. Nothing that happens to a call changes a job: only the verifier writes results, and what a
//! lost call leaves undone the sweep (`upkeep`) finds again.

mod call;
mod plan;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::auth::mint::TokenSource;
use common::db::jobs::JobId;
use common::telemetry::metrics;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tracing::Instrument;

use crate::config::DispatchConfig;
use call::Caller;
use plan::{CallEnd, NextStep, plan};

/// Who makes a call: one of the labels of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The request that accepted the job.
    Direct,
    Sweep,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Sweep => "sweep",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Dispatcher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: DispatchConfig,
    caller: Caller,
    permits: Semaphore,
    /// Accepted here and not yet sent: made due at once when this process stops.
    unsent: Mutex<HashSet<JobId>>,
    stopping: watch::Sender<bool>,
    /// The runtime that lives as long as the process; a worker's ends with its server.
    runtime: Handle,
}

impl Dispatcher {
    /// Call it inside the runtime that is to make the calls.
    pub(crate) fn new(config: DispatchConfig, tokens: TokenSource) -> Result<Self, reqwest::Error> {
        Ok(Self(Arc::new(Inner {
            caller: Caller::new(&config, tokens)?,
            permits: Semaphore::new(config.at_once),
            config,
            unsent: Mutex::default(),
            stopping: watch::Sender::new(false),
            runtime: Handle::current(),
        })))
    }

    /// How long after acceptance the sweep may look at a job.
    pub(crate) fn sweep_after(&self) -> Duration {
        self.0.config.sweep_after
    }

    /// Calls the verifier for a job that was just accepted. Returns at once.
    pub(crate) fn dispatch(&self, job: JobId) {
        self.start(job, By::Direct);
    }

    /// Calls the verifier for a row that the sweep found. Returns at once.
    pub(crate) fn dispatch_again(&self, job: JobId) {
        self.start(job, By::Sweep);
    }

    fn start(&self, job: JobId, by: By) {
        let inner = Arc::clone(&self.0);
        inner.unsent().insert(job);
        let span = tracing::info_span!("dispatch", job_id = %job, by = by.name());
        self.0
            .runtime
            .spawn(async move { inner.run(job, by).await }.instrument(span));
    }

    /// Returns when this process is asked to stop.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.0.stopping.subscribe();
        // The sender lives in `self`: this resolves only when somebody says stop.
        let _ = stopping.wait_for(|stop| *stop).await;
    }

    /// Ends all waiting. Gives the jobs that were accepted here and not sent; calls already sent need
    /// nothing, the verifier runs on.
    pub(crate) fn stop(&self) -> Vec<JobId> {
        self.0.stopping.send_replace(true);
        self.0.unsent().drain().collect()
    }
}

impl Inner {
    fn unsent(&self) -> std::sync::MutexGuard<'_, HashSet<JobId>> {
        // A set of ids is never half changed.
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, job: JobId, by: By) {
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            () = self.call_until_settled(job, by) => {}
            // The sender lives in `self`: this resolves only when somebody says stop.
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }

    async fn call_until_settled(&self, job: JobId, by: By) {
        for calls in 1_u32.. {
            let end = {
                let Ok(_permit) = self.permits.acquire().await else {
                    return;
                };
                // From here on the verifier may have it; if it does not, the row's own time decides.
                self.unsent().remove(&job);
                self.caller.call(job).await
            };
            metrics::count("dispatches", &[("result", result(end)), ("by", by.name())]);
            match plan(end, calls, self.config.first_pause, chance()) {
                NextStep::Nothing => return,
                NextStep::CallAgain(pause) => {
                    tracing::info!(
                        event = "dispatch_retry", job_id = %job, calls, pause_ms = millis(pause),
                        "the verifier is not available ({end:?}); calling again"
                    );
                    tokio::time::sleep(pause).await;
                }
                NextStep::LeaveToSweep => {
                    tracing::warn!(event = "dispatch_left", job_id = %job, calls, "left to the sweep: {end:?}");
                    return;
                }
                NextStep::Alarm => {
                    tracing::error!(
                        event = "dispatch_refused", job_id = %job,
                        "the verifier cannot be called until the configuration is mended: {end:?}"
                    );
                    return;
                }
            }
        }
    }
}

fn result(end: CallEnd) -> &'static str {
    match end {
        CallEnd::Done => "2xx",
        CallEnd::Unavailable { .. } => "unavailable",
        CallEnd::TimedOut => "timeout",
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
