//! A fault of ours while serving a request: the log gets everything, the caller an id.

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
