//! What keeps every promise: rows that are due are called again, rows without hope get an end.
//!
//! It takes no input. Whatever was lost (a call, an instance, a network), the rows say what is due, and
//! running it twice or on several instances changes nothing. It lives here and not in the verifier
//! because it ends in a dispatch and needs time outside of requests, which the verifier does not have.
//!
//! Every instance does it by itself, and a scheduler may order it besides (`routes`): then it is done even
//! when no instance was up.

mod expire;
pub(crate) mod routes;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use common::report::with_causes;

use crate::state::State;

const EXPIRE_INTERVAL: Duration = Duration::from_secs(3600);

/// Sweeps and expires for as long as the process lives. Deleting takes its time, and due rows don't wait for it.
pub(crate) async fn keep_up(state: Arc<State>) {
    tokio::join!(keep_sweeping(&state), keep_expiring(&state));
}

async fn keep_sweeping(state: &State) {
    loop {
        if let Err(error) = sweep::sweep(state).await {
            tracing::warn!(
                event = "sweep_failed",
                error = with_causes(&error),
                "a sweep failed; the next one comes"
            );
        }
        tokio::select! {
            () = pause(state.upkeep.sweep_interval) => {}
            () = state.dispatcher.stopped() => return,
        }
    }
}

async fn keep_expiring(state: &State) {
    loop {
        pause(EXPIRE_INTERVAL).await;
        if let Err(error) = expire::expire(&state.database, state.upkeep.kept).await {
            tracing::warn!(
                event = "expire_failed",
                error = with_causes(&error),
                "what is old was not all deleted"
            );
        }
    }
}

/// Up to a quarter longer, since several instances should not do it in step.
async fn pause(interval: Duration) {
    let chance = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    let jitter = interval.saturating_mul(chance) / 1024;
    tokio::time::sleep(interval.saturating_add(jitter)).await;
}
