//! How much longer a job takes, from what recent ones took.
//!
//! The recent jobs are read once in a while and kept, so that clients who poll cost nothing more. They
//! only make an estimate: when they can't be read, the ones from before serve, or none.

mod remaining;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::db::Database;
use common::db::jobs::{RecentJob, list_recent};
use common::report::with_causes;
use tokio::sync::Mutex;

use remaining::remaining;

const READ_EVERY: Duration = Duration::from_secs(5);
const JOBS: u16 = 200;

#[derive(Debug)]
pub(crate) struct Estimates {
    database: Database,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    jobs: Arc<[RecentJob]>,
    asked_at: Option<Instant>,
}

/// Made from the jobs that were recent at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Estimate(Arc<[RecentJob]>);

impl Estimate {
    /// Whole seconds, at least one, for a job of this size that has been open for so long.
    pub(crate) fn seconds(&self, input_bytes: Option<u64>, open_for: Duration) -> u64 {
        let left = remaining(&self.0, input_bytes, open_for);
        let whole = left.as_secs();
        let is_more = u64::from(left.subsec_nanos() > 0);
        whole.saturating_add(is_more).max(1)
    }
}

impl Estimates {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            kept: Mutex::default(),
        }
    }

    /// Of all who ask at once, one reads.
    pub(crate) async fn now(&self) -> Estimate {
        let mut kept = self.kept.lock().await;
        if kept.asked_at.is_none_or(|at| at.elapsed() >= READ_EVERY) {
            match list_recent(&self.database, JOBS).await {
                Ok(jobs) => kept.jobs = jobs.into(),
                Err(error) => tracing::warn!(
                    event = "estimates_are_old",
                    error = with_causes(&error),
                    "the recent jobs could not be read; estimates are made from older ones"
                ),
            }
            // Also after a fault: a database in trouble is not asked by everybody in turn.
            kept.asked_at = Some(Instant::now());
        }
        Estimate(Arc::clone(&kept.jobs))
    }
}
