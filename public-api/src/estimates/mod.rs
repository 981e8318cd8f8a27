//! How much longer a job takes, from what recent ones took.
//!
//! The recent jobs are read once in a while and kept, so that clients who poll cost nothing more. They
//! only make an estimate: when they can't be read, the ones from before serve, or none.

mod remaining;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::db::Database;
use common::db::jobs::{RecentJob, list_recent};
use common::report::with_causes;

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

    /// Of all who ask at once one reads; the others take what was read before.
    pub(crate) async fn now(&self) -> Estimate {
        let (kept, is_mine) = self.take_turn();
        if !is_mine {
            return Estimate(kept);
        }
        match list_recent(&self.database, JOBS).await {
            Ok(jobs) => {
                let jobs: Arc<[RecentJob]> = jobs.into();
                self.kept().jobs = Arc::clone(&jobs);
                Estimate(jobs)
            }
            Err(error) => {
                tracing::warn!(
                    event = "estimates_are_old",
                    error = with_causes(&error),
                    "the recent jobs could not be read; estimates are made from older ones"
                );
                Estimate(kept)
            }
        }
    }

    /// What is kept, and whether it is time to read again. The turn counts from its beginning, also if
    /// it ends with a fault: a database in trouble is not asked by everybody.
    fn take_turn(&self) -> (Arc<[RecentJob]>, bool) {
        let mut kept = self.kept();
        let is_due = kept.asked_at.is_none_or(|at| at.elapsed() >= READ_EVERY);
        if is_due {
            kept.asked_at = Some(Instant::now());
        }
        (Arc::clone(&kept.jobs), is_due)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each change is one assignment.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
