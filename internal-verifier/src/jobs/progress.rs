//! How far a run is, written beside it.
//!
//! The run says at each step what it does, and never waits for that. Only the latest is written, and only
//! once it has lasted: most jobs are done before, and a stage that nobody could see costs a commit.

use std::time::Duration;

use common::db::Database;
use common::db::jobs::{self, Lease, Stage};
use common::report::with_causes;
use tokio::sync::watch;

use crate::stages::Stages;

/// How long a stage lasts before it is written.
const NOTICEABLE: Duration = Duration::from_millis(100);

/// Before a report that failed is repeated.
const PAUSE: Duration = Duration::from_secs(1);

/// Where the run says what it does. The reports end with it, or with the lease.
pub(super) fn reported(database: &Database, lease: Lease) -> Stages {
    let (stages, reached) = Stages::begin();
    // A task of its own, not a part of the run: a write that is dropped half done costs a connection.
    tokio::spawn(keep_reporting(database.clone(), lease, reached));
    stages
}

async fn keep_reporting(database: Database, lease: Lease, mut reached: watch::Receiver<Stage>) {
    // The lease has written the first.
    let mut written = Stage::Started;
    while reached.changed().await.is_ok() {
        tokio::time::sleep(NOTICEABLE).await;
        if reached.has_changed().is_err() {
            return;
        }
        let stage = *reached.borrow_and_update();
        if stage == written {
            continue;
        }
        match jobs::report_stage(&database, &lease, stage).await {
            Ok(true) => written = stage,
            Ok(false) => return,
            Err(error) => {
                tracing::debug!(
                    event = "stage_not_reported", job_id = %lease.job(),
                    error = with_causes(&error), "a stage could not be reported"
                );
                // It may last for minutes yet, and is then still worth a word.
                tokio::time::sleep(PAUSE).await;
                reached.mark_changed();
            }
        }
    }
}
