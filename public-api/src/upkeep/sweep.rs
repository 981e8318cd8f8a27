//! One round: jobs without hope end, calls that wait in vain are given up, due rows are called.

use common::db::DatabaseError;
use common::db::jobs::{self, Abandoned, MAX_ATTEMPTS};
use common::telemetry::metrics;
use serde::Serialize;

use crate::dispatch::tell_expired;
use crate::state::State;

/// Rows taken in one round: more than one instance of the verifier could start with at once.
const ROUND: u16 = 50;

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Round {
    /// Jobs that the verifier is called for.
    pub(crate) due: usize,
    /// Jobs that ended with `job_abandoned`.
    pub(crate) abandoned: usize,
}

pub(super) async fn sweep(state: &State) -> Result<Round, DatabaseError> {
    let (database, dispatcher) = (&state.database, &state.dispatcher);
    let abandoned = jobs::abandon_lapsed(database).await?;
    abandoned.iter().for_each(tell_abandoned);
    let called = dispatcher.called();
    if !called.is_empty() {
        dispatcher.give_up(&jobs::list_idle(database, &called).await?);
    }
    let places = dispatcher.free_places(ROUND);
    let count = u16::try_from(places.len()).unwrap_or(ROUND);
    let due = jobs::take_due(database, count, dispatcher.again_after()).await?;
    let round = Round {
        due: due.len(),
        abandoned: abandoned.len(),
    };
    dispatcher.call_due(places, due);
    measure(state).await?;
    if round.due > 0 || round.abandoned > 0 {
        tracing::info!(
            event = "sweep_done",
            due = round.due,
            abandoned = round.abandoned,
            "calling the verifier for {} jobs; gave up {}",
            round.due,
            round.abandoned
        );
    }
    Ok(round)
}

fn tell_abandoned(job: &Abandoned) {
    tracing::error!(
        event = "job_abandoned", job_id = %job.id, error_id = %job.error_id,
        "gave up job {} after its last attempt", job.id
    );
    if job.lease_expired {
        tell_expired(job.id);
    }
    let failed = ("outcome", "failed");
    metrics::count("jobs_finished", &[failed, ("code", "job_abandoned")]);
    metrics::observe("job_attempts", f64::from(MAX_ATTEMPTS), &[failed]);
}

async fn measure(state: &State) -> Result<(), DatabaseError> {
    let backlog = jobs::backlog(&state.database).await?;
    for (state, jobs) in [("pending", backlog.pending), ("running", backlog.running)] {
        for (age, count) in jobs.named() {
            let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            metrics::gauge("open_jobs", count, &[("state", state), ("age", age)]);
        }
    }
    let oldest = backlog.oldest.unwrap_or_default();
    metrics::gauge("oldest_open_job_seconds", oldest.as_secs_f64(), &[]);
    Ok(())
}
