//! What of a contract's code is run: its instructions, and not the data behind them.
//!
//! Metadata, tables and values of Vyper stand after the code. Read as instructions they say anything:
//! of ten hashes of metadata one holds the byte of CREATE.

const JUMP: u8 = 0x56;
pub(super) const JUMPDEST: u8 = 0x5b;
pub(super) const PUSH0: u8 = 0x5f;
const PUSH1: u8 = 0x60;
pub(super) const PUSH32: u8 = 0x7f;

/// Each opcode with what it pushes, in the order in which they stand.
pub(super) fn all_instructions(code: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let (&opcode, after) = rest.split_first()?;
        let pushed = if (PUSH1..=PUSH32).contains(&opcode) {
            usize::from(opcode - PUSH0)
        } else {
            0
        };
        let (argument, after) = after.split_at(pushed.min(after.len()));
        rest = after;
        Some((opcode, argument))
    })
}

/// Those that can be run: where a path ends, the next begins with a JUMPDEST.
pub(super) fn live_instructions(code: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut is_live = true;
    all_instructions(without_metadata(code)).filter(move |(opcode, _)| {
        is_live |= *opcode == JUMPDEST;
        let was_live = is_live;
        is_live &= !ends_path(*opcode);
        was_live
    })
}

/// STOP, JUMP, RETURN, REVERT, INVALID, SELFDESTRUCT.
fn ends_path(opcode: u8) -> bool {
    matches!(opcode, 0x00 | JUMP | 0xf3 | 0xfd..=0xff)
}

/// Metadata is a CBOR map whose first key is text; the last two bytes tell its length.
fn without_metadata(code: &[u8]) -> &[u8] {
    let cut = || {
        let (rest, length) = code.split_last_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (before, metadata) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
        matches!(metadata, [0xa1..=0xb7, 0x60..=0x77, ..]).then_some(before)
    };
    cut().unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(code: &str) -> Vec<u8> {
        let code = hex::decode(code).unwrap();
        live_instructions(&code).map(|(opcode, _)| opcode).collect()
    }

    #[test]
    fn what_is_pushed_is_no_instruction() {
        assert_eq!(live("60f4f4"), [0x60, 0xf4]);
        assert_eq!(live("7ff4f4"), [PUSH32], "cut off");
        assert!(live("").is_empty());
    }

    #[test]
    fn data_behind_an_end_is_not_run() {
        for end in ["00", "56", "f3", "fd", "fe", "ff"] {
            let opcode = hex::decode(end).unwrap();
            assert_eq!(live(&format!("{end}f0f4")), opcode, "{end}");
            let next = [opcode.as_slice(), &[JUMPDEST, 0xf4]].concat();
            assert_eq!(live(&format!("{end}f05bf4")), next, "{end}");
        }
    }

    #[test]
    fn metadata_is_not_run() {
        // Also where nothing stands between, and a JUMPDEST in it.
        assert_eq!(live("58a264697066735bf00008"), [0x58]);
        // No length that fits, no map, no key.
        let all = [0x58, 0xa2, 0x64, 0xf0, 0x00];
        assert_eq!(live("58a264697066735bf000ff"), all);
        assert_eq!(live("58f0f40002"), [0x58, 0xf0, 0xf4, 0x00]);
    }
}
