//! The life of a job, from the accepting transaction to its end.
//!
//! A job row is the truth, a call to the verifier only a hint. The right to work on a job is a
//! [`Lease`]: each one has a new token, every write of a worker names it, and a write that finds
//! another token does nothing. Time is Postgres's `now()`, so clocks of processes don't matter;
//! durations are arguments.
//!
//! Functions that a worker calls answer `false` when its lease is lost: then somebody else runs the
//! job, and the only right thing is to stop and write nothing.

mod accept;
mod backlog;
mod events;
mod finish;
mod lease;
mod log;
mod purge;
mod recent;
mod record;
mod stage;
mod sweep;
mod wakes;

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use accept::{Acceptance, JobKind, NewJob, OpenJobLimits, accept, foresee};
pub use backlog::{Backlog, ByAge, backlog};
pub use events::JobEvents;
pub(in crate::db) use finish::{Ended, fail_in, how_it_ended, succeed_in};
pub use finish::{Evidence, JobFailure, fail};
pub use lease::{Lease, LeasedJob, Worker, give_back, heartbeat, lease, release};
pub use log::{EventLog, JobEvent, list_events};
pub use purge::{purge_events, purge_evidence, purge_failed};
pub use recent::{RecentJob, list_recent};
pub use record::{JobRecord, Progress, find_job};
pub use stage::{Stage, report_stage};
pub use sweep::{Abandoned, DueJob, abandon_lapsed, list_idle, make_due, put_off, take_due};
pub use wakes::JobWakes;

/// How often a job is leased before it is given up.
pub const MAX_ATTEMPTS: u16 = 5;

/// The API's `verificationId`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

impl JobId {
    /// A new one, which says nothing about its job.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
