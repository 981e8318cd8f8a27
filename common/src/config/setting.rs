//! What is known of a setting: for `--help`, for programs, and for the table in the README.

use serde::Serialize;

/// One setting of a service, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    pub name: &'static str,
    pub meaning: &'static str,
    pub default: Usual,
}

/// What holds where a setting is not given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Usual {
    /// There is none: the service does not start.
    Required,
    /// The thing that it is for is left out.
    None,
    Value(String),
    /// A value that depends on something else.
    Words(&'static str),
}

impl std::fmt::Display for Usual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Required => f.write_str("required"),
            Self::None => f.write_str("default: none"),
            Self::Value(value) => write!(f, "default: {value}"),
            Self::Words(words) => write!(f, "default: {words}"),
        }
    }
}

/// The settings as `--help` shows them.
pub(super) fn as_help(settings: &[Setting]) -> String {
    let mut text = String::from(
        "Settings, from the environment or the file, where their names are the keys:\n",
    );
    for setting in settings {
        let Setting {
            name,
            meaning,
            default,
        } = setting;
        text.push_str(&format!("\n  {name}\n          {meaning} [{default}]"));
    }
    text
}
