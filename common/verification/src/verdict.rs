//! How a verification ends when we could look.

use crate::transformation::{Transformation, TransformationValues};

/// How well a recompiled code fits the chain's. Ordered: an exact match is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchStatus {
    /// Equal apart from metadata, or without a metadata hash that could prove more.
    Match,
    /// Equal including a hash that proves sources: every byte of the files that the contract is made
    /// from. solc's is of the metadata, which names them, and Vyper's, from 0.4.1 on, is of the
    /// contract's file and all it imports. Files that were submitted beside those are not covered.
    ExactMatch,
}

impl MatchStatus {
    /// As the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::ExactMatch => "exact_match",
        }
    }

    /// As the database's match table spells it.
    #[must_use]
    pub fn stored_name(self) -> &'static str {
        match self {
            Self::Match => "partial",
            Self::ExactMatch => "perfect",
        }
    }

    #[must_use]
    pub fn from_stored_name(name: &str) -> Option<Self> {
        [Self::Match, Self::ExactMatch]
            .into_iter()
            .find(|status| status.stored_name() == name)
    }
}

/// One side that matches, and what turns the recompiled code into the chain's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeMatch {
    pub status: MatchStatus,
    pub transformations: Vec<Transformation>,
    pub values: TransformationValues,
}

/// At least one side matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifiedMatch {
    Creation(CodeMatch),
    Runtime(CodeMatch),
    Both {
        creation: CodeMatch,
        runtime: CodeMatch,
    },
}

impl VerifiedMatch {
    #[must_use]
    pub fn from_sides(creation: Option<CodeMatch>, runtime: Option<CodeMatch>) -> Option<Self> {
        match (creation, runtime) {
            (Some(creation), Some(runtime)) => Some(Self::Both { creation, runtime }),
            (Some(creation), None) => Some(Self::Creation(creation)),
            (None, Some(runtime)) => Some(Self::Runtime(runtime)),
            (None, None) => None,
        }
    }

    #[must_use]
    pub fn creation(&self) -> Option<&CodeMatch> {
        match self {
            Self::Creation(creation) | Self::Both { creation, .. } => Some(creation),
            Self::Runtime(_) => None,
        }
    }

    #[must_use]
    pub fn runtime(&self) -> Option<&CodeMatch> {
        match self {
            Self::Runtime(runtime) | Self::Both { runtime, .. } => Some(runtime),
            Self::Creation(_) => None,
        }
    }

    #[must_use]
    pub fn levels(&self) -> MatchLevels {
        MatchLevels {
            creation: self.creation().map(|side| side.status),
            runtime: self.runtime().map(|side| side.status),
        }
    }
}

/// How well both sides match, without the reasons: what is compared and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MatchLevels {
    pub creation: Option<MatchStatus>,
    pub runtime: Option<MatchStatus>,
}

impl MatchLevels {
    /// One side is strictly better and the other is not worse: nothing else replaces a match.
    #[must_use]
    pub fn is_better_than(self, other: Self) -> bool {
        self.creation >= other.creation && self.runtime >= other.runtime && self != other
    }

    /// The better side.
    #[must_use]
    pub fn best(self) -> Option<MatchStatus> {
        self.creation.max(self.runtime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_match_that_is_nowhere_worse_replaces_another() {
        let levels = |creation, runtime| MatchLevels { creation, runtime };
        let (none, partial, exact) = (
            None,
            Some(MatchStatus::Match),
            Some(MatchStatus::ExactMatch),
        );
        for (new, old, better) in [
            (levels(none, partial), levels(none, none), true),
            (levels(none, exact), levels(none, partial), true),
            (levels(partial, exact), levels(none, exact), true),
            (levels(exact, exact), levels(partial, exact), true),
            (levels(none, exact), levels(none, exact), false),
            (levels(none, exact), levels(partial, partial), false),
            (levels(exact, partial), levels(none, exact), false),
            (levels(none, partial), levels(exact, exact), false),
        ] {
            assert_eq!(new.is_better_than(old), better, "{new:?} over {old:?}");
        }
        assert_eq!(levels(none, exact).best(), exact);
    }
}
