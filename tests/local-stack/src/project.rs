//! A contract of ours with everything it imports, as a user's tool would send it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use verification::compilation_target::CompilationTarget;
use verification::compiler::{CompilerVersion, Language};
use verification::std_json::StdJsonInput;

use crate::anvil::npm_folder;

/// The release that the demo and the benchmark compile with.
pub const COMPILER: &str = "0.8.28+commit.7893614a";

/// One contract with its sources and settings.
#[derive(Debug, Clone)]
pub struct Project {
    pub target: CompilationTarget,
    pub version: CompilerVersion,
    pub input: StdJsonInput,
}

impl Project {
    /// `contracts/<file>` of this package, optimised, with the files it imports from npm.
    ///
    /// # Errors
    /// When a file is missing: `scripts/setup` installs them.
    pub fn read(file: &str, contract: &str) -> Result<Self> {
        let path = format!("contracts/{file}");
        let sources = collect(&path)?;
        let settings = json!({
            "optimizer": {"enabled": true, "runs": 200},
            "evmVersion": "paris",
        });
        let settings: Map<String, Value> = serde_json::from_value(settings)?;
        Ok(Self {
            target: format!("{path}:{contract}").parse()?,
            version: COMPILER.parse()?,
            input: StdJsonInput::new(Language::Solidity, sources, settings),
        })
    }

    /// The same contract from sources with one more comment: new to every compiler.
    ///
    /// # Errors
    /// When the target's file is not among the sources.
    pub fn with_comment(&self, comment: &str) -> Result<Self> {
        let input = &self.input;
        let mut sources = input.sources().clone();
        let file = sources.get_mut(&self.target.path);
        let file = file.context("the target's file is not among the sources")?;
        file.push_str("\n// ");
        file.push_str(comment);
        Ok(Self {
            input: StdJsonInput::new(input.language(), sources, input.settings().clone()),
            ..self.clone()
        })
    }

    /// The same contract, compiled by way of the intermediate language, which takes longer.
    #[must_use]
    pub fn via_ir(&self) -> Self {
        let input = &self.input;
        let mut settings = input.settings().clone();
        settings.insert("viaIR".to_owned(), true.into());
        Self {
            input: StdJsonInput::new(input.language(), input.sources().clone(), settings),
            ..self.clone()
        }
    }

    /// The body of a request that verifies it.
    ///
    /// # Errors
    /// Never for sources that are text.
    pub fn submission(&self, creation_transaction: Option<&str>) -> Result<Value> {
        let mut body = json!({
            "stdJsonInput": serde_json::to_value(&self.input)?,
            "compilerVersion": self.version.as_str(),
            "contractIdentifier": self.target.to_string(),
        });
        if let (Some(hash), Some(members)) = (creation_transaction, body.as_object_mut()) {
            members.insert("creationTransactionHash".to_owned(), hash.into());
        }
        Ok(body)
    }
}

/// The file and all that it imports, by the path under which it is imported.
fn collect(entry: &str) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut open = vec![entry.to_owned()];
    while let Some(path) = open.pop() {
        if found.contains_key(&path) {
            continue;
        }
        let file = place(&path);
        let content = fs::read_to_string(&file).with_context(|| {
            format!(
                "reading {} (`scripts/setup` installs what comes from npm)",
                file.display()
            )
        })?;
        for import in imports(&content) {
            open.push(resolve(&path, import)?);
        }
        found.insert(path, content);
    }
    Ok(found)
}

fn place(path: &str) -> PathBuf {
    if path.starts_with("contracts/") {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    } else {
        npm_folder().join("node_modules").join(path)
    }
}

/// What stands in quotes after `import`, up to the semicolon: enough for well-formed files.
fn imports(content: &str) -> Vec<&str> {
    let statements = content.split(';').filter_map(|part| {
        let at = part.rfind("import")?;
        let statement = part.get(at..)?;
        let starts_a_line = part
            .get(..at)?
            .lines()
            .last()
            .is_none_or(|line| line.trim().is_empty());
        starts_a_line.then_some(statement)
    });
    statements
        .filter_map(|statement| statement.split('"').rev().nth(1))
        .collect()
}

fn resolve(from: &str, import: &str) -> Result<String> {
    if !import.starts_with('.') {
        return Ok(import.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in import.split('/') {
        match part {
            "." => {}
            ".." => {
                if parts.pop().is_none() {
                    bail!("{from} imports {import}, which lies outside of everything");
                }
            }
            name => parts.push(name),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_wherever_they_break_lines() {
        let content = "// import \"no.sol\";\nimport \"./a.sol\";\nimport {B,\n  C} from\n    \"@x/b.sol\";\ncontract D { string s = \"import\"; }";
        assert_eq!(imports(content), ["./a.sol", "@x/b.sol"]);
        assert_eq!(resolve("x/y/c.sol", "../a.sol").unwrap(), "x/a.sol");
        assert_eq!(resolve("x/c.sol", "./a.sol").unwrap(), "x/a.sol");
        assert!(resolve("c.sol", "../../a.sol").is_err());
    }
}
