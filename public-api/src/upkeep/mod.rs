//! What keeps every promise: rows that are due are called again, rows without hope get an end.
//!
//! It takes no input. Whatever was lost (a call, an instance, a network), the rows say what is due, and
//! running it twice or on several instances changes nothing. It lives here and not in the verifier
//! because it ends in a dispatch and needs time outside of requests, which the verifier does not have.

use std::time::{Duration, Instant};

use common::db::jobs::{self, Backoff};
use common::db::outputs;
use common::db::{Database, DatabaseError};
use common::report::with_causes;
use common::telemetry::metrics;
use common::telemetry::propagation;

use crate::config::SweepConfig;
use crate::dispatch::Dispatcher;

/// Rows taken in one round: more than one instance of the verifier could start with at once.
const ROUND: u16 = 50;
const PURGE_INTERVAL: Duration = Duration::from_secs(3600);
/// How long the codes of a failed job are shown.
const EVIDENCE_IS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long it is told what happened to a job; its end stays.
const EVENTS_ARE_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long a compiler's output waits for somebody with the same input.
const OUTPUTS_ARE_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Sweeps for as long as the process lives.
pub(crate) async fn keep_sweeping(database: Database, dispatcher: Dispatcher, config: SweepConfig) {
    let mut last_purge: Option<Instant> = None;
    loop {
        if let Err(error) = sweep(&database, &dispatcher, config.backoff).await {
            tracing::warn!(
                event = "sweep_failed",
                error = with_causes(&error),
                "a sweep failed; the next one comes"
            );
        }
        if last_purge.is_none_or(|at| at.elapsed() > PURGE_INTERVAL) {
            last_purge = Some(Instant::now());
            purge(&database).await;
        }
        // Several instances should not sweep in step.
        let chance = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
        let jitter = config.interval.saturating_mul(chance) / 1024;
        tokio::time::sleep(config.interval.saturating_add(jitter)).await;
    }
}

async fn purge(database: &Database) {
    let evidence = jobs::purge_evidence(database, EVIDENCE_IS_KEPT).await;
    let events = jobs::purge_events(database, EVENTS_ARE_KEPT).await;
    let outputs = outputs::purge_outputs(database, OUTPUTS_ARE_KEPT).await;
    for (what, purged) in [
        ("evidence", evidence),
        ("events", events),
        ("outputs", outputs),
    ] {
        if let Err(error) = purged {
            tracing::warn!(
                event = "purge_failed",
                what,
                error = with_causes(&error),
                "old {what} was not purged"
            );
        }
    }
}

/// One round.
async fn sweep(
    database: &Database,
    dispatcher: &Dispatcher,
    backoff: Duration,
) -> Result<(), DatabaseError> {
    for abandoned in jobs::abandon_lapsed(database).await? {
        tracing::error!(
            event = "job_abandoned", job_id = %abandoned.id, error_id = %abandoned.error_id,
            "gave up job {} after its last attempt", abandoned.id
        );
        metrics::count(
            "jobs_finished",
            &[("outcome", "failed"), ("code", "job_abandoned")],
        );
    }
    let backoff = Backoff {
        base: backoff,
        ..Backoff::default()
    };
    let due = jobs::sweep(database, ROUND, backoff).await?;
    for job in &due {
        // All attempts of a job lie in one trace, below the request that accepted it.
        let span = propagation::continued(
            tracing::info_span!("redispatch", job_id = %job.id),
            job.traceparent.as_deref(),
        );
        span.in_scope(|| dispatcher.dispatch_again(job.id));
    }
    measure(database).await?;
    if !due.is_empty() {
        tracing::info!(
            event = "sweep_done",
            due = due.len(),
            "called the verifier again for {} jobs",
            due.len()
        );
    }
    Ok(())
}

async fn measure(database: &Database) -> Result<(), DatabaseError> {
    let backlog = jobs::backlog(database).await?;
    let count = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    metrics::gauge("open_jobs", count(backlog.pending), &[("state", "pending")]);
    metrics::gauge("open_jobs", count(backlog.running), &[("state", "running")]);
    let oldest = backlog.oldest.unwrap_or_default();
    metrics::gauge("oldest_open_job_seconds", oldest.as_secs_f64(), &[]);
    Ok(())
}
