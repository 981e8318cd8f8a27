//! Which embedded assemblies a list of instructions puts into the code.
//!
//! Only `PUSH [$]`, which pushes where an assembly begins, makes the compiler append it; `PUSH #[$]`
//! pushes a size and appends nothing. An index beyond all assemblies stands for one further down,
//! by a numbering that is nowhere printed: it names none here.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

const PUSH_ASSEMBLY: &str = "PUSH [$]";

/// Indices of the assemblies that `.code` pushes; nothing else is kept of it.
#[derive(Debug, Default)]
pub(super) struct Pushed(pub(super) BTreeSet<u64>);

#[derive(Deserialize)]
struct Instruction<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Cow<'a, str>,
}

impl Instruction<'_> {
    /// The value of such a push is a number of 32 bytes.
    fn pushed_assembly(&self) -> Option<u64> {
        (self.name == PUSH_ASSEMBLY)
            .then(|| u64::from_str_radix(&self.value, 16).ok())
            .flatten()
    }
}

impl<'de> Deserialize<'de> for Pushed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CodeVisitor)
    }
}

struct CodeVisitor;

impl<'de> Visitor<'de> for CodeVisitor {
    type Value = Pushed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of instructions")
    }

    fn visit_unit<E: Error>(self) -> Result<Pushed, E> {
        Ok(Pushed::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut instructions: A) -> Result<Pushed, A::Error> {
        let mut pushed = Pushed::default();
        while let Some(instruction) = instructions.next_element::<Instruction<'_>>()? {
            pushed.0.extend(instruction.pushed_assembly());
        }
        Ok(pushed)
    }
}
