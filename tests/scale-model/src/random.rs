//! Numbers that look random and are the same in every run: `SplitMix64`, which needs no dependency and never changes.

use std::time::Duration;

use crate::inputs::Spread;

#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Evenly from 0 up to, not including, 1.
    pub(crate) fn chance(&mut self) -> f64 {
        // The upper 32 bits are as many as a wait needs, and fit an f64 exactly.
        let high = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        f64::from(high) / 4_294_967_296.0
    }

    /// One of `n` things; 0 if there is only one, or none.
    pub(crate) fn one_of(&mut self, n: usize) -> usize {
        let n = u64::try_from(n.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % n).unwrap_or(0)
    }

    /// Between two events of a Poisson process.
    pub(crate) fn exponential(&mut self, mean_s: f64) -> Duration {
        seconds(-mean_s * (1.0 - self.chance()).ln())
    }

    /// Log-normal with this median and 95th percentile: never negative, and a few take much longer.
    pub(crate) fn spread(&mut self, spread: Spread) -> Duration {
        let (u, v) = (1.0 - self.chance(), self.chance());
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        seconds(spread.p50_s * (spread.sigma() * normal).exp())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// What is no length of time, such as infinity, is none.
pub(crate) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Waits;

    #[test]
    fn the_same_seed_says_the_same() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            [random.chance(), random.chance(), random.chance()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn a_spread_has_the_percentiles_that_it_names() {
        let mut random = Random::new(1);
        let wanted = Spread {
            p50_s: 0.4,
            p95_s: 1.5,
        };
        let drawn = Waits::of((0..200_000).map(|_| random.spread(wanted)).collect());
        assert!((drawn.p50_s - 0.4).abs() < 0.01, "{drawn:?}");
        assert!((drawn.p95_s - 1.5).abs() < 0.03, "{drawn:?}");
    }

    #[test]
    fn the_mean_of_an_exponential_is_its_mean() {
        let mut random = Random::new(1);
        let sum: Duration = (0..200_000).map(|_| random.exponential(2.0)).sum();
        assert!((sum.as_secs_f64() / 200_000.0 - 2.0).abs() < 0.02);
    }
}
