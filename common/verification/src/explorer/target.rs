//! Which contract of the sources an explorer means: it names it, and mostly not its file.

use std::collections::BTreeMap;

use serde_json::Value;

use super::declarations::{Kind, declarations};
use super::{ExplorerContract, NotAnImport};
use crate::compilation_target::CompilationTarget;
use crate::compiler::Language;
use crate::failure::VerificationFailure;
use crate::std_json::StdJsonInput;

type Sources = BTreeMap<String, String>;

pub(super) fn of_solc(
    contract: &ExplorerContract,
    input: &StdJsonInput,
) -> Result<CompilationTarget, NotAnImport> {
    let sources = input.sources();
    // Some explorers name contracts as compilers do.
    if let Ok(target) = contract.contract_name.parse::<CompilationTarget>()
        && sources.contains_key(&target.path)
    {
        return Ok(target);
    }
    let name = &contract.contract_name;
    let kind_of = |content: &str| match input.language() {
        Language::Yul => content
            .contains(&format!("object \"{name}\""))
            .then_some(Kind::Contract),
        Language::Solidity | Language::Vyper => find_with_code(content, name),
    };
    let declaring = || {
        let declaring = sources
            .iter()
            .filter_map(|(path, content)| Some((path, kind_of(content)?)));
        // Of several, one that can be deployed, and then the one whose file is named so.
        let best = declaring
            .min_by_key(|(path, kind)| (*kind == Kind::AbstractContract, stem(path) != name));
        best.map(|(path, _)| path)
    };
    let path = named_file(contract, sources).or_else(declaring);
    target(contract, path, name)
}

/// Interfaces have no code, and may be called as the contract is.
fn find_with_code(content: &str, name: &str) -> Option<Kind> {
    declarations(content)
        .find(|(kind, declared)| *declared == name && *kind != Kind::Interface)
        .map(|(kind, _)| kind)
}

/// Vyper's contracts are their files, and their names are those of the files.
pub(super) fn of_vyper(
    contract: &ExplorerContract,
    input: &StdJsonInput,
    document: &Value,
) -> Result<CompilationTarget, NotAnImport> {
    let sources = input.sources();
    let only = || match sources.len() {
        1 => sources.keys().next(),
        _ => None,
    };
    let so_named = || {
        let mut paths = sources.keys();
        paths.find(|path| stem(path) == contract.contract_name)
    };
    // What somebody asked the compiler for is the contract.
    let asked_for = || {
        let selection = document.pointer("/settings/outputSelection")?.as_object()?;
        let mut paths = selection.keys().filter_map(|path| {
            let (known, _) = sources.get_key_value(path)?;
            Some(known)
        });
        paths.next()
    };
    let path = named_file(contract, sources)
        .or_else(only)
        .or_else(so_named)
        .or_else(asked_for);
    let name = path.map_or("", |path| stem(path));
    target(contract, path, name)
}

fn named_file<'a>(contract: &ExplorerContract, sources: &'a Sources) -> Option<&'a String> {
    let named = sources.get_key_value(contract.file_name())?;
    Some(named.0)
}

fn target(
    contract: &ExplorerContract,
    path: Option<&String>,
    name: &str,
) -> Result<CompilationTarget, NotAnImport> {
    match path {
        Some(path) => Ok(CompilationTarget {
            path: path.clone(),
            name: name.to_owned(),
        }),
        None => Err(NotAnImport::Failed(
            VerificationFailure::EtherscanMissingContractInJson {
                contract_name: contract.contract_name.clone(),
            },
        )),
    }
}

/// The name of a file without folders and ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _ending)| stem)
}
