//! The estimate itself. Pure.

use std::time::Duration;

use common::db::jobs::RecentJob;

/// So many jobs of about this size are looked at: enough for a median, few enough to be alike.
const ALIKE: usize = 15;
/// How many times larger or smaller a job may be and tell something of another one.
const FACTOR: u64 = 8;
/// With fewer jobs that tell something, a guess is put beside them.
const FEW: usize = 3;
/// A verification ends after this, come what may, or begins again.
const LONGEST: Duration = Duration::from_secs(900);

/// The median of what the jobs like this one still had before them when they were as old. One that is
/// older than all of them is expected to take half as long again.
pub(super) fn remaining(
    recent: &[RecentJob],
    input_bytes: Option<u64>,
    open_for: Duration,
) -> Duration {
    let mut left: Vec<Duration> = took_by_those_like(recent, input_bytes)
        .into_iter()
        .filter_map(|took| took.checked_sub(open_for))
        .filter(|left| !left.is_zero())
        .collect();
    left.sort_unstable();
    let median = left.get(left.len() / 2).copied();
    median.unwrap_or(open_for / 2).min(LONGEST)
}

fn took_by_those_like(recent: &[RecentJob], input_bytes: Option<u64>) -> Vec<Duration> {
    let mut alike: Vec<(u64, Duration)> = recent
        .iter()
        .map(|job| {
            let ratio = input_bytes.map_or(PERCENT, |bytes| ratio_percent(bytes, job.input_bytes));
            (ratio, job.took)
        })
        .filter(|(ratio, _)| *ratio <= PERCENT.saturating_mul(FACTOR))
        .collect();
    // Stable: of jobs of one size the latest come first.
    alike.sort_by_key(|(ratio, _)| *ratio);
    let mut took: Vec<Duration> = alike
        .into_iter()
        .map(|(_, took)| took)
        .take(ALIKE)
        .collect();
    if took.len() < FEW {
        took.push(guess(input_bytes));
    }
    took
}

const PERCENT: u64 = 100;

/// How many times the larger of both is as large as the smaller, in percent.
fn ratio_percent(one: u64, other: u64) -> u64 {
    let (small, large) = (one.min(other).max(1), one.max(other).max(1));
    large.saturating_mul(PERCENT) / small
}

/// Nobody knows yet: a few seconds, and more for larger inputs.
fn guess(input_bytes: Option<u64>) -> Duration {
    let kibibytes = input_bytes.unwrap_or_default() / 1024;
    Duration::from_secs(3).saturating_add(Duration::from_millis(25_u64.saturating_mul(kibibytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn jobs(of: &[(u64, u64)]) -> Vec<RecentJob> {
        of.iter()
            .map(|(input_bytes, took_s)| RecentJob {
                input_bytes: *input_bytes,
                took: seconds(*took_s),
            })
            .collect()
    }

    #[test]
    fn jobs_of_the_same_size_tell_and_others_do_not() {
        let recent = jobs(&[
            (1_000, 2),
            (1_000_000, 60),
            (1_100, 4),
            (900_000, 80),
            (900, 3),
            (1_200_000, 70),
        ]);
        assert_eq!(remaining(&recent, Some(1_000), seconds(0)), seconds(3));
        assert_eq!(remaining(&recent, Some(1_000_000), seconds(0)), seconds(70));
    }

    #[test]
    fn a_job_is_compared_with_those_that_were_open_as_long() {
        let recent = jobs(&[(1_000, 2), (1_000, 4), (1_000, 6), (1_000, 20)]);
        assert_eq!(remaining(&recent, Some(1_000), seconds(3)), seconds(3));
        assert_eq!(remaining(&recent, Some(1_000), seconds(10)), seconds(10));
        assert_eq!(remaining(&recent, Some(1_000), seconds(40)), seconds(20));
    }

    #[test]
    fn without_a_history_the_size_alone_tells() {
        assert_eq!(remaining(&[], Some(0), seconds(0)), seconds(3));
        assert_eq!(remaining(&[], None, seconds(0)), seconds(3));
        let large = remaining(&[], Some(400 << 10), seconds(0));
        assert_eq!(large, seconds(13));
        assert_eq!(remaining(&[], Some(u64::MAX), seconds(0)), LONGEST);
        assert_eq!(remaining(&[], Some(0), Duration::MAX), LONGEST);
    }

    #[test]
    fn one_odd_job_is_not_believed_alone() {
        let recent = jobs(&[(1_000, 800)]);
        assert_eq!(remaining(&recent, Some(1_000), seconds(0)), seconds(800));
        let recent = jobs(&[(1_000, 800), (1_000, 2), (1_000, 2)]);
        assert_eq!(remaining(&recent, Some(1_000), seconds(0)), seconds(2));
        assert_eq!(remaining(&recent, None, seconds(0)), seconds(2));
    }

    #[test]
    fn no_numbers_overflow() {
        let recent = jobs(&[(0, 0), (u64::MAX, u64::MAX)]);
        for bytes in [None, Some(0), Some(u64::MAX)] {
            for open_for in [Duration::ZERO, Duration::MAX] {
                assert!(remaining(&recent, bytes, open_for) <= LONGEST);
            }
        }
    }
}
