//! Deleting what is old, some rows at a time: a statement has little time, and after a while without a
//! purge there is much to do.

use std::time::Duration;

use super::statement::Statement;
use super::{Database, DatabaseError};

/// What is left then waits for the next purge.
const ROUNDS: u32 = 50;

impl Database {
    /// Repeats a statement that deletes up to `at_once` rows older than this, until it finds fewer. Answers
    /// how many there were.
    pub(super) async fn purge(
        &self,
        statement: Statement,
        older_than: Duration,
        at_once: u16,
    ) -> Result<u64, DatabaseError> {
        let (seconds, limit) = (older_than.as_secs_f64(), i64::from(at_once));
        let mut all: u64 = 0;
        for _round in 0..ROUNDS {
            // A new one each time: others want to be served between them.
            let connection = self.connection().await?;
            let purged = connection.execute(statement, &[&seconds, &limit]).await?;
            all = all.saturating_add(purged);
            if purged < u64::from(at_once) {
                break;
            }
        }
        Ok(all)
    }
}
