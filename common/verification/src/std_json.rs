//! What the compiler is given: standard JSON, taken apart at the door and put together anew.
//!
//! A client's document is never passed on. It is read into typed fields, and the compiler's input
//! is written from those: contents only (a `urls` member would make solc read files), our own
//! output selection, nothing that starts a model checker. All other settings pass through, since
//! some of them change code and an unknown one deserves the compiler's own refusal.
//! This module decides nothing about versions; whether a release exists is known elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::compilation_target::CompilationTarget;
use crate::compiler::Language;

mod document;
mod interfaces;
mod selection;

pub use document::holds_nul;
use interfaces::Interfaces;
pub use selection::Selection;

/// Ten times what the largest known projects have.
pub(crate) const MAX_SOURCES: usize = 5000;
/// Paths are keys of an index, which ends with 2,700 bytes.
pub(crate) const MAX_PATH_BYTES: usize = 1024;
/// Far more than settings have. What reads the document after us, compilers too, need not be asked
/// how deep it can go.
const MAX_DEPTH: usize = 64;

/// Sources byte for byte as received, and the settings without `outputSelection`.
///
/// Serialises as standard JSON, so that a checked input can wait in a job's row and be read again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StdJsonInput {
    language: Language,
    #[serde(with = "content_objects")]
    sources: BTreeMap<String, String>,
    settings: Map<String, Value>,
    /// Vyper only: interfaces apart from the sources.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    interfaces: Interfaces,
    /// Vyper only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    storage_layout_overrides: Option<Value>,
}

impl StdJsonInput {
    /// An input made by us, as from metadata: contents may be empty here.
    #[must_use]
    pub fn new(
        language: Language,
        sources: BTreeMap<String, String>,
        mut settings: Map<String, Value>,
    ) -> Self {
        settings.remove("outputSelection");
        Self {
            language,
            sources,
            settings,
            interfaces: Interfaces::new(),
            storage_layout_overrides: None,
        }
    }

    /// Reads what a client sent. The first broken rule is the answer.
    pub fn parse(input: &Value) -> Result<Self, NotAStdJsonInput> {
        Self::read(input, |content| !content.is_empty())
    }

    /// Reads what has been compiled before, by somebody who took empty files too.
    pub fn parse_compiled(input: &Value) -> Result<Self, NotAStdJsonInput> {
        Self::read(input, |_| true)
    }

    fn read(input: &Value, is_content: fn(&str) -> bool) -> Result<Self, NotAStdJsonInput> {
        let language = match input.get("language") {
            None | Some(Value::Null) => return Err(NotAStdJsonInput::NoLanguage),
            Some(Value::String(name)) if name.is_empty() => {
                return Err(NotAStdJsonInput::NoLanguage);
            }
            Some(Value::String(name)) => Language::from_name(name)
                .ok_or_else(|| NotAStdJsonInput::UnknownLanguage(name.clone()))?,
            Some(other) => return Err(NotAStdJsonInput::UnknownLanguage(other.to_string())),
        };
        let sources = input
            .get("sources")
            .and_then(Value::as_object)
            .ok_or(NotAStdJsonInput::NoSources)?;
        check_paths(sources.keys(), sources.len())?;
        let sources = sources
            .iter()
            .map(|(path, source)| match source.get("content") {
                Some(Value::String(content)) if is_content(content) => {
                    Ok((path.clone(), content.clone()))
                }
                _ => Err(NotAStdJsonInput::NoContent),
            })
            .collect::<Result<_, _>>()?;
        let settings = input
            .get("settings")
            .and_then(Value::as_object)
            .ok_or(NotAStdJsonInput::NoSettings)?;
        if holds_nul(input) {
            return Err(NotAStdJsonInput::Nul);
        }
        if is_too_deep(input) {
            return Err(NotAStdJsonInput::TooDeep);
        }
        let mut parsed = Self::new(language, sources, settings.clone());
        if language == Language::Vyper {
            parsed.interfaces = interfaces::parse(input.get("interfaces"), &parsed.sources)?;
            parsed.storage_layout_overrides = input
                .get("storage_layout_overrides")
                .filter(|value| value.is_object())
                .cloned();
        }
        Ok(parsed)
    }

    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// Path to content.
    #[must_use]
    pub fn sources(&self) -> &BTreeMap<String, String> {
        &self.sources
    }

    /// Every text that reaches the compiler: what is kept and shown with a verified contract.
    #[must_use]
    pub fn stored_sources(&self) -> BTreeMap<String, String> {
        let texts = interfaces::texts(&self.interfaces).chain(&self.sources);
        texts
            .map(|(path, content)| (path.clone(), content.clone()))
            .collect()
    }

    /// As submitted, minus `outputSelection`.
    #[must_use]
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// What is kept of the settings with a verified contract.
    #[must_use]
    pub fn to_stored_settings(&self) -> Value {
        Value::Object(self.settings.clone())
    }

    /// What is kept besides sources and settings: Vyper's storage layout overrides, and interfaces
    /// given as JSON. With it, the input can be put together again.
    #[must_use]
    pub fn to_stored_additional_input(&self) -> Option<Value> {
        let mut kept = Map::new();
        if let Some(overrides) = &self.storage_layout_overrides {
            kept.insert("storage_layout_overrides".to_owned(), overrides.clone());
        }
        let abis = interfaces::abis(&self.interfaces);
        if !abis.is_empty() {
            kept.insert("interfaces".to_owned(), json!(abis));
        }
        (!kept.is_empty()).then_some(Value::Object(kept))
    }

    #[must_use]
    pub fn optimizer_enabled(&self) -> bool {
        is_enabled(self.settings.get("optimizer"))
    }

    /// Whether solc goes through its intermediate language.
    #[must_use]
    pub fn via_ir(&self) -> bool {
        self.settings.get("viaIR").and_then(Value::as_bool) == Some(true)
    }

    /// The text the compiler reads.
    #[must_use]
    pub fn compiler_input(&self, target: &CompilationTarget, selection: Selection) -> String {
        let mut settings = self.settings.clone();
        settings.remove("modelChecker");
        settings.remove("stopAfter");
        let outputs = selection.to_json(self.language, target);
        settings.insert("outputSelection".to_owned(), outputs);
        let sources: Map<String, Value> = self
            .sources
            .iter()
            .map(|(path, content)| (path.clone(), json!({"content": content})))
            .collect();
        let mut input = json!({
            "language": self.language.name(),
            "sources": sources,
            "settings": settings,
        });
        if !self.interfaces.is_empty() {
            insert(&mut input, "interfaces", &json!(self.interfaces));
        }
        if let Some(overrides) = &self.storage_layout_overrides {
            insert(&mut input, "storage_layout_overrides", overrides);
        }
        input.to_string()
    }

    /// The same program with other metadata: one space at the end of every source. What differs
    /// between the codes of both is metadata.
    #[must_use]
    pub fn edited_for_auxdata(&self) -> Self {
        self.with_contents(|content| format!("{content} "))
    }

    /// The same input with files that it lacks; what it has stays.
    #[must_use]
    pub fn with_further_sources(&self, further: &BTreeMap<String, String>) -> Self {
        let mut extended = self.clone();
        for (path, content) in further {
            let place = extended.sources.entry(path.clone());
            place.or_insert_with(|| content.clone());
        }
        extended
    }

    /// The same input, every content edited.
    pub(crate) fn with_contents(&self, edit: impl Fn(&str) -> String) -> Self {
        let edited = |(path, content): (&String, &String)| (path.clone(), edit(content));
        Self {
            language: self.language,
            sources: self.sources.iter().map(edited).collect(),
            settings: self.settings.clone(),
            interfaces: self.interfaces.clone(),
            storage_layout_overrides: self.storage_layout_overrides.clone(),
        }
    }

    /// The same input, to be linked after compiling.
    pub(crate) fn without_libraries(&self) -> Self {
        let mut unlinked = self.clone();
        unlinked.settings.remove("libraries");
        unlinked
    }
}

/// Whether objects and lists lie within each other more often than we take.
pub(crate) fn is_too_deep(document: &Value) -> bool {
    document::is_deeper_than(MAX_DEPTH, document)
}

/// Of sources, of interfaces that are kept as such, and of files that may become sources.
pub fn check_paths<'a>(
    mut paths: impl Iterator<Item = &'a String>,
    count: usize,
) -> Result<(), NotAStdJsonInput> {
    if count > MAX_SOURCES {
        return Err(NotAStdJsonInput::TooManySources);
    }
    match paths.any(|path| path.len() > MAX_PATH_BYTES) {
        true => Err(NotAStdJsonInput::LongPath),
        false => Ok(()),
    }
}

fn insert(object: &mut Value, key: &str, value: &Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value.clone());
    }
}

/// Metadata that goes into details says nothing else: then something was enabled.
pub(crate) fn is_enabled(optimizer: Option<&Value>) -> bool {
    let member = |name: &str| optimizer.and_then(|members| members.get(name));
    match member("enabled") {
        Some(enabled) => *enabled == Value::Bool(true),
        None => member("details").is_some_and(Value::is_object),
    }
}

/// Displays as what the API answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAStdJsonInput {
    #[error("Standard JSON input must contain a language field.")]
    NoLanguage,
    #[error("Language {0} is not supported.")]
    UnknownLanguage(String),
    #[error("Standard JSON input must contain a sources field.")]
    NoSources,
    /// An empty content counts as none.
    #[error("Standard JSON input must contain a content field for each source.")]
    NoContent,
    #[error("Standard JSON input must contain a settings field.")]
    NoSettings,
    #[error("request/body must not contain the character U+0000")]
    Nul,
    #[error("Standard JSON input must not contain more than 5000 sources.")]
    TooManySources,
    #[error("The path of a source must not be longer than 1024 bytes.")]
    LongPath,
    #[error("Standard JSON input must not be nested deeper than 64 levels.")]
    TooDeep,
    #[error("The interfaces of standard JSON input must be an object.")]
    InterfacesAreNoObject,
    #[error("Interface {0} must contain either a content field, a text, or an abi field, a list.")]
    UnknownInterface(String),
    #[error("Interface {0} must not differ from the source of the same path.")]
    InterfaceIsAnotherSource(String),
}

/// `{path: {"content": …}}`, as standard JSON has it.
mod content_objects {
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Source<'a> {
        content: Cow<'a, str>,
    }

    pub(super) fn serialize<S: Serializer>(
        sources: &BTreeMap<String, String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(sources.iter().map(|(path, content)| {
            let content = Cow::Borrowed(content.as_str());
            (path, Source { content })
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, String>, D::Error> {
        let sources = BTreeMap::<String, Source<'_>>::deserialize(deserializer)?;
        Ok(sources
            .into_iter()
            .map(|(path, source)| (path, source.content.into_owned()))
            .collect())
    }
}

#[cfg(test)]
mod tests;
