//! Whether code hands its whole call on to an address that stands in it.
//!
//! Calls of linked libraries delegate to such an address too, but with data of their own. So the code
//! is followed along each straight line, with what is known of the stack: only the call's own data,
//! from its first byte to its last, makes a proxy. Lines are not joined where code jumps, so that a
//! proxy which jumps between the copy and the call is overlooked, and nothing else is taken for one.

use alloy_primitives::U256;
use verification::chain::Address;

use super::code::{JUMPDEST, PUSH0, PUSH32, live_instructions};
use super::detect::DELEGATECALL;

const ADD: u8 = 0x01;
const SUB: u8 = 0x03;
const AND: u8 = 0x16;
const SHL: u8 = 0x1b;
const CALLDATASIZE: u8 = 0x36;
const CALLDATACOPY: u8 = 0x37;
const RETURNDATASIZE: u8 = 0x3d;
const DUP1: u8 = 0x80;
const DUP16: u8 = 0x8f;
const SWAP1: u8 = 0x90;
const SWAP16: u8 = 0x9f;

/// The address to which the call is forwarded whole.
pub(super) fn fixed_target(runtime: &[u8]) -> Option<Address> {
    let mut line = Line::default();
    live_instructions(runtime).find_map(|(opcode, pushed)| line.step(opcode, pushed))
}

/// A word of the stack: a sum of what may be unknown, so many times the call's length, and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    /// Which unknown one; equal ones are equal words.
    unknown: Option<usize>,
    lengths: u8,
    number: U256,
}

impl Word {
    const CALL_LENGTH: Self = Self {
        unknown: None,
        lengths: 1,
        number: U256::ZERO,
    };

    const fn of(number: U256) -> Self {
        Self {
            unknown: None,
            lengths: 0,
            number,
        }
    }

    fn known(self) -> Option<U256> {
        (self == Self::of(self.number)).then_some(self.number)
    }

    fn plus(self, other: Self) -> Option<Self> {
        let unknown = match (self.unknown, other.unknown) {
            (Some(_), Some(_)) => return None,
            (one, other) => one.or(other),
        };
        Some(Self {
            unknown,
            lengths: self.lengths.checked_add(other.lengths)?,
            number: self.number.wrapping_add(other.number),
        })
    }

    fn minus(self, other: Self) -> Option<Self> {
        let unknown = match (self.unknown, other.unknown) {
            (one, None) => one,
            (one, other) if one == other => None,
            _ => return None,
        };
        Some(Self {
            unknown,
            lengths: self.lengths.checked_sub(other.lengths)?,
            number: self.number.wrapping_sub(other.number),
        })
    }

    /// Neither zero nor a mask of all bits, which stands before calls too.
    fn address(self) -> Option<Address> {
        let bytes = self.known()?.to_be_bytes::<32>();
        let (padding, address) = bytes.split_last_chunk::<20>()?;
        let is_address =
            padding.iter().all(|byte| *byte == 0) && ![[0; 20], [0xff; 20]].contains(address);
        is_address.then(|| Address::from_bytes(*address))
    }
}

/// What is known at a place of a straight line.
#[derive(Debug, Default)]
struct Line {
    stack: Vec<Word>,
    unknown: usize,
    /// Where in the memory the whole call stands.
    copy: Option<Word>,
    /// Somebody may have answered; before that, RETURNDATASIZE is the cheapest zero.
    may_have_called: bool,
}

impl Line {
    /// The target, once the call is forwarded to it.
    fn step(&mut self, opcode: u8, pushed: &[u8]) -> Option<Address> {
        match opcode {
            JUMPDEST => {
                self.stack.clear();
                self.copy = None;
                self.may_have_called = true;
            }
            PUSH0..=PUSH32 => self.push(U256::try_from_be_slice(pushed).map(Word::of)),
            DUP1..=DUP16 => {
                let index = self.index(opcode - DUP1);
                self.push(self.stack.get(index).copied());
            }
            SWAP1..=SWAP16 => {
                let (deep, top) = (self.index(opcode - SWAP1 + 1), self.index(0));
                self.stack.swap(deep, top);
            }
            CALLDATASIZE => self.push(Some(Word::CALL_LENGTH)),
            RETURNDATASIZE if !self.may_have_called => self.push(Some(Word::of(U256::ZERO))),
            ADD | SUB | AND | SHL => self.calculate(opcode),
            CALLDATACOPY => {
                let [to, from, length] = self.pop();
                let is_whole = from == Word::of(U256::ZERO) && length == Word::CALL_LENGTH;
                self.copy = is_whole.then_some(to);
            }
            DELEGATECALL => return self.delegate(),
            other => {
                let (pops, pushes) = effect(other);
                self.may_have_called |= matches!(other, 0xf0..=0xf2 | 0xf5 | 0xfa);
                for _ in 0..pops {
                    self.pop::<1>();
                }
                if pushes {
                    self.push(None);
                }
            }
        }
        None
    }

    fn delegate(&mut self) -> Option<Address> {
        let [_gas, to, start, length, _, _] = self.pop();
        let is_whole = self.copy == Some(start) && length == Word::CALL_LENGTH;
        self.may_have_called = true;
        self.push(None);
        to.address().filter(|_| is_whole)
    }

    fn calculate(&mut self, opcode: u8) {
        let [first, second] = self.pop();
        let both = first.known().zip(second.known());
        let result = match opcode {
            ADD => first.plus(second),
            SUB => first.minus(second),
            AND => both.map(|(first, second)| Word::of(first & second)),
            _ => both.map(|(by, word)| Word::of(word.wrapping_shl(by.saturating_to()))),
        };
        self.push(result);
    }

    /// `None`: a new unknown word.
    fn push(&mut self, word: Option<Word>) {
        let word = word.unwrap_or_else(|| self.fresh());
        self.stack.push(word);
    }

    /// The first is the top.
    fn pop<const N: usize>(&mut self) -> [Word; N] {
        std::array::from_fn(|_| self.stack.pop().unwrap_or_else(|| self.fresh()))
    }

    fn fresh(&mut self) -> Word {
        self.unknown = self.unknown.saturating_add(1);
        Word {
            unknown: Some(self.unknown),
            ..Word::of(U256::ZERO)
        }
    }

    /// Where the word stands that so many others are on top of. What was there before the line
    /// becomes known as far as it is needed.
    fn index(&mut self, depth: u8) -> usize {
        let depth = usize::from(depth);
        while self.stack.len() <= depth {
            let word = self.fresh();
            self.stack.insert(0, word);
        }
        self.stack.len().saturating_sub(depth).saturating_sub(1)
    }
}

/// How many words an instruction takes, and whether it gives one. Those that end a line need none.
fn effect(opcode: u8) -> (u8, bool) {
    match opcode {
        0x08 | 0x09 => (3, true),
        0x15 | 0x19 | 0x1e => (1, true),
        0x01..=0x0b | 0x10..=0x1d | 0x20 => (2, true),
        0x31 | 0x35 | 0x3b | 0x3f | 0x40 | 0x49 | 0x51 | 0x54 | 0x5c => (1, true),
        0x30..=0x36 | 0x38 | 0x3a | 0x3d | 0x41..=0x4a | 0x58..=0x5a => (0, true),
        0x3c => (4, false),
        0x39 | 0x3e | 0x5e => (3, false),
        0x50 => (1, false),
        0x52 | 0x53 | 0x55 | 0x57 | 0x5d => (2, false),
        0xa0..=0xa4 => (opcode - 0xa0 + 2, false),
        0xf0 => (3, true),
        0xf1 | 0xf2 => (7, true),
        0xf5 => (4, true),
        0xfa => (6, true),
        _ => (0, false),
    }
}
