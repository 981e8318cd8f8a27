//! The end of a run, written under its lease or not at all.

use std::time::{Duration, Instant};

use common::api::internal::RunEnd;
use common::db::DatabaseError;
use common::db::jobs::{self, Lease};
use common::db::matches::{StoreOutcome, store_match};
use common::report::with_causes;
use common::telemetry::metrics;
use tracing::Instrument;

use super::Verification;
use crate::state::State;
use crate::verify::{Failed, Fault, Verified, failure};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Failed,
    GivenBack,
    LeaseLost,
}

impl End {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::GivenBack => "given_back",
            Self::LeaseLost => "lease_lost",
        }
    }

    /// As public-api hears it.
    pub(super) fn told(self) -> RunEnd {
        match self {
            Self::Succeeded | Self::Failed => RunEnd::Finished,
            Self::GivenBack => RunEnd::GivenBack,
            Self::LeaseLost => RunEnd::LeaseLost,
        }
    }
}

const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn store(
    state: &State,
    lease: &Lease,
    verification: Verification,
) -> Result<End, DatabaseError> {
    match verification {
        Verification::Verified(verified) => store_verified(state, lease, *verified).await,
        Verification::Failed(failed) => store_failed(state, lease, *failed).await,
    }
}

async fn store_verified(
    state: &State,
    lease: &Lease,
    verified: Verified,
) -> Result<End, DatabaseError> {
    let match_ms = verified.match_time().as_secs_f64() * 1000.0;
    let rows = verified.into_rows();
    let job_id = lease.job();
    let outcome = patiently(state, async || {
        store_match(&state.database, lease, &rows).await
    })
    .instrument(tracing::info_span!("store"))
    .await?;
    match outcome {
        StoreOutcome::Stored(stored) => {
            finished(lease, End::Succeeded, "");
            tracing::info!(
                event = "job_finished", %job_id, match_id = stored.match_id,
                compile_ms = rows.compilation_time_ms, match_ms, "verified job {job_id}"
            );
            Ok(End::Succeeded)
        }
        StoreOutcome::AlreadyVerified { .. } => {
            finished(lease, End::Failed, "already_verified");
            tracing::info!(
                event = "job_finished", %job_id, code = "already_verified",
                "job {job_id} brought nothing better"
            );
            Ok(End::Failed)
        }
        StoreOutcome::LeaseLost => Ok(End::LeaseLost),
    }
}

async fn store_failed(state: &State, lease: &Lease, failed: Failed) -> Result<End, DatabaseError> {
    let rows = failed.into_rows();
    let job_id = lease.job();
    if !patiently(state, async || {
        jobs::fail(&state.database, lease, &rows).await
    })
    .await?
    {
        return Ok(End::LeaseLost);
    }
    finished(lease, End::Failed, &rows.error_code);
    tracing::info!(
        event = "job_finished", %job_id, code = rows.error_code, error_id = %rows.error_id,
        "job {job_id} ended with {}", rows.error_code
    );
    Ok(End::Failed)
}

/// We could not look: the job waits and is tried again. After the last attempt it gets an end that
/// says so, and the contract is free for another request.
pub(super) async fn after_fault(
    state: &State,
    lease: &Lease,
    fault: &Fault,
) -> Result<End, DatabaseError> {
    let (job_id, attempt) = (lease.job(), lease.attempt());
    let error = with_causes(fault);
    if lease.is_last_attempt() {
        let rows = failure(&fault.last_word());
        if !patiently(state, async || {
            jobs::fail(&state.database, lease, &rows).await
        })
        .await?
        {
            return Ok(End::LeaseLost);
        }
        finished(lease, End::Failed, &rows.error_code);
        tracing::error!(
            event = "job_finished", %job_id, attempt, error, code = rows.error_code,
            error_id = %rows.error_id, "job {job_id} could not be done in any attempt"
        );
        return Ok(End::Failed);
    }
    let doublings = u32::from(attempt).saturating_sub(1);
    let pause = fault
        .first_pause(state.run.fault_pause)
        .saturating_mul(2_u32.saturating_pow(doublings));
    tracing::warn!(
        event = "job_given_back", %job_id, attempt, error,
        "attempt {attempt} of job {job_id} could not look; it is due again in {pause:?}"
    );
    let given_back = patiently(state, async || {
        jobs::give_back(&state.database, lease, pause).await
    });
    Ok(if given_back.await? {
        End::GivenBack
    } else {
        End::LeaseLost
    })
}

/// The process ends: the attempt does not count, and the job is due at once. Who waits for this has a limit.
pub(super) async fn release(state: &State, lease: &Lease) {
    let job_id = lease.job();
    let released = patiently(state, async || jobs::release(&state.database, lease).await);
    match released.await {
        Ok(_) => tracing::info!(event = "job_released", %job_id, "released job {job_id}"),
        // Then the lease runs out.
        Err(error) => tracing::warn!(
            event = "release_failed", %job_id, error = with_causes(&error),
            "job {job_id} could not be released"
        ),
    }
}

/// A database that is away for a moment must not cost the work of minutes: tried again for as long
/// as the lease may still be ours. Each write is safe to repeat, since it names the lease.
async fn patiently<T>(
    state: &State,
    write: impl AsyncFn() -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    let started = Instant::now();
    loop {
        match write().await {
            Err(error)
                if error.is_unavailable() && started.elapsed() < state.run.heartbeat_patience =>
            {
                tracing::warn!(
                    event = "write_failed",
                    error = with_causes(&error),
                    "a job could not be written yet"
                );
                tokio::time::sleep(PAUSE).await;
            }
            end => return end,
        }
    }
}

/// The job has its end.
fn finished(lease: &Lease, end: End, code: &str) {
    let outcome = ("outcome", end.name());
    metrics::count("jobs_finished", &[outcome, ("code", code)]);
    metrics::observe("job_attempts", f64::from(lease.attempt()), &[outcome]);
}
