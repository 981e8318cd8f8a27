//! What was given to a process: its environment, and below it the values of a file.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::Mistakes;

type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// Values by name. The environment wins over the file, so that one file serves all instances of a service.
pub struct Given {
    environment: Lookup,
    file: BTreeMap<String, String>,
    asked: RefCell<BTreeSet<String>>,
    mistakes: Vec<String>,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the values: some are secrets.
        f.debug_struct("Given").finish_non_exhaustive()
    }
}

impl Given {
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn environment() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    pub fn nothing() -> Self {
        Self::new(|_| None)
    }

    pub fn new(environment: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self {
            environment: Box::new(environment),
            file: BTreeMap::new(),
            asked: RefCell::default(),
            mistakes: Vec::new(),
        }
    }

    /// Adds the values of a file: a JSON object whose keys are names of settings.
    ///
    /// # Errors
    /// When the file cannot be read or is no such object. A single wrong value becomes
    /// one of the reader's mistakes.
    pub fn with_file(self, path: &Path) -> Result<Self, Mistakes> {
        let mistake = |what: String| Mistakes(vec![format!("{}: {what}", path.display())]);
        let text = std::fs::read_to_string(path).map_err(|error| mistake(error.to_string()))?;
        // What serde says of wrong JSON names lines and columns, never a value.
        let value = serde_json::from_str(&text).map_err(|error| mistake(error.to_string()))?;
        self.with_values(value).ok_or_else(|| {
            mistake("not a JSON object of settings, as in {\"PORT\": 8080}".to_owned())
        })
    }

    fn with_values(mut self, value: Value) -> Option<Self> {
        let Value::Object(values) = value else {
            return None;
        };
        for (name, value) in values {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    self.mistakes.push(format!(
                        "{name}: a text, a number, true or false is expected"
                    ));
                    continue;
                }
            };
            self.file.insert(name, text);
        }
        Some(self)
    }

    /// An empty value counts as not given.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.asked.borrow_mut().insert(name.to_owned());
        let set = |value: &String| !value.is_empty();
        let in_file = || self.file.get(name).cloned();
        (self.environment)(name)
            .filter(set)
            .or_else(in_file)
            .filter(set)
    }

    /// What was wrong with single values of the file.
    pub(super) fn take_mistakes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.mistakes)
    }

    /// Names in the file that nobody asked for. The environment has many that are not ours.
    pub(super) fn not_asked(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let names = self.file.keys().filter(|name| !asked.contains(*name));
        names.cloned().collect()
    }
}
