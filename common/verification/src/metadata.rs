//! solc's metadata of a contract, and the compiler's input that it describes.
//!
//! Metadata names its sources by hash. Files are found by that hash alone, whatever they are called,
//! and a file that differs by its line endings alone is put right. What is still missing may lie in a
//! few places that the metadata names; [`SourcePlan`] says which, somebody who can do I/O looks, and
//! the plan is completed with what was found. Nothing here opens a URL.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::compilation_target::CompilationTarget;
use crate::compiler::{Compiler, CompilerVersion, Language, ReleaseNumber};
use crate::failure::VerificationFailure;
use crate::std_json::{self, StdJsonInput, holds_nul};

mod content_hash;
mod libraries;
mod optimizer;
mod place;
mod plan;
mod provided;

pub use content_hash::ContentHash;
pub(crate) use libraries::insert_library;
pub use place::SourcePlace;
pub use plan::{SourcePlan, WantedSource};

/// These print `optimizer.details.inliner` in their metadata and refuse it as input (sourcify #640).
const PRINTS_INLINER_ONLY: RangeInclusive<ReleaseNumber> =
    ReleaseNumber(0, 8, 2)..=ReleaseNumber(0, 8, 4);

/// What a metadata document says about a compilation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    language: Language,
    #[serde(with = "crate::job::text")]
    compiler_version: CompilerVersion,
    /// As the document has them: with the target, and libraries in the document's form.
    settings: Map<String, Value>,
    sources: BTreeMap<String, MetadataSource>,
}

/// How a source is named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct MetadataSource {
    #[serde(with = "crate::job::text")]
    keccak256: ContentHash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    urls: Vec<String>,
}

impl Metadata {
    /// Reads what a client sent. The first broken rule is the answer.
    pub fn parse(document: &Value) -> Result<Self, NotMetadata> {
        let object = |pointer: &str| document.pointer(pointer).and_then(Value::as_object);
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        object("/compiler").ok_or(NotMetadata::Lacks("compiler"))?;
        let version = text("/compiler/version").filter(|version| !version.is_empty());
        let version = version.ok_or(NotMetadata::Lacks("compiler.version"))?;
        let language = text("/language").filter(|language| !language.is_empty());
        let language = language.ok_or(NotMetadata::Lacks("language"))?;
        let settings = object("/settings").ok_or(NotMetadata::Lacks("settings"))?;
        object("/settings/compilationTarget")
            .ok_or(NotMetadata::Lacks("settings.compilationTarget"))?;
        let sources = object("/sources").ok_or(NotMetadata::Lacks("sources"))?;
        let compiler_version = version
            .parse()
            .ok()
            .filter(CompilerVersion::is_well_formed_solc)
            .ok_or_else(|| NotMetadata::Version(version.to_owned()))?;
        let language = Language::from_name(language)
            .filter(|language| language.compiler() == Compiler::Solc)
            .ok_or_else(|| NotMetadata::UnknownLanguage(language.to_owned()))?;
        if sources.len() > std_json::MAX_SOURCES {
            return Err(NotMetadata::TooManySources);
        }
        let sources = sources
            .iter()
            .map(
                |(path, source)| match path.len() <= std_json::MAX_PATH_BYTES {
                    true => Ok((path.clone(), MetadataSource::parse(source)?)),
                    false => Err(NotMetadata::LongPath),
                },
            )
            .collect::<Result<_, _>>()?;
        if holds_nul(document) {
            return Err(NotMetadata::Nul);
        }
        if std_json::is_too_deep(document) {
            return Err(NotMetadata::TooDeep);
        }
        Ok(Self {
            language,
            compiler_version,
            settings: settings.clone(),
            sources,
        })
    }

    #[must_use]
    pub fn compiler_version(&self) -> &CompilerVersion {
        &self.compiler_version
    }

    /// The one contract that was compiled.
    pub fn target(&self) -> Result<CompilationTarget, VerificationFailure> {
        let targets = self.settings.get("compilationTarget");
        let targets = targets.and_then(Value::as_object);
        let mut named = targets.into_iter().flatten();
        match (named.next(), named.next()) {
            (Some((path, Value::String(name))), None) => Ok(CompilationTarget {
                path: path.clone(),
                name: name.clone(),
            }),
            _ => Err(VerificationFailure::InvalidCompilationTarget {
                compilation_targets: targets
                    .map_or_else(Vec::new, |targets| targets.keys().cloned().collect()),
            }),
        }
    }

    /// Which of the files that were provided are the sources, and where to look for the others. Hashes
    /// up to twelve variations of each file.
    #[must_use]
    pub fn plan_sources(&self, provided: &BTreeMap<String, String>) -> SourcePlan {
        plan::plan(&self.sources, provided)
    }

    /// The compiler's input, given all sources.
    #[must_use]
    pub fn input(&self, sources: BTreeMap<String, String>) -> StdJsonInput {
        let mut settings = self.settings.clone();
        settings.remove("compilationTarget");
        if PRINTS_INLINER_ONLY.contains(&self.compiler_version.number()) {
            optimizer::without_inliner(&mut settings);
        }
        if let Some(libraries) = settings.remove("libraries") {
            settings.insert("libraries".to_owned(), libraries::by_file(&libraries));
        }
        StdJsonInput::new(self.language, sources, settings)
    }
}

impl MetadataSource {
    fn parse(source: &Value) -> Result<Self, NotMetadata> {
        let keccak256 = source.get("keccak256").and_then(Value::as_str);
        let urls = source.get("urls").and_then(Value::as_array);
        let urls = urls.into_iter().flatten().filter_map(Value::as_str);
        Ok(Self {
            keccak256: keccak256
                .and_then(|digits| digits.parse().ok())
                .ok_or(NotMetadata::NoHash)?,
            content: source
                .get("content")
                .and_then(Value::as_str)
                .map(str::to_owned),
            urls: urls.map(str::to_owned).collect(),
        })
    }
}

/// Displays as what the API answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMetadata {
    #[error("Metadata must contain a {0} field.")]
    Lacks(&'static str),
    #[error("Metadata must contain a keccak256 field of 32 bytes for each source.")]
    NoHash,
    #[error("Language {0} is not supported.")]
    UnknownLanguage(String),
    #[error(
        "Invalid Solidity compiler version format: {0}. Expected format: x.y.z+commit.xxxxxxxx or \
         x.y.z-nightly.yyyy.m.d+commit.xxxxxxxx"
    )]
    Version(String),
    #[error("request/body must not contain the character U+0000")]
    Nul,
    #[error("Metadata must not contain more than 5000 sources.")]
    TooManySources,
    #[error("The path of a source must not be longer than 1024 bytes.")]
    LongPath,
    #[error("Metadata must not be nested deeper than 64 levels.")]
    TooDeep,
}

#[cfg(test)]
mod tests;
