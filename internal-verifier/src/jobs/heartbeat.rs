//! The lease kept alive while the work goes on.

use std::time::Instant;

use common::db::jobs::{self, Lease};
use common::report::with_causes;
use tokio::time::{MissedTickBehavior, interval};

use crate::state::State;

/// Returns when the lease is lost: somebody took over, or has very likely done so.
///
/// A database that is away for a while costs nothing: a late heartbeat still counts if nobody took
/// over meanwhile. Safety does not hang on this; every write names the lease's token.
pub(super) async fn until_lost(state: &State, lease: &Lease) {
    let config = &state.run;
    let mut beats = interval(config.heartbeat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats.tick().await;
    let mut last_success = Instant::now();
    loop {
        beats.tick().await;
        match jobs::heartbeat(&state.database, lease, config.lease).await {
            Ok(true) => last_success = Instant::now(),
            Ok(false) => return,
            Err(error) => tracing::warn!(
                event = "heartbeat_failed", job_id = %lease.job(),
                error = with_causes(&error), "the lease could not be extended"
            ),
        }
        if last_success.elapsed() > config.heartbeat_patience {
            return;
        }
    }
}
