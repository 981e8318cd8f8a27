//! What came of a run, in lines.

use std::collections::BTreeMap;
use std::fmt;

use super::waits::Wait;

/// Counts, and what must never be, one by one.
#[derive(Debug, Default)]
pub struct Report {
    pub wished: usize,
    /// By a 202.
    pub accepted: usize,
    /// Their 202 was lost on its way; they were told so when they asked again.
    pub unheard: usize,
    /// Jobs in the table.
    pub rows: usize,
    /// With the end that was expected.
    pub completed: usize,
    /// With `already_verified`: a client that lost its answer asked again, and an earlier job of its own
    /// had done it.
    pub repeated: usize,
    pub open: usize,
    pub compilers_left: usize,
    /// Attempts.
    pub cut_off: usize,
    pub(super) longest_wait: Option<Wait>,
    /// Of those into which a single fault fell.
    pub(super) longest_wait_alone: Option<Wait>,
    failed: BTreeMap<String, usize>,
    refused: BTreeMap<String, usize>,
    faults: BTreeMap<String, usize>,
    lost: Vec<String>,
    twice: Vec<String>,
    wrong: Vec<String>,
    unreadable: Vec<String>,
}

impl Report {
    pub(super) fn failed(&mut self, code: String) {
        count(&mut self.failed, code);
    }

    pub(super) fn refused(&mut self, why: String) {
        count(&mut self.refused, why);
    }

    pub(super) fn fault(&mut self, kind: String) {
        count(&mut self.faults, kind);
    }

    pub(super) fn lost(&mut self, what: String) {
        self.lost.push(what);
    }

    pub(super) fn twice(&mut self, what: String) {
        self.twice.push(what);
    }

    pub(super) fn wrong(&mut self, what: String) {
        self.wrong.push(what);
    }

    pub(super) fn unreadable(&mut self, what: String) {
        self.unreadable.push(what);
    }

    /// How many faults happened.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.faults.values().sum()
    }

    /// How many jobs ended without an answer, since nobody could look.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.failed.values().sum()
    }

    /// What must never be; empty if all is well.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        let named = |name: &'static str, all: &[String]| -> Vec<String> {
            all.iter().map(|what| format!("{name}: {what}")).collect()
        };
        let mut broken = named("lost", &self.lost);
        broken.extend(named("done twice", &self.twice));
        broken.extend(named("wrong verdict", &self.wrong));
        broken.extend(named("unreadable", &self.unreadable));
        // A system that refuses everything loses nothing.
        let taken = self.accepted.saturating_add(self.unheard);
        if taken < self.wished {
            broken.push(format!(
                "never accepted: {} of {}",
                self.wished.saturating_sub(taken),
                self.wished
            ));
        }
        if self.completed == 0 {
            broken.push("no job completed".to_owned());
        }
        if self.open > 0 {
            broken.push(format!("open at the end: {} jobs", self.open));
        }
        if self.compilers_left > 0 {
            broken.push(format!("{} compilers are left", self.compilers_left));
        }
        broken
    }
}

fn count(counts: &mut BTreeMap<String, usize>, name: String) {
    let count = counts.entry(name).or_default();
    *count = count.saturating_add(1);
}

fn joined(counts: &BTreeMap<String, usize>) -> String {
    let named = counts.iter().map(|(name, count)| format!("{name} {count}"));
    let all = named.collect::<Vec<_>>().join(", ");
    let total: usize = counts.values().sum();
    if all.is_empty() {
        total.to_string()
    } else {
        format!("{total} ({all})")
    }
}

fn told(wait: &Option<Wait>) -> String {
    let told = |wait: &Wait| {
        let Wait {
            seconds,
            after,
            faults,
            ..
        } = wait;
        match faults {
            1 => format!("{seconds:.1} s, {after}"),
            _ => format!("{seconds:.1} s, {faults} faults, first {after}"),
        }
    };
    wait.as_ref().map_or("none".to_owned(), told)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: String| writeln!(f, "{name:<28} {value}");
        line("submitted", self.wished.to_string())?;
        line("accepted", self.accepted.to_string())?;
        line("accepted, answer lost", self.unheard.to_string())?;
        line("refused", joined(&self.refused))?;
        line("jobs in the table", self.rows.to_string())?;
        line("completed as expected", self.completed.to_string())?;
        line("repeated, already verified", self.repeated.to_string())?;
        line("failed by reason", joined(&self.failed))?;
        line("lost", self.lost.len().to_string())?;
        line("done twice", self.twice.len().to_string())?;
        line("open at the end", self.open.to_string())?;
        line("wrong verdicts", self.wrong.len().to_string())?;
        line("unreadable contracts", self.unreadable.len().to_string())?;
        line("compilers left", self.compilers_left.to_string())?;
        line("attempts cut off", self.cut_off.to_string())?;
        line("longest wait after a fault", told(&self.longest_wait_alone))?;
        line("longest wait of all", told(&self.longest_wait))?;
        line("faults", self.faults().to_string())?;
        for (kind, count) in &self.faults {
            writeln!(f, "  {kind:<36} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_does_nothing_is_broken() {
        let mut report = Report {
            wished: 3,
            accepted: 2,
            unheard: 1,
            completed: 3,
            ..Report::default()
        };
        assert!(report.broken().is_empty());
        report.accepted = 1;
        assert_eq!(report.broken(), ["never accepted: 1 of 3"]);
        report.accepted = 2;
        report.completed = 0;
        assert_eq!(report.broken(), ["no job completed"]);
    }
}
