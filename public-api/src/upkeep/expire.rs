//! What is kept for some time only goes: the steps of a job, the codes it failed with, a failure itself, and what
//! compilers answered.

use common::db::jobs;
use common::db::outputs;
use common::db::{Database, DatabaseError};
use serde::Serialize;

use crate::config::Kept;

/// How many of each were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Expired {
    pub(crate) events: u64,
    pub(crate) evidence: u64,
    pub(crate) failed_jobs: u64,
    pub(crate) outputs: u64,
}

pub(super) async fn expire(database: &Database, kept: Kept) -> Result<Expired, DatabaseError> {
    let expired = Expired {
        events: jobs::purge_events(database, kept.events).await?,
        evidence: jobs::purge_evidence(database, kept.evidence).await?,
        failed_jobs: jobs::purge_failed(database, kept.failed_jobs).await?,
        outputs: outputs::purge_outputs(database, kept.outputs).await?,
    };
    tracing::info!(
        event = "expired",
        events = expired.events,
        evidence = expired.evidence,
        failed_jobs = expired.failed_jobs,
        outputs = expired.outputs,
        "deleted what is old"
    );
    Ok(expired)
}
