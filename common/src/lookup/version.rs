//! Whether a document is still the one that a client has.

use std::fmt;

use super::MatchRow;

/// Of a match: its row changes whenever anything that hangs on it does.
///
/// Compilations, codes and deployments are only ever added; a verified contract that becomes better in its place does so in the
/// transaction that writes the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    match_id: i64,
    updated_at_us: i128,
}

impl Version {
    pub(super) fn of(row: &MatchRow) -> Self {
        Self {
            match_id: row.match_id,
            updated_at_us: row.updated_at.unix_timestamp_nanos() / 1000,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.match_id, self.updated_at_us)
    }
}
