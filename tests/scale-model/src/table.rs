//! The rows of open jobs that wait: which of them are due, and when the others will be.

use std::collections::BTreeSet;
use std::time::Duration;

/// A job by its number. Numbers rise with the time of acceptance, so the lowest is the oldest: many clients, each
/// with its own turn.
pub(crate) type JobId = usize;

#[derive(Debug, Default)]
pub(crate) struct Table {
    due: BTreeSet<JobId>,
    later: BTreeSet<(Duration, JobId)>,
}

impl Table {
    pub(crate) fn insert(&mut self, job: JobId, due_at: Duration) {
        self.later.insert((due_at, job));
    }

    /// The oldest due rows; each is due again at `again_at`.
    pub(crate) fn take_due(&mut self, now: Duration, most: u32, again_at: Duration) -> Vec<JobId> {
        while let Some((at, job)) = self.later.first().copied() {
            if at > now {
                break;
            }
            self.later.pop_first();
            self.due.insert(job);
        }
        let mut taken = Vec::new();
        for _ in 0..most {
            let Some(job) = self.due.pop_first() else {
                break;
            };
            self.later.insert((again_at, job));
            taken.push(job);
        }
        taken
    }

    /// Somebody works on it: it is nobody else's. `due_at` is when it was last due.
    pub(crate) fn remove(&mut self, job: JobId, due_at: Duration) {
        self.due.remove(&job);
        self.later.remove(&(due_at, job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_oldest_due_rows_are_taken_once_and_are_due_again_later() {
        let mut table = Table::default();
        table.insert(2, s(0));
        table.insert(1, s(0));
        table.insert(0, s(45));
        assert_eq!(table.take_due(s(1), 1, s(46)), [1]);
        assert_eq!(table.take_due(s(1), 5, s(46)), [2]);
        assert!(table.take_due(s(1), 5, s(46)).is_empty());
        table.remove(2, s(46));
        assert_eq!(table.take_due(s(46), 5, s(91)), [0, 1]);
    }
}
