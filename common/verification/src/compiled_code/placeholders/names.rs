//! Placeholders that are names: solc before 0.5.
//!
//! A name is cut at 36 bytes, be it within a character. What is printed then is no text. solc's
//! own builds for JavaScript read it as one all the same: the underscores after the cut are taken
//! for the rest of the character, each as if it was the byte 9F. Where that is no character either,
//! 0.4.24 puts U+FFFD in its place. Programs print the bytes as they are, and each that is no text
//! is read as a question mark.
//!
//! Not read are names cut within a character of which three bytes are missing, because a digit of
//! the code is swallowed with the underscores, and the oldest builds' shorter form for some of
//! those that lack two.

use std::str::from_utf8;

use super::PLACEHOLDER_DIGITS;

const NAME_START: usize = 2;
const NAME_LIMIT: usize = 36;
/// What an underscore is as the continuation of a character: its last six bits.
const CONTINUED: u8 = 0x9f;
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
/// For bytes that are no text: see `compiler_output`.
const NO_TEXT: u8 = b'?';

/// Every form the placeholder of this name may have.
pub(super) fn placeholders(full_name: &str) -> Vec<Vec<u8>> {
    let name = full_name.as_bytes();
    let cut = name.get(..NAME_LIMIT).unwrap_or(name);
    let mut printed = [b"__", cut].concat();
    printed.resize(PLACEHOLDER_DIGITS, b'_');
    let Err(cut_within) = from_utf8(cut) else {
        return vec![printed];
    };
    let rest = full_name.get(cut_within.valid_up_to()..);
    let width = rest
        .and_then(|rest| rest.chars().next())
        .map(char::len_utf8);
    let start = NAME_START.saturating_add(cut_within.valid_up_to());
    let end = start.saturating_add(width.unwrap_or_default());
    let cut_at = NAME_START.saturating_add(NAME_LIMIT);
    [
        filled(&printed, start..cut_at, NO_TEXT),
        continued(&printed, start, cut_at, end),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn filled(printed: &[u8], range: std::ops::Range<usize>, byte: u8) -> Option<Vec<u8>> {
    let mut filled = printed.to_vec();
    filled.get_mut(range)?.fill(byte);
    Some(filled)
}

/// The character goes on after the cut.
fn continued(printed: &[u8], start: usize, cut_at: usize, end: usize) -> Option<Vec<u8>> {
    let mut continued = filled(printed, cut_at..end, CONTINUED)?;
    if from_utf8(&continued).is_err() {
        let character = continued.get_mut(start..end)?;
        (character.len() == REPLACEMENT.len()).then(|| character.copy_from_slice(REPLACEMENT))?;
    }
    Some(continued)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What 0.4.24 prints for such paths.
    #[test]
    fn a_name_is_cut_at_thirty_six_bytes() {
        for (name, wanted) in [
            ("a.sol:L", vec!["__a.sol:L_______________________________"]),
            (
                "contrats/été.sol:Lib",
                vec!["__contrats/été.sol:Lib________________"],
            ),
            (
                "directory/longer-than-that/file.sol:Lib",
                vec!["__directory/longer-than-that/file.sol:__"],
            ),
            (
                "contrats/ééééééééééééééééééé.sol:Lib",
                vec![
                    "__contrats/ééééééééééééé?__",
                    "__contrats/ééééééééééééé\u{df}_",
                ],
            ),
            (
                "a€€€€€€€€€€€€.sol:L",
                vec!["__a€€€€€€€€€€€??__", "__a€€€€€€€€€€€\u{209f}_"],
            ),
            (
                "aa€€€€€€€€€€€€.sol:L",
                vec!["__aa€€€€€€€€€€€?__", "__aa€€€€€€€€€€€\u{27df}"],
            ),
            (
                "aaกกกกกกกกกกกก.sol:L",
                vec!["__aaกกกกกกกกกกก?__", "__aaกกกกกกกกกกก\u{fffd}"],
            ),
            (
                "aaa😀😀😀😀😀😀😀😀😀.sol:L",
                vec!["__aaa😀😀😀😀😀😀😀😀?__"],
            ),
        ] {
            let found = placeholders(name);
            let wanted: Vec<_> = wanted
                .into_iter()
                .map(|form| form.as_bytes().to_vec())
                .collect();
            assert_eq!(found, wanted, "{name}");
            assert!(found.iter().all(|form| form.len() == PLACEHOLDER_DIGITS));
        }
    }
}
