//! The ABI's types, read from its JSON.

use serde_json::Value;

/// Arrays and structs within each other. Compilers stop far earlier; a type of this depth can't
/// exhaust the stack.
const DEPTH_LIMIT: usize = 64;

pub(super) const WORD: usize = 32;

/// A type, with what the walk over bytes asks of it again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AbiType {
    pub(super) shape: Shape,
    /// Whether a value has a tail.
    pub(super) is_dynamic: bool,
    /// Bytes of a value among the heads; never zero.
    pub(super) head_size: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Word(Word),
    Bytes,
    String,
    List(Box<AbiType>),
    FixedList(Box<AbiType>, usize),
    Tuple(Vec<AbiType>),
}

/// What of a word may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Bool,
    /// So many bytes at the end, zeros before.
    Unsigned(usize),
    /// So many bytes at the end, their sign before.
    Signed(usize),
    /// So many bytes at the start, zeros after.
    Left(usize),
}

impl AbiType {
    /// Reads an input of the ABI: `{"type": …, "components": …}`.
    pub(crate) fn parse(parameter: &Value) -> Option<Self> {
        parse(parameter, DEPTH_LIMIT)
    }

    /// Nothing for a type whose values are too large to exist, or have no size at all.
    fn of(shape: Shape) -> Option<Self> {
        let is_dynamic = match &shape {
            Shape::Word(_) => false,
            Shape::Bytes | Shape::String | Shape::List(_) => true,
            Shape::FixedList(item, _) => item.is_dynamic,
            Shape::Tuple(members) => members.iter().any(|member| member.is_dynamic),
        };
        let head_size = match &shape {
            _ if is_dynamic => WORD,
            Shape::FixedList(item, count) => item.head_size.checked_mul(*count)?,
            Shape::Tuple(members) => members
                .iter()
                .try_fold(0_usize, |sum, member| sum.checked_add(member.head_size))?,
            _ => WORD,
        };
        (head_size > 0).then_some(Self {
            shape,
            is_dynamic,
            head_size,
        })
    }
}

fn parse(parameter: &Value, depth: usize) -> Option<AbiType> {
    let text = parameter.get("type")?.as_str()?;
    let (base, suffixes) = split(text);
    let mut depth = depth.checked_sub(1)?;
    let mut read = AbiType::of(match base {
        "tuple" => {
            let components = parameter.get("components")?.as_array()?;
            let members = components.iter().map(|member| parse(member, depth));
            Shape::Tuple(members.collect::<Option<_>>()?)
        }
        _ => elementary(base)?,
    })?;
    let mut rest = suffixes;
    while !rest.is_empty() {
        depth = depth.checked_sub(1)?;
        let (length, after) = rest.strip_prefix('[')?.split_once(']')?;
        read = AbiType::of(match length {
            "" => Shape::List(Box::new(read)),
            _ => Shape::FixedList(Box::new(read), number(length)?),
        })?;
        rest = after;
    }
    Some(read)
}

/// `uint8[2][]` is `uint8` and `[2][]`.
fn split(text: &str) -> (&str, &str) {
    let end = text.find('[').unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn elementary(name: &str) -> Option<Shape> {
    let word = match name {
        "bytes" => return Some(Shape::Bytes),
        "string" => return Some(Shape::String),
        "bool" => Word::Bool,
        "address" => Word::Unsigned(20),
        "function" => Word::Left(24),
        _ => {
            if let Some(bits) = name.strip_prefix("uint") {
                Word::Unsigned(bytes_of(bits)?)
            } else if let Some(bits) = name.strip_prefix("int") {
                Word::Signed(bytes_of(bits)?)
            } else if let Some(length) = name.strip_prefix("bytes") {
                Word::Left(number(length).filter(|length| *length <= 32)?)
            } else if let Some(size) = name.strip_prefix("ufixed") {
                Word::Unsigned(fixed_point(size)?)
            } else {
                // Vyper's decimals were fixed168x10.
                Word::Signed(fixed_point(name.strip_prefix("fixed")?)?)
            }
        }
    };
    Some(Shape::Word(word))
}

/// `128x18`: so many bits and decimals.
fn fixed_point(size: &str) -> Option<usize> {
    let (bits, decimals) = size.split_once('x')?;
    number(decimals).filter(|decimals| *decimals <= 80)?;
    bytes_of(bits)
}

fn bytes_of(bits: &str) -> Option<usize> {
    let bits = number(bits).filter(|bits| *bits <= 256)?;
    (bits.checked_rem(8) == Some(0)).then(|| bits.checked_div(8))?
}

/// Above zero: nothing in an ABI has no size.
fn number(digits: &str) -> Option<usize> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    is_number.then(|| digits.parse().ok()).flatten()
}

/// The type as signatures spell it: a struct is its members in parentheses. Nothing for types that
/// only libraries have.
pub(crate) fn canonical_name(parameter: &Value) -> Option<String> {
    AbiType::parse(parameter)?;
    let mut name = String::new();
    write_name(parameter, &mut name)?;
    Some(name)
}

/// As deep as parsing went, which the caller has done.
fn write_name(parameter: &Value, name: &mut String) -> Option<()> {
    let text = parameter.get("type")?.as_str()?;
    let (base, suffixes) = split(text);
    if base == "tuple" {
        name.push('(');
        for (index, member) in parameter.get("components")?.as_array()?.iter().enumerate() {
            if index > 0 {
                name.push(',');
            }
            write_name(member, name)?;
        }
        name.push(')');
    } else {
        name.push_str(base);
    }
    name.push_str(suffixes);
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_of_the_abi_are_read() {
        let of = |shape| AbiType::of(shape).unwrap();
        let three_bools = Shape::FixedList(Box::new(of(Shape::Word(Word::Bool))), 3);
        for (text, shape) in [
            ("uint256", Shape::Word(Word::Unsigned(32))),
            ("int8", Shape::Word(Word::Signed(1))),
            ("address", Shape::Word(Word::Unsigned(20))),
            ("bytes4", Shape::Word(Word::Left(4))),
            ("fixed168x10", Shape::Word(Word::Signed(21))),
            ("bytes", Shape::Bytes),
            ("bool[3]", three_bools.clone()),
            ("bool[3][]", Shape::List(Box::new(of(three_bools)))),
        ] {
            assert_eq!(
                AbiType::parse(&json!({"type": text})),
                Some(of(shape)),
                "{text}"
            );
        }
    }

    #[test]
    fn other_types_are_not() {
        let deep = format!("uint8{}", "[]".repeat(100_000));
        for text in [
            "",
            "uint",
            "uint7",
            "uint0",
            "uint264",
            "int-8",
            "bytes33",
            "bytes0",
            "bytes01",
            "Lib.S storage",
            "Lib.E",
            "mapping(uint256 => uint256)",
            "uint8[",
            "uint8[]x",
            "uint8[0]",
            "uint8[-1]",
            "uint8[99999999999999999999999]",
            "uint8]",
            "fixed",
            "tuple",
            "uint256[9999999999][9999999999]",
            "fixed128x99",
            &deep,
        ] {
            assert_eq!(AbiType::parse(&json!({"type": text})), None, "{text:.40}");
        }
        let mut nested = json!({"type": "uint8"});
        for _ in 0..100 {
            nested = json!({"type": "tuple", "components": [nested]});
        }
        assert_eq!(AbiType::parse(&nested), None);
    }

    #[test]
    fn a_struct_is_named_by_its_members() {
        let pair = json!([{"type": "uint8"}, {"type": "bytes32[]"}]);
        let parameter = json!({"type": "tuple[2]", "components": pair});
        assert_eq!(
            canonical_name(&parameter).as_deref(),
            Some("(uint8,bytes32[])[2]")
        );
    }
}
