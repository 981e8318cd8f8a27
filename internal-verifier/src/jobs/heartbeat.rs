//! The lease kept alive while the work goes on.

use common::db::jobs::{self, Lease};
use common::report::with_causes;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

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
        // A silent way must not keep a compiler running; after a freeze of this process one beat is tried.
        let patience_ends = last_success + config.heartbeat_patience;
        let at_latest = patience_ends.max(Instant::now() + config.heartbeat);
        let beat = jobs::heartbeat(&state.database, lease, config.lease);
        match timeout_at(at_latest, beat).await {
            Ok(Ok(true)) => last_success = Instant::now(),
            Ok(Ok(false)) => return,
            Ok(Err(error)) => tracing::warn!(
                event = "heartbeat_failed", job_id = %lease.job(),
                error = with_causes(&error), "the lease could not be extended"
            ),
            Err(_elapsed) => return,
        }
        if last_success.elapsed() > config.heartbeat_patience {
            return;
        }
    }
}
