//! A fault of ours while serving a request: the log gets everything, the caller an id.

use std::time::Duration;

use common::api::problem::{Problem, Reason};
use common::db::DatabaseError;
use common::report::with_causes;

/// Logs the fault once and makes the answer. A database that is away is worth another try.
pub(crate) fn fault(what: &'static str, error: &(dyn std::error::Error + 'static)) -> Problem {
    let is_away = std::iter::successors(Some(error), |error| error.source())
        .find_map(<dyn std::error::Error>::downcast_ref)
        .is_some_and(DatabaseError::is_unavailable);
    let problem = Problem::from(if is_away {
        Reason::Unavailable
    } else {
        Reason::Internal
    });
    tracing::error!(
        event = "request_failed",
        error_id = %problem.error_id(),
        error = with_causes(error),
        "{what}"
    );
    problem
}

/// What a request may wait for the database in all, connection and look-ups included.
const PATIENCE: Duration = Duration::from_millis(4800);

/// A database that does not answer in time is away. What was asked for may have happened all the same.
pub(crate) async fn in_time<T>(
    what: &'static str,
    work: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, Problem> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done.map_err(|error| fault(what, &error)),
        Err(_elapsed) => {
            let silent = DatabaseError::NoAnswer {
                what,
                patience: PATIENCE,
            };
            Err(fault(what, &silent))
        }
    }
}
