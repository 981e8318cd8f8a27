//! How good a match is, in our words; the tables say `perfect` and `partial`.

use tokio_postgres::Row;

use super::DatabaseError;
use super::row::{column, unreadable};

/// The level of one side. A better one is greater, and `None` is less than both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchLevel {
    /// Equal apart from the metadata: `partial` in the tables.
    Match,
    /// Equal including the hash of the metadata: `perfect` in the tables.
    ExactMatch,
}

impl MatchLevel {
    /// As `sourcify_matches` has it.
    #[must_use]
    pub fn column_value(self) -> &'static str {
        match self {
            Self::Match => "partial",
            Self::ExactMatch => "perfect",
        }
    }

    /// As the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::ExactMatch => "exact_match",
        }
    }

    #[must_use]
    pub fn is_exact(self) -> bool {
        self == Self::ExactMatch
    }

    pub(super) fn from_column(
        row: &Row,
        name: &'static str,
    ) -> Result<Option<Self>, DatabaseError> {
        match column::<Option<&str>>(row, name)? {
            None => Ok(None),
            Some("partial") => Ok(Some(Self::Match)),
            Some("perfect") => Ok(Some(Self::ExactMatch)),
            Some(other) => Err(unreadable(name, other.to_owned())),
        }
    }
}

/// The levels of the two sides; of a match at least one is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SideLevels {
    pub creation: Option<MatchLevel>,
    pub runtime: Option<MatchLevel>,
}

impl SideLevels {
    /// The better of the two sides.
    #[must_use]
    pub fn best(&self) -> Option<MatchLevel> {
        self.creation.max(self.runtime)
    }

    /// One side is strictly better, and the other is not worse.
    #[must_use]
    pub fn is_better_than(&self, stored: Self) -> bool {
        *self != stored && self.creation >= stored.creation && self.runtime >= stored.runtime
    }
}

#[cfg(test)]
mod tests {
    use super::MatchLevel::{ExactMatch, Match};
    use super::SideLevels;

    #[test]
    fn better_is_one_side_better_and_the_other_not_worse() {
        let levels = |(creation, runtime)| SideLevels { creation, runtime };
        for (new, stored, is_better) in [
            ((None, Some(Match)), (None, Some(Match)), false),
            ((None, Some(ExactMatch)), (None, Some(Match)), true),
            ((Some(Match), Some(Match)), (None, Some(Match)), true),
            ((Some(ExactMatch), None), (None, Some(Match)), false),
            (
                (Some(ExactMatch), Some(Match)),
                (Some(Match), Some(ExactMatch)),
                false,
            ),
            ((None, Some(Match)), (Some(Match), Some(Match)), false),
            (
                (Some(ExactMatch), Some(ExactMatch)),
                (Some(Match), Some(ExactMatch)),
                true,
            ),
        ] {
            assert_eq!(
                levels(new).is_better_than(levels(stored)),
                is_better,
                "{new:?} against {stored:?}"
            );
        }
    }
}
