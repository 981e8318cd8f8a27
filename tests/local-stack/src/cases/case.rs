//! A case as it is read from its file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::expected::{Expected, ExpectedError, ExpectedFile, Reproduced};
use crate::replay_chain::{CreationTransaction, HeldContract, Traces};

/// One verification and what must come of it.
#[derive(Debug, Clone)]
pub struct Case {
    pub id: String,
    /// Under which it is counted.
    pub group: String,
    pub compiler_version: String,
    pub contract: HeldContract,
    /// The body of the request.
    pub submission: Value,
    pub expected: Expected,
}

/// A folder of cases that can't be used. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    #[error("reading {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is not a case", path.display())]
    Parse {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("{}: what it expects can't be used", path.display())]
    Expected {
        path: PathBuf,
        source: ExpectedError,
    },
    #[error("{}: `{member}` is not 0x and pairs of hexadecimal digits", path.display())]
    NotHex { path: PathBuf, member: &'static str },
    #[error("{}: a creation is told without its `creationCode`", .0.display())]
    NoCreationCode(PathBuf),
    #[error("{} has the id `{id}`, as {} has", second.display(), first.display())]
    SameId {
        id: String,
        first: PathBuf,
        second: PathBuf,
    },
    #[error("there are no cases in {}: neither cases/*.json nor *.json", .0.display())]
    None(PathBuf),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CaseFile {
    /// The file's name, if it says none.
    id: Option<String>,
    /// The folder's name, if it says none.
    group: Option<String>,
    onchain: OnChain,
    input: Input,
    expected: ExpectedFile,
    #[serde(default)]
    reproduced: Reproduced,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnChain {
    runtime_code: String,
    creation_code: Option<String>,
    /// In place of the contract's own address in the receipt: the transaction made something else.
    receipt_names: Option<String>,
    /// Of a factory's transaction, by the name of the call; it made the contract then.
    traces: Option<BTreeMap<TraceKind, Value>>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
enum TraceKind {
    #[serde(rename = "trace_transaction")]
    Flat,
    #[serde(rename = "debug_traceTransaction")]
    CallTree,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    /// Standard JSON, or the path of a file that holds it, from the folder of all cases.
    std_json: Value,
    compiler_version: String,
    contract_identifier: String,
}

impl Case {
    /// All cases of `folder/cases/*.json`, or of `folder/*.json` if there is no such folder, by name.
    ///
    /// # Errors
    /// When one can't be used, or there is none.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, CaseError> {
        let inner = folder.join("cases");
        let files = json_files(if inner.is_dir() { &inner } else { folder })?;
        let mut seen = BTreeMap::new();
        let mut cases = Vec::new();
        for path in files {
            let case = Self::read(folder, &path)?;
            if let Some(first) = seen.insert(case.id.clone(), path.clone()) {
                return Err(CaseError::SameId {
                    id: case.id,
                    first,
                    second: path,
                });
            }
            cases.push(case);
        }
        if cases.is_empty() {
            return Err(CaseError::None(folder.to_owned()));
        }
        Ok(cases)
    }

    fn read(folder: &Path, path: &Path) -> Result<Self, CaseError> {
        let CaseFile {
            id,
            group,
            onchain,
            input,
            expected,
            reproduced,
        } = read_json(path)?;
        let name = |path: &Path| {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into()
        };
        let id = id.unwrap_or_else(|| name(path));
        let contract = onchain.held(&id, path)?;
        let std_json = match &input.std_json {
            Value::String(file) => read_json(&folder.join(file))?,
            inline => inline.clone(),
        };
        let mut submission = json!({
            "stdJsonInput": std_json,
            "compilerVersion": input.compiler_version,
            "contractIdentifier": input.contract_identifier,
        });
        if let (Some(creation), Some(members)) = (&contract.creation, submission.as_object_mut()) {
            let hash = creation.hash.clone().into();
            members.insert("creationTransactionHash".to_owned(), hash);
        }
        let expected = Expected::read(expected, reproduced).map_err(|source| {
            let path = path.to_owned();
            CaseError::Expected { path, source }
        })?;
        Ok(Self {
            group: group.unwrap_or_else(|| name(folder)),
            compiler_version: input.compiler_version,
            id,
            contract,
            submission,
            expected,
        })
    }
}

impl OnChain {
    /// At an address of its own, also where two cases come from one real address.
    fn held(self, id: &str, path: &Path) -> Result<HeldContract, CaseError> {
        let given = [
            ("runtimeCode", Some(&self.runtime_code)),
            ("creationCode", self.creation_code.as_ref()),
            ("receiptNames", self.receipt_names.as_ref()),
        ];
        for (member, text) in given {
            if !text.is_none_or(|text| is_hex(text)) {
                let path = path.to_owned();
                return Err(CaseError::NotHex { path, member });
            }
        }
        let is_told = self.traces.is_some() || self.receipt_names.is_some();
        if is_told && self.creation_code.is_none() {
            return Err(CaseError::NoCreationCode(path.to_owned()));
        }
        let address: String = hash(id).chars().take(42).collect();
        let creation = self.creation_code.map(|code| {
            let traced = self.traces.map(|stated| traces(stated, &address, &code));
            CreationTransaction {
                hash: hash(&format!("tx:{id}")),
                contract_address: match (self.receipt_names, &traced) {
                    (Some(other), _) => Some(other),
                    (None, Some(_)) => None,
                    (None, None) => Some(address.clone()),
                },
                // A factory is called with something that is no code.
                input: traced.as_ref().map_or(code, |_| "0xefc81a8c".to_owned()),
                traces: traced.unwrap_or_default(),
            }
        });
        Ok(HeldContract {
            address,
            runtime_code: self.runtime_code,
            creation,
        })
    }
}

/// The traces as stated, with the contract's address and creation code filled in. A way of tracing
/// that is not stated shows nothing.
fn traces(mut stated: BTreeMap<TraceKind, Value>, address: &str, code: &str) -> Traces {
    let mut filled = |kind, nothing| match stated.remove(&kind) {
        Some(mut answer) => {
            fill(&mut answer, address, code);
            answer
        }
        None => nothing,
    };
    let nothing = Traces::default();
    Traces {
        trace_transaction: filled(TraceKind::Flat, nothing.trace_transaction),
        debug_trace_transaction: filled(TraceKind::CallTree, nothing.debug_trace_transaction),
    }
}

fn fill(answer: &mut Value, address: &str, code: &str) {
    match answer {
        Value::String(text) if text == "$address" => address.clone_into(text),
        Value::String(text) if text == "$creationCode" => code.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, address, code)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| fill(member, address, code)),
        _ => {}
    }
}

fn hash(text: &str) -> String {
    format!("0x{}", hex::encode(digest(&SHA256, text.as_bytes())))
}

fn is_hex(text: &str) -> bool {
    text.strip_prefix("0x")
        .is_some_and(|digits| hex::decode(digits).is_ok())
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let unread = |source| CaseError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, CaseError> {
    let text = fs::read(path).map_err(|source| CaseError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|source| CaseError::Parse {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
#[path = "case_tests.rs"]
mod tests;
