//! One round: jobs without hope end, calls that wait in vain are given up, due rows are called.

use common::db::DatabaseError;
use common::db::jobs::{self, Abandoned};
use common::telemetry::metrics;
use serde::Serialize;

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
    if round.due > 0 {
        tracing::info!(
            event = "sweep_done",
            due = round.due,
            "calling the verifier for {} jobs",
            round.due
        );
    }
    Ok(round)
}

fn tell_abandoned(job: &Abandoned) {
    tracing::error!(
        event = "job_abandoned", job_id = %job.id, error_id = %job.error_id,
        "gave up job {} after its last attempt", job.id
    );
    metrics::count(
        "jobs_finished",
        &[("outcome", "failed"), ("code", "job_abandoned")],
    );
}

async fn measure(state: &State) -> Result<(), DatabaseError> {
    let backlog = jobs::backlog(&state.database).await?;
    let count = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    metrics::gauge("open_jobs", count(backlog.pending), &[("state", "pending")]);
    metrics::gauge("open_jobs", count(backlog.running), &[("state", "running")]);
    let oldest = backlog.oldest.unwrap_or_default();
    metrics::gauge("oldest_open_job_seconds", oldest.as_secs_f64(), &[]);
    Ok(())
}
