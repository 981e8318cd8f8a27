//! Where values stand in a code, found in one pass for all of them.

use std::collections::{BTreeMap, BTreeSet};

/// All that counting needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurrences {
    None,
    Once { offset: usize },
    Several,
}

/// Of each value. A contract may embed thousands of others, so the code isn't searched anew for
/// each: every window of it is looked up among the values. Those have few lengths.
pub(super) fn count<'a>(
    code: &[u8],
    values: impl IntoIterator<Item = &'a [u8]>,
) -> BTreeMap<&'a [u8], Occurrences> {
    let mut by_length: BTreeMap<usize, Wanted<'a>> = BTreeMap::new();
    for value in values {
        let wanted = by_length.entry(value.len()).or_default();
        wanted.first_bytes.extend(value.first());
        wanted.values.insert(value, Occurrences::None);
    }
    let mut found = BTreeMap::new();
    for (length, mut wanted) in by_length {
        if length > 0 {
            for (offset, window) in code.windows(length).enumerate() {
                wanted.see(offset, window);
            }
        }
        found.append(&mut wanted.values);
    }
    found
}

/// The values of one length.
#[derive(Default)]
struct Wanted<'a> {
    /// Nearly all metadata begins alike: most windows need no search.
    first_bytes: BTreeSet<u8>,
    values: BTreeMap<&'a [u8], Occurrences>,
}

impl Wanted<'_> {
    fn see(&mut self, offset: usize, window: &[u8]) {
        let may_be_wanted = window
            .first()
            .is_some_and(|byte| self.first_bytes.contains(byte));
        if !may_be_wanted {
            return;
        }
        if let Some(occurrences) = self.values.get_mut(window) {
            *occurrences = match occurrences {
                Occurrences::None => Occurrences::Once { offset },
                Occurrences::Once { .. } | Occurrences::Several => Occurrences::Several,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_wherever_they_begin() {
        let code = [1, 2, 1, 2, 1, 3, 3, 3, 4];
        let values: [&[u8]; 8] = [
            &[1, 2, 1],
            &[2, 1, 3],
            &[3],
            &[4],
            &[3, 3, 3, 4],
            &[4, 4],
            &[1; 10],
            &[],
        ];
        let wanted = [
            Occurrences::Several,
            Occurrences::Once { offset: 3 },
            Occurrences::Several,
            Occurrences::Once { offset: 8 },
            Occurrences::Once { offset: 5 },
            Occurrences::None,
            Occurrences::None,
            Occurrences::None,
        ];
        let wanted: BTreeMap<_, _> = values.into_iter().zip(wanted).collect();
        assert_eq!(count(&code, values), wanted);
    }
}
