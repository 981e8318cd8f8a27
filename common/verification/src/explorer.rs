//! A contract as a block explorer has it, and the compiler's input that follows from it.
//!
//! Explorers keep sources in three forms: standard JSON between double braces, a JSON object of files,
//! or the text of one file; the last two have their settings in fields of their own, and Blockscout puts
//! further files into one too. Whoever asks an explorer learns here whether its answer can be read at all;
//! what it lacks is a failure of the job.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::compilation_target::CompilationTarget;
use crate::compiler::{CompilerVersion, Language};
use crate::failure::VerificationFailure;
use crate::std_json::{StdJsonInput, holds_nul};

mod declarations;
mod libraries;
mod target;

/// What `getsourcecode` says of a contract and a verification needs, under the explorer's own names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExplorerContract {
    #[serde(deserialize_with = "text")]
    pub source_code: String,
    #[serde(deserialize_with = "text")]
    pub contract_name: String,
    #[serde(deserialize_with = "text")]
    pub compiler_version: String,
    #[serde(deserialize_with = "text")]
    pub optimization_used: String,
    #[serde(deserialize_with = "text")]
    pub runs: String,
    #[serde(rename = "EVMVersion", deserialize_with = "text")]
    pub evm_version: String,
    /// `Name:address`, separated by semicolons.
    #[serde(deserialize_with = "text")]
    pub library: String,
    /// The path of the contract's file; mostly empty.
    #[serde(deserialize_with = "text")]
    pub contract_file_name: String,
    /// Blockscout's word for the path.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub file_name: String,
    /// Blockscout's word for the runs.
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub optimization_runs: String,
    /// Blockscout's other files, beside the text of one.
    #[serde(deserialize_with = "files", skip_serializing_if = "Vec::is_empty")]
    pub additional_sources: Vec<AdditionalSource>,
}

/// A file beside the one with the contract.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AdditionalSource {
    #[serde(deserialize_with = "text")]
    pub filename: String,
    #[serde(deserialize_with = "text")]
    pub source_code: String,
}

/// What can be compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    pub input: StdJsonInput,
    /// Of Vyper without a commit: explorers don't name it.
    pub compiler_version: CompilerVersion,
    pub target: CompilationTarget,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotAnImport {
    /// Displays as what the API answers.
    #[error("The explorer's answer cannot be read: {0}")]
    Malformed(String),
    #[error("the explorer's answer lacks something: {}", .0.code())]
    Failed(VerificationFailure),
}

impl ExplorerContract {
    /// Explorers answer an empty source for a contract that nobody verified there.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        !self.source_code.trim().is_empty()
    }

    /// The compiler's input, its version and target.
    pub fn import(&self) -> Result<Import, NotAnImport> {
        self.check_texts()?;
        match self.compiler_version.strip_prefix("vyper:") {
            Some(version) => self.vyper(version),
            None => self.solc(),
        }
    }

    fn solc(&self) -> Result<Import, NotAnImport> {
        let compiler_version = self.compiler_version.parse().ok().ok_or_else(|| {
            malformed(format!(
                "compiler version {}",
                shown(&self.compiler_version)
            ))
        })?;
        let standard_json = match Sources::read(&self.source_code)? {
            Sources::StdJson(mut document) => {
                if !document.contains_key("settings") {
                    let files = document.get("sources").and_then(Value::as_object);
                    let settings = self.flat_settings(files.unwrap_or(&Map::new()))?;
                    document.insert("settings".to_owned(), settings);
                }
                document.into()
            }
            Sources::Files(files) => {
                let settings = self.flat_settings(&files)?;
                document(Language::Solidity, files.into(), settings)
            }
            Sources::Text(text) => {
                let files = self.files(text, "sol");
                let settings = self.flat_settings(&files)?;
                document(Language::Solidity, files.into(), settings)
            }
        };
        let input = parse(&standard_json)?;
        Ok(Import {
            target: target::of_solc(self, &input)?,
            input,
            compiler_version,
        })
    }

    fn vyper(&self, version: &str) -> Result<Import, NotAnImport> {
        let compiler_version = version.parse().ok().ok_or_else(|| {
            NotAnImport::Failed(VerificationFailure::EtherscanVyperVersionMappingFailed {
                compiler_version: self.compiler_version.clone(),
            })
        })?;
        let standard_json = match Sources::read(&self.source_code)? {
            Sources::StdJson(document) => {
                if !document.get("settings").is_some_and(Value::is_object) {
                    let failure = VerificationFailure::EtherscanMissingVyperSettings;
                    return Err(NotAnImport::Failed(failure));
                }
                document.into()
            }
            Sources::Files(files) => document(Language::Vyper, files.into(), self.vyper_settings()),
            Sources::Text(text) => {
                let files = self.files(text, "vy");
                document(Language::Vyper, files.into(), self.vyper_settings())
            }
        };
        let input = parse(&standard_json)?;
        Ok(Import {
            target: target::of_vyper(self, &input, &standard_json)?,
            input,
            compiler_version,
        })
    }

    fn file_name(&self) -> &str {
        first_said([&self.contract_file_name, &self.file_name])
    }

    /// The text under the path that it is said to have, or one made of the contract's name; and what
    /// lies beside it.
    fn files(&self, text: String, ending: &str) -> Map<String, Value> {
        let path = match self.file_name() {
            "" => format!("{}.{ending}", file_stem(&self.contract_name)),
            path => path.to_owned(),
        };
        let beside = self.additional_sources.iter();
        let mut files: Map<String, Value> = beside
            .map(|file| (file.filename.clone(), json!({"content": file.source_code})))
            .collect();
        files.insert(path, json!({"content": text}));
        files
    }

    /// Of an input with these files.
    fn flat_settings(&self, files: &Map<String, Value>) -> Result<Value, NotAnImport> {
        let mut settings = Map::new();
        let enabled = matches!(self.optimization_used.as_str(), "1" | "true");
        let runs: u64 = match first_said([&self.runs, &self.optimization_runs]) {
            "" => 200,
            runs => runs
                .parse()
                .ok()
                .ok_or_else(|| malformed(format!("runs {}", shown(runs))))?,
        };
        let optimizer = json!({"enabled": enabled, "runs": runs});
        settings.insert("optimizer".to_owned(), optimizer);
        self.insert_evm_version(&mut settings);
        let libraries = libraries::placed(&self.library, files)?;
        if !libraries.is_empty() {
            settings.insert("libraries".to_owned(), libraries.into());
        }
        Ok(settings.into())
    }

    /// Nothing but the EVM's version: what explorers say of Vyper's optimizer is not what it was.
    fn vyper_settings(&self) -> Value {
        let mut settings = Map::new();
        self.insert_evm_version(&mut settings);
        settings.into()
    }

    fn insert_evm_version(&self, settings: &mut Map<String, Value>) {
        let version = &self.evm_version;
        if !version.is_empty() && !version.eq_ignore_ascii_case("default") {
            settings.insert("evmVersion".to_owned(), version.as_str().into());
        }
    }

    /// The database can't keep what the rule refuses.
    fn check_texts(&self) -> Result<(), NotAnImport> {
        let mut texts = vec![
            &self.source_code,
            &self.contract_name,
            &self.compiler_version,
            &self.optimization_used,
            &self.runs,
            &self.evm_version,
            &self.library,
            &self.contract_file_name,
            &self.file_name,
            &self.optimization_runs,
        ];
        for file in &self.additional_sources {
            texts.extend([&file.filename, &file.source_code]);
        }
        match texts.iter().any(|text| text.contains('\0')) {
            true => Err(malformed("it contains the character U+0000".to_owned())),
            false => Ok(()),
        }
    }
}

/// The three forms.
enum Sources {
    StdJson(Map<String, Value>),
    Files(Map<String, Value>),
    Text(String),
}

impl Sources {
    fn read(source_code: &str) -> Result<Self, NotAnImport> {
        let text = source_code.trim();
        let object = |json: &str| {
            serde_json::from_str::<Map<String, Value>>(json)
                .map_err(|error| malformed(format!("its sources are no JSON: {error}")))
        };
        if let Some(inner) = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            && inner.trim_start().starts_with('{')
        {
            return object(inner).map(Self::StdJson);
        }
        // No program begins with a brace.
        match text.starts_with('{') {
            true => {
                let files = object(text)?;
                // Some explorers forget to double the braces.
                let is_std_json = files.contains_key("language") && files.contains_key("sources");
                Ok(if is_std_json {
                    Self::StdJson(files)
                } else {
                    Self::Files(files)
                })
            }
            // As it came: a space more is another hash.
            false => Ok(Self::Text(source_code.to_owned())),
        }
    }
}

fn document(language: Language, sources: Value, settings: Value) -> Value {
    json!({"language": language.name(), "sources": sources, "settings": settings})
}

fn parse(document: &Value) -> Result<StdJsonInput, NotAnImport> {
    if holds_nul(document) {
        return Err(malformed("it contains the character U+0000".to_owned()));
    }
    StdJsonInput::parse_compiled(document).map_err(|error| malformed(error.to_string()))
}

/// A name of a file made from the name of a contract: of Vyper anything may be called one.
fn file_stem(contract_name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '-');
    let plain = |letter| if is_plain(letter) { letter } else { '_' };
    match contract_name.is_empty() {
        true => "contract".to_owned(),
        false => contract_name.chars().map(plain).collect(),
    }
}

fn first_said(texts: [&String; 2]) -> &str {
    let [first, second] = texts;
    if first.is_empty() { second } else { first }
}

/// Enough to know it again.
fn shown(text: &str) -> String {
    let beginning: String = text.chars().take(100).collect();
    format!("{beginning:?}")
}

fn malformed(what: String) -> NotAnImport {
    NotAnImport::Malformed(what)
}

/// Explorers write numbers as text, but not all of them always.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

/// None, if it is no list.
fn files<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<AdditionalSource>, D::Error> {
    match Value::deserialize(from)? {
        list @ Value::Array(_) => serde_json::from_value(list).map_err(D::Error::custom),
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests;
