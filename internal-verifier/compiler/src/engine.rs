//! The ways to run a compiler, and which of them a service uses for what.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A way to run a compiler. All of them answer standard JSON with standard JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Engine {
    /// solc's WebAssembly build under wasmtime: 0.6.2 and later.
    Wasm,
    /// solc's asm.js build under Node: up to 0.6.1.
    Node,
    /// solc's own build for Linux: 0.4.11 and later.
    Native,
    /// Vyper under Python.
    Vyper,
}

impl Engine {
    pub const ALL: [Self; 4] = [Self::Wasm, Self::Node, Self::Native, Self::Vyper];

    /// As settings, logs and metrics spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Node => "node",
            Self::Native => "native",
            Self::Vyper => "vyper",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an input is like, as far as that decides who compiles it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InputTraits {
    /// `settings.viaIR`.
    pub via_ir: bool,
    /// Of all sources together.
    pub source_bytes: usize,
}

/// A class of inputs that the native engine compiles, where it is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InputClass {
    All,
    ViaIr,
    /// More than [`LARGE_SOURCE_BYTES`] of sources.
    Large,
}

/// Above this, what a compilation takes is more than a second, and it may need more memory than the
/// 2 GiB at which every soljson ends.
pub const LARGE_SOURCE_BYTES: usize = 500_000;

impl InputClass {
    #[must_use]
    pub fn holds(self, input: InputTraits) -> bool {
        match self {
            Self::All => true,
            Self::ViaIr => input.via_ir,
            Self::Large => input.source_bytes > LARGE_SOURCE_BYTES,
        }
    }
}

/// Which engines a service uses, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engines {
    on: BTreeSet<Engine>,
    native_for: BTreeSet<InputClass>,
}

impl Default for Engines {
    /// What needs no more than this program, and Python for Vyper.
    fn default() -> Self {
        Self::new([Engine::Wasm, Engine::Vyper], [])
    }
}

impl Engines {
    #[must_use]
    pub fn new(
        on: impl IntoIterator<Item = Engine>,
        native_for: impl IntoIterator<Item = InputClass>,
    ) -> Self {
        Self {
            on: on.into_iter().collect(),
            native_for: native_for.into_iter().collect(),
        }
    }

    #[must_use]
    pub fn is_on(&self, engine: Engine) -> bool {
        self.on.contains(&engine)
    }

    /// Of the engines that have a release, those that are switched on, the one to use first at the
    /// front. A release that has no WebAssembly build goes to the native engine before Node.
    #[must_use]
    pub fn in_order(&self, having: &[Engine], input: InputTraits) -> Vec<Engine> {
        let native_first = self.native_for.iter().any(|class| class.holds(input));
        let rank = |engine: &Engine| match engine {
            Engine::Native if native_first => 0,
            Engine::Wasm | Engine::Vyper => 1,
            Engine::Native => 2,
            Engine::Node => 3,
        };
        let mut order: Vec<Engine> = having
            .iter()
            .copied()
            .filter(|engine| self.is_on(*engine))
            .collect();
        order.sort_by_key(rank);
        order
    }
}

/// `wasm,vyper`: names with commas between them.
///
/// # Errors
///
/// With the name that is none.
pub fn parse_engines(names: &str) -> Result<Vec<Engine>, UnknownName> {
    parse_names(names)
}

/// `via-ir,large`: names with commas between them.
///
/// # Errors
///
/// With the name that is none.
pub fn parse_classes(names: &str) -> Result<Vec<InputClass>, UnknownName> {
    parse_names(names)
}

fn parse_names<T: FromStr<Err = UnknownName>>(names: &str) -> Result<Vec<T>, UnknownName> {
    let names = names.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::parse)
        .collect()
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is none of {known}")]
pub struct UnknownName {
    name: String,
    known: &'static str,
}

impl FromStr for Engine {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let known = Self::ALL.into_iter().find(|engine| engine.name() == name);
        known.ok_or_else(|| UnknownName {
            name: name.to_owned(),
            known: "wasm, node, native, vyper",
        })
    }
}

impl FromStr for InputClass {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "all" => Ok(Self::All),
            "via-ir" => Ok(Self::ViaIr),
            "large" => Ok(Self::Large),
            _ => Err(UnknownName {
                name: name.to_owned(),
                known: "all, via-ir, large",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: InputTraits = InputTraits {
        via_ir: false,
        source_bytes: 100,
    };

    #[test]
    fn each_engine_has_a_name() {
        for engine in Engine::ALL {
            assert_eq!(engine.name().parse(), Ok(engine));
        }
        assert_eq!(
            parse_engines("wasm, node,"),
            Ok(vec![Engine::Wasm, Engine::Node])
        );
        assert_eq!(
            parse_engines("wasm,docker").unwrap_err().to_string(),
            "`docker` is none of wasm, node, native, vyper"
        );
    }

    #[test]
    fn what_is_off_is_not_used() {
        let having = [Engine::Wasm, Engine::Native];
        assert_eq!(Engines::default().in_order(&having, SMALL), [Engine::Wasm]);
        assert!(
            Engines::default()
                .in_order(&[Engine::Node], SMALL)
                .is_empty()
        );
    }

    #[test]
    fn the_native_engine_comes_first_for_its_classes_only() {
        let on = [Engine::Wasm, Engine::Native, Engine::Node];
        let engines = Engines::new(on, parse_classes("via-ir,large").unwrap());
        let having = [Engine::Wasm, Engine::Native];
        let order = |input| engines.in_order(&having, input);
        assert_eq!(order(SMALL), [Engine::Wasm, Engine::Native]);
        let via_ir = InputTraits {
            via_ir: true,
            ..SMALL
        };
        assert_eq!(order(via_ir), [Engine::Native, Engine::Wasm]);
        let large = InputTraits {
            source_bytes: LARGE_SOURCE_BYTES + 1,
            ..SMALL
        };
        assert_eq!(order(large), [Engine::Native, Engine::Wasm]);
        let old = engines.in_order(&[Engine::Node, Engine::Native], SMALL);
        assert_eq!(old, [Engine::Native, Engine::Node]);
    }
}
