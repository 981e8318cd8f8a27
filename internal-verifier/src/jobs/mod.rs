//! One run of one job: take the lease, verify under its heartbeat, write the end.
//!
//! All work happens inside the caller's request, because the platform gives processor time only
//! there and counts requests to scale. The job's row decides everything else: whoever holds the live
//! lease may write, and a run that lost it stops its compiler and writes nothing.

mod finish;
mod heartbeat;
mod progress;

use std::sync::Arc;
use std::time::Instant;

use common::api::internal::VerifyAnswer;
use common::db::DatabaseError;
use common::db::jobs::{self, JobId, LeasedJob, Stage};
use common::telemetry::metrics;
use tracing::Instrument;

use crate::outputs::Allowance;
use crate::stages::Stages;
use crate::state::State;
use crate::verify::{self, Fault, Tools, Verification};
use finish::End;

/// How a run came to its end.
#[derive(Debug)]
enum Run {
    Looked(Result<Verification, Fault>),
    LeaseLost,
    Stopping,
}

/// Why a run has no answer for its caller.
#[derive(Debug)]
pub(crate) enum NotRun {
    /// This process is ending; the job is due again at once.
    Stopping,
    /// The database is away. Before the lease nothing happened; after it the lease runs out.
    Database(DatabaseError),
}

pub(crate) async fn run(state: Arc<State>, id: JobId) -> Result<VerifyAnswer, NotRun> {
    let config = &state.run;
    let leased = jobs::lease(&state.database, id, &config.worker, config.lease)
        .instrument(tracing::info_span!("lease"))
        .await
        .map_err(NotRun::Database)?;
    let Some(job) = leased else {
        tracing::info!(event = "lease_skipped", job_id = %id, "nothing to do for job {id}");
        return Ok(VerifyAnswer::SKIPPED);
    };
    if let Some(waited) = job.waited {
        metrics::observe_seconds("job_wait_seconds", waited.as_secs_f64(), &[]);
    }
    let started = Instant::now();
    let (chain_id, address) = (job.lease.chain_id(), job.lease.address());
    let attempt = job.lease.attempt();
    tracing::info!(
        event = "lease_taken", job_id = %id, %chain_id, %address, attempt,
        "attempt {attempt} of job {id}"
    );
    let stage = progress::reported(&state.database, job.lease);
    let end = match look(&state, &job, started, &stage).await {
        Run::Looked(Ok(verification)) => {
            stage.reach(Stage::Storing);
            match finish::store(&state, &job.lease, verification).await {
                // It would be refused again: the next attempt counts, and the last one says so.
                Err(source) if !source.is_unavailable() => {
                    finish::after_fault(&state, &job.lease, &Fault::Store { source }).await
                }
                end => end,
            }
        }
        Run::Looked(Err(fault)) => finish::after_fault(&state, &job.lease, &fault).await,
        Run::LeaseLost => Ok(End::LeaseLost),
        Run::Stopping => {
            finish::release(&state, &job.lease).await;
            return Err(NotRun::Stopping);
        }
    }
    .map_err(NotRun::Database)?;
    if end == End::LeaseLost {
        metrics::count("leases_lost", &[]);
        tracing::warn!(event = "lease_lost", job_id = %id, "somebody else runs job {id} now");
    }
    let outcome = [("outcome", end.name())];
    metrics::observe_seconds("job_seconds", started.elapsed().as_secs_f64(), &outcome);
    Ok(VerifyAnswer::ended(end.told()))
}

/// Whatever comes first ends the run; dropping the verification kills its compiler.
async fn look(state: &State, job: &LeasedJob, started: Instant, stage: &Stages) -> Run {
    let config = &state.run;
    let tools = Tools {
        chains: &state.chains,
        outputs: &state.outputs,
        sources: &state.sources,
        database: &state.database,
        allowance: Allowance {
            // The compilers' deadline comes first: it gives an answer, this one only a fault.
            deadline: started.checked_add(config.deadline).unwrap_or(started),
            memory_bytes: config.compiler_memory_bytes,
            output_bytes: config.compiler_output_bytes,
        },
        stage,
    };
    let mut stopping = state.stopping.subscribe();
    let whole = config.deadline.saturating_add(config.heartbeat);
    tokio::select! {
        _ = stopping.wait_for(|stop| *stop) => Run::Stopping,
        () = heartbeat::until_lost(state, &job.lease) => Run::LeaseLost,
        looked = tokio::time::timeout(whole, verify::verify(&tools, job)) => {
            Run::Looked(looked.unwrap_or(Err(Fault::Deadline)))
        }
    }
}
