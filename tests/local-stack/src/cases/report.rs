//! What came of many cases, in lines.

use std::collections::BTreeMap;
use std::fmt;

use super::runner::{Outcome, Verdict};

/// Counts; [`Report::add`] gives the line of a case that needs one.
#[derive(Debug, Default)]
pub struct Report {
    groups: BTreeMap<String, Count>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Report {
    /// Counts a case. Gives a line unless it passed.
    pub fn add(&mut self, outcome: &Outcome<'_>) -> Option<String> {
        let case = outcome.case;
        let count = self.groups.entry(case.group.clone()).or_default();
        let (word, why) = match &outcome.verdict {
            Verdict::Passed => {
                count.passed = count.passed.saturating_add(1);
                return None;
            }
            Verdict::Failed(differences) => {
                count.failed = count.failed.saturating_add(1);
                ("FAIL", differences.join("; "))
            }
            Verdict::Skipped(reason) => {
                count.skipped = count.skipped.saturating_add(1);
                ("SKIP", reason.clone())
            }
        };
        let (id, version) = (&case.id, &case.compiler_version);
        Some(format!("{word} {id} ({version}): {why}"))
    }

    #[must_use]
    pub fn has_failures(&self) -> bool {
        self.total().failed > 0
    }

    /// Of each group, how many of its cases passed.
    #[must_use]
    pub fn groups(&self) -> String {
        let groups = self.groups.iter().map(|(group, count)| {
            let passed = format!("{group} {}/{}", count.passed, count.all());
            match count.skipped {
                0 => passed,
                skipped => format!("{passed} ({skipped} skipped)"),
            }
        });
        groups.collect::<Vec<_>>().join("  ")
    }

    fn total(&self) -> Count {
        self.groups
            .values()
            .fold(Count::default(), |total, count| total.plus(*count))
    }
}

/// The last line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        write!(f, "{} passed, {} failed", total.passed, total.failed)?;
        match total.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

impl Count {
    fn all(self) -> usize {
        let ended = self.passed.saturating_add(self.failed);
        ended.saturating_add(self.skipped)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
            skipped: self.skipped.saturating_add(other.skipped),
        }
    }
}
