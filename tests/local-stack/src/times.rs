//! Many times of one kind, in a number.

use std::time::Duration;

/// In milliseconds, of the nearest rank.
#[must_use]
pub fn percentile(times: &[Duration], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    let rank = sorted
        .len()
        .saturating_mul(percent)
        .div_ceil(100)
        .saturating_sub(1);
    sorted
        .get(rank)
        .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let times: Vec<Duration> = (1..=20).rev().map(Duration::from_millis).collect();
        for (percent, wanted) in [(50, 10.0), (95, 19.0), (100, 20.0)] {
            assert!(
                (percentile(&times, percent) - wanted).abs() < 1e-9,
                "{percent}"
            );
        }
        assert!(percentile(&[], 50).abs() < 1e-9);
    }
}
