//! Inputs that between them use what may go wrong when a compiler is run elsewhere than it was built
//! for: C++ exceptions, deep recursion, both code generators, many files, long outputs.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use verification::compiler::ReleaseNumber;

use super::CorpusError;

const IMMUTABLES: ReleaseNumber = ReleaseNumber(0, 6, 5);
/// The IR pipeline is experimental before.
const VIA_IR: ReleaseNumber = ReleaseNumber(0, 8, 13);
/// What `OpenZeppelin` 5.1 asks for.
const OPENZEPPELIN: ReleaseNumber = ReleaseNumber(0, 8, 20);

/// Between them they have inheritance, a linked and an inlined library, structs, events, modifiers,
/// creation of a contract by another, assembly and immutables.
const PROJECT: [(&str, &str); 4] = [
    ("math/Sums.sol", include_str!("project/Sums.sol")),
    ("Ledger.sol", include_str!("project/Ledger.sol")),
    ("Vault.sol", include_str!("project/Vault.sol")),
    ("Factory.sol", include_str!("project/Factory.sol")),
];

const YUL: &str = include_str!("project/counter.yul");

/// All that a release can be asked, with names.
///
/// # Errors
///
/// When `OpenZeppelin`'s sources can't be read.
pub fn for_release(
    number: ReleaseNumber,
    openzeppelin: Option<&Path>,
) -> Result<Vec<(&'static str, Value)>, CorpusError> {
    let mut inputs = vec![
        ("hello", hello()),
        ("errors", errors()),
        ("recursion", nested(20_000)),
        ("project", project(number)),
        ("project, not optimized", not_optimized(number)),
        ("Yul", yul()),
    ];
    if number >= VIA_IR {
        inputs.push(("viaIR", via_ir(number)));
    }
    if let Some(package) = openzeppelin
        && number >= OPENZEPPELIN
    {
        let unreadable = |error| CorpusError::Sources(package.to_owned(), error);
        inputs.push((
            "OpenZeppelin",
            of_openzeppelin(package).map_err(unreadable)?,
        ));
    }
    Ok(inputs)
}

/// Standard JSON with optimizer.
#[must_use]
pub fn input(sources: &Value, outputs: &Value) -> Value {
    json!({
        "language": "Solidity",
        "sources": sources,
        "settings": {
            "optimizer": { "enabled": true, "runs": 200 },
            "outputSelection": outputs,
        },
    })
}

/// One small contract, with nearly all outputs.
#[must_use]
pub fn hello() -> Value {
    let source = "contract A { uint public x; function f(uint y) public returns(uint) \
                  { x = y; return x + 1; } }";
    let outputs = [
        "abi",
        "metadata",
        "evm.bytecode",
        "evm.deployedBytecode",
        "evm.methodIdentifiers",
    ];
    let sources = json!({ "a.sol": { "content": source } });
    input(&sources, &json!({ "*": { "*": outputs, "": ["ast"] } }))
}

/// Errors in three files: the compiler throws and catches inside.
#[must_use]
pub fn errors() -> Value {
    let sources = json!({
        "a.sol": { "content": "contract A { function f() public returns(uint) { return \"abc\" + zzz; } }" },
        "b.sol": { "content": "contract {" },
        "c.sol": { "content": "import \"missing.sol\"; contract C {}" },
    });
    input(&sources, &json!({ "*": { "*": ["*"], "": ["*"] } }))
}

/// An expression in so many parentheses.
#[must_use]
pub fn nested(parentheses: usize) -> Value {
    let (open, close) = ("(".repeat(parentheses), ")".repeat(parentheses));
    let source = format!(
        "contract A {{ function f() public pure returns(uint) {{ return {open}1{close}; }} }}"
    );
    let sources = json!({ "a.sol": { "content": source } });
    input(&sources, &json!({ "*": { "*": ["evm.bytecode.object"] } }))
}

/// Several files, as a verification asks for them.
#[must_use]
pub fn project(number: ReleaseNumber) -> Value {
    let content = |text: &str| match number < IMMUTABLES {
        true => text.replace(" immutable", ""),
        false => text.to_owned(),
    };
    let sources: BTreeMap<_, _> = PROJECT
        .iter()
        .map(|(path, text)| (*path, json!({ "content": content(text) })))
        .collect();
    input(&json!(sources), &json!({ "*": { "*": outputs() } }))
}

fn not_optimized(number: ReleaseNumber) -> Value {
    let mut input = project(number);
    replace(&mut input, "/settings/optimizer/enabled", json!(false));
    input
}

fn via_ir(number: ReleaseNumber) -> Value {
    let mut input = project(number);
    if let Some(settings) = input
        .pointer_mut("/settings")
        .and_then(Value::as_object_mut)
    {
        settings.insert("viaIR".to_owned(), json!(true));
    }
    input
}

/// An assembly object.
#[must_use]
pub fn yul() -> Value {
    let sources = json!({ "counter.yul": { "content": YUL } });
    let outputs = json!({ "*": { "*": ["evm.bytecode", "evm.deployedBytecode.object"] } });
    let mut input = input(&sources, &outputs);
    replace(&mut input, "/language", json!("Yul"));
    input
}

fn replace(input: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = input.pointer_mut(pointer) {
        *place = value;
    }
}

fn outputs() -> Value {
    json!([
        "abi",
        "devdoc",
        "userdoc",
        "storageLayout",
        "metadata",
        "evm.legacyAssembly",
        "evm.bytecode.object",
        "evm.bytecode.sourceMap",
        "evm.bytecode.linkReferences",
        "evm.deployedBytecode.object",
        "evm.deployedBytecode.sourceMap",
        "evm.deployedBytecode.linkReferences",
        "evm.deployedBytecode.immutableReferences",
    ])
}

/// A governance token: forty files or so.
fn of_openzeppelin(package: &Path) -> io::Result<Value> {
    let first = "token/ERC20/extensions/ERC20Votes.sol";
    let mut sources = BTreeMap::new();
    let mut wanted = vec![PathBuf::from(first)];
    while let Some(path) = wanted.pop() {
        let name = path.display().to_string();
        if sources.contains_key(&name) {
            continue;
        }
        let content = std::fs::read_to_string(package.join(&path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        wanted.extend(imports(&content).map(|import| resolve(folder, import)));
        sources.insert(name, json!({ "content": content }));
    }
    Ok(input(&json!(sources), &json!({ "*": { "*": outputs() } })))
}

fn imports(source: &str) -> impl Iterator<Item = &str> {
    let lines = source.lines().filter(|line| line.starts_with("import "));
    lines.filter_map(|line| line.split('"').nth(1))
}

fn resolve(folder: &Path, import: &str) -> PathBuf {
    let mut path = folder.to_owned();
    for part in import.split('/') {
        match part {
            "." => {}
            ".." => {
                path.pop();
            }
            name => path.push(name),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_asked_what_it_knows() {
        let names = |number| {
            let inputs = for_release(number, None).unwrap();
            inputs.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        };
        assert!(!names(ReleaseNumber(0, 6, 2)).contains(&"viaIR"));
        assert!(names(ReleaseNumber(0, 8, 13)).contains(&"viaIR"));
    }

    #[test]
    fn imports_are_followed() {
        let source = "import {A} from \"../../utils/A.sol\";\nimport \"./B.sol\";\ncontract C {}";
        let found: Vec<_> = imports(source)
            .map(|import| resolve(Path::new("token/ERC20"), import))
            .collect();
        let wanted = ["utils/A.sol", "token/ERC20/B.sol"].map(PathBuf::from);
        assert_eq!(found, wanted);
    }
}
