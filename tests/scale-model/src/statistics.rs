//! What is told of many waits, and of a number that changes over time.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

/// Percentiles by nearest rank: each is a wait that somebody had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Waits {
    pub(crate) p50_s: f64,
    pub(crate) p95_s: f64,
    pub(crate) p99_s: f64,
    pub(crate) max_s: f64,
    pub(crate) mean_s: f64,
}

impl Waits {
    pub(crate) fn of(mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        let total: Duration = waits.iter().sum();
        Self {
            p50_s: rank(&waits, 500),
            p95_s: rank(&waits, 950),
            p99_s: rank(&waits, 990),
            max_s: rank(&waits, 1000),
            mean_s: total.as_secs_f64() / count(waits.len()).max(1.0),
        }
    }
}

fn rank(sorted: &[Duration], per_mille: usize) -> f64 {
    let position = (sorted.len() * per_mille).div_ceil(1000).saturating_sub(1);
    sorted.get(position).map_or(0.0, Duration::as_secs_f64)
}

/// How many, for a division.
pub(crate) fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// The next whole number; 0 for what is negative or no number.
#[expect(
    clippy::as_conversions,
    reason = "saturates, which is what is wanted; std has no other conversion"
)]
pub(crate) fn rounded_up(value: f64) -> u32 {
    // A hair below: 12 / 0.6 is 20, whatever the last bit says.
    (value - 1e-9).ceil() as u32
}

/// A number that changes, and its sum over time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Level {
    value: u32,
    since: Duration,
    sum: f64,
    peak: u32,
}

impl Level {
    pub(crate) fn set(&mut self, now: Duration, value: u32) {
        self.sum = self.sum_until(now);
        self.since = now;
        self.value = value;
        self.peak = self.peak.max(value);
    }

    pub(crate) fn add(&mut self, now: Duration, more: u32) {
        self.set(now, self.value.saturating_add(more));
    }

    pub(crate) fn remove(&mut self, now: Duration, less: u32) {
        self.set(now, self.value.saturating_sub(less));
    }

    pub(crate) fn value(&self) -> u32 {
        self.value
    }

    pub(crate) fn peak(&self) -> u32 {
        self.peak
    }

    /// Value times seconds since the start.
    pub(crate) fn sum_until(&self, now: Duration) -> f64 {
        let held = now.saturating_sub(self.since).as_secs_f64();
        self.sum + f64::from(self.value) * held
    }
}

/// A mean over the last minute, asked every few seconds: what autoscalers go by.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastMinute {
    sums: VecDeque<(Duration, f64)>,
}

impl LastMinute {
    const LENGTH: Duration = Duration::from_secs(60);

    /// `sum`: value times seconds, from the start until now.
    pub(crate) fn mean(&mut self, now: Duration, sum: f64) -> f64 {
        self.sums.push_back((now, sum));
        while self.sums.len() > 1
            && self
                .sums
                .front()
                .is_some_and(|(at, _)| now.saturating_sub(*at) > Self::LENGTH)
        {
            self.sums.pop_front();
        }
        // Before the first look there was nothing: a young service has a minute behind it, too.
        let earlier = self.sums.front().map_or(0.0, |(_, earlier)| *earlier);
        (sum - earlier) / Self::LENGTH.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_percentile_is_a_wait_that_somebody_had() {
        let waits = Waits::of((1..=100).map(s).collect());
        let wanted = Waits {
            p50_s: 50.0,
            p95_s: 95.0,
            p99_s: 99.0,
            max_s: 100.0,
            mean_s: 50.5,
        };
        assert_eq!(waits, wanted);
        assert_eq!(Waits::of(vec![]), Waits::default());
        assert_eq!(Waits::of(vec![s(3)]).p50_s, 3.0);
    }

    #[test]
    fn a_level_is_summed_over_time() {
        let mut level = Level::default();
        level.add(s(10), 4);
        level.remove(s(20), 3);
        assert_eq!(level.sum_until(s(30)), 50.0);
        assert_eq!((level.value(), level.peak()), (1, 4));
    }

    #[test]
    fn the_last_minute_forgets_what_was_before() {
        let (mut level, mut minute) = (Level::default(), LastMinute::default());
        level.set(s(0), 6);
        assert_eq!(minute.mean(s(0), level.sum_until(s(0))), 0.0);
        assert_eq!(minute.mean(s(30), level.sum_until(s(30))), 3.0);
        assert_eq!(minute.mean(s(60), level.sum_until(s(60))), 6.0);
        level.set(s(60), 0);
        assert_eq!(minute.mean(s(90), level.sum_until(s(90))), 3.0);
        assert_eq!(minute.mean(s(150), level.sum_until(s(150))), 0.0);
    }

    #[test]
    fn whole_numbers_stay_and_others_are_rounded_up() {
        let rounded = [12.0 / 0.6, 20.1, 0.0, -1.0, f64::NAN].map(rounded_up);
        assert_eq!(rounded, [20, 21, 0, 0, 0]);
    }
}
