//! Numbers that a seed decides: the same on every machine, for ever.

use std::time::Duration;

/// The generator `SplitMix64`, which needs one number of state and may begin with any.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another, whose numbers have nothing to do with those of this one.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of them; none of nothing.
    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let index = self.next().checked_rem(count)?;
        all.get(usize::try_from(index).ok()?)
    }

    /// To the millisecond; `to` is not among them unless it is `from`.
    pub(super) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let millis = to.saturating_sub(from).as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        let more = self.next().checked_rem(millis).unwrap_or(0);
        from.saturating_add(Duration::from_millis(more))
    }

    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let places = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
            let other = self.next().checked_rem(places).unwrap_or(0);
            all.swap(last, usize::try_from(other).unwrap_or(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_all_numbers() {
        let mut random = Random::new(0);
        let first = [random.next(), random.next()];
        assert_eq!(first, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
        let mut all = [1, 2, 3, 4, 5];
        Random::new(7).shuffle(&mut all);
        let mut again = [1, 2, 3, 4, 5];
        Random::new(7).shuffle(&mut again);
        assert_eq!(all, again);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3, 4, 5]);
        let (from, to) = (Duration::from_millis(5), Duration::from_millis(8));
        for _ in 0..50 {
            let drawn = random.between(from, to);
            assert!(drawn >= from && drawn < to, "{drawn:?}");
        }
        assert_eq!(random.between(to, from), to);
        assert_eq!(random.one_of::<u8>(&[]), None);
    }
}
