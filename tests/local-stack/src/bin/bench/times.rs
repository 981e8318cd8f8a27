//! Times of many verifications, in a line.

use std::time::Duration;

use local_stack::times::percentile;

#[derive(Default)]
pub(crate) struct Times {
    pub(crate) accept: Vec<Duration>,
    pub(crate) total: Vec<Duration>,
    pub(crate) repeat: Vec<Duration>,
    pub(crate) bare: Vec<Duration>,
    /// The most that the compiler's process had in any round.
    pub(crate) peak_bytes: u64,
}

pub(crate) const EXPLAINED: &str = "\
milliseconds; total: submission to isJobCompleted; repeat: the same for the same input at another
address; bare: the same engine in the same sandbox on the same input, without any service; ratio: of
the medians of total and bare; peak: resident memory of the compiler's process in the bare runs";

impl Times {
    pub(crate) fn head() -> String {
        format!(
            "{:<26} {:>10} {:>10} {:>9} {:>9} {:>10} {:>10} {:>8} {:>6} {:>8}",
            "input",
            "accept p50",
            "accept p95",
            "total p50",
            "total p95",
            "repeat p50",
            "repeat p95",
            "bare p50",
            "ratio",
            "peak MB"
        )
    }

    pub(crate) fn row(&self, name: &str) -> String {
        let total = percentile(&self.total, 50);
        let bare = percentile(&self.bare, 50);
        format!(
            "{name:<26} {:>10.1} {:>10.1} {total:>9.1} {:>9.1} {:>10.1} {:>10.1} {bare:>8.1} {:>6.2} {:>8}",
            percentile(&self.accept, 50),
            percentile(&self.accept, 95),
            percentile(&self.total, 95),
            percentile(&self.repeat, 50),
            percentile(&self.repeat, 95),
            total / bare,
            self.peak_bytes >> 20,
        )
    }
}
