//! Reads settings one by one, keeps every mistake, and remembers what there is to be set.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;

use super::chains::ChainRegistry;
use super::given::Given;
use super::setting::{Setting, Usual};
use super::{Mistakes, Secret};
use crate::report::with_causes;

/// Reads settings one by one and keeps every mistake.
#[derive(Debug)]
pub struct Reader {
    given: Given,
    settings: Vec<Setting>,
    mistakes: Vec<String>,
}

impl Reader {
    #[must_use]
    pub fn new(mut given: Given) -> Self {
        Self {
            mistakes: given.take_mistakes(),
            given,
            settings: Vec::new(),
        }
    }

    fn setting(
        &mut self,
        name: &'static str,
        default: Usual,
        meaning: &'static str,
    ) -> Option<String> {
        self.settings.push(Setting {
            name,
            meaning,
            default,
        });
        self.given.get(name)
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str, text: Option<String>) -> Option<T> {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                // The value is not repeated: it may be a secret.
                self.mistake(format!("{name}: {error}"));
                None
            }
        }
    }

    /// The text, if it is given.
    pub fn text(&mut self, name: &'static str, meaning: &'static str) -> Option<String> {
        self.setting(name, Usual::None, meaning)
    }

    /// The text, if it is given; what holds otherwise depends, and is told in words.
    pub fn text_or_else(
        &mut self,
        name: &'static str,
        default: &'static str,
        meaning: &'static str,
    ) -> Option<String> {
        self.setting(name, Usual::Words(default), meaning)
    }

    pub fn secret(&mut self, name: &'static str, meaning: &'static str) -> Option<Secret> {
        self.text(name, meaning).map(Secret::new)
    }

    /// What the platform tells of itself, which is no setting of ours.
    #[must_use]
    pub fn of_platform(&self, name: &str) -> Option<String> {
        self.given.get(name)
    }

    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.given.get(name).is_some()
    }

    pub fn or<T: FromStr<Err: Display> + Display>(
        &mut self,
        name: &'static str,
        default: T,
        meaning: &'static str,
    ) -> T {
        let text = self.setting(name, Usual::Value(default.to_string()), meaning);
        self.parsed(name, text).unwrap_or(default)
    }

    pub fn required(&mut self, name: &'static str, meaning: &'static str) -> Option<String> {
        let text = self.setting(name, Usual::Required, meaning);
        if text.is_none() {
            self.mistake(format!("{name} is missing: {meaning}"));
        }
        text
    }

    /// A program, by name or path.
    pub fn program(
        &mut self,
        name: &'static str,
        default: &'static str,
        meaning: &'static str,
    ) -> PathBuf {
        PathBuf::from(self.or(name, default.to_owned(), meaning))
    }

    /// A whole number of milliseconds, at least one.
    pub fn milliseconds(
        &mut self,
        name: &'static str,
        default: Duration,
        meaning: &'static str,
    ) -> Duration {
        let usual = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        let milliseconds = self.or(name, usual, meaning);
        if milliseconds == 0 {
            self.mistake(format!("{name}: at least 1 ms"));
        }
        Duration::from_millis(milliseconds)
    }

    /// How many there may be, at least one.
    pub fn number(&mut self, name: &'static str, default: usize, meaning: &'static str) -> usize {
        let number = self.or(name, default, meaning);
        if number == 0 {
            self.mistake(format!("{name}: at least 1"));
        }
        number
    }

    /// A whole number of days, at least one.
    pub fn days(&mut self, name: &'static str, default: u32, meaning: &'static str) -> Duration {
        let days = self.or(name, default, meaning);
        if days == 0 {
            self.mistake(format!("{name}: at least 1 day"));
        }
        Duration::from_secs(u64::from(days).saturating_mul(24 * 3600))
    }

    /// `CHAINS`: the chains file, with the keys that its entries ask for.
    pub fn chains(&mut self) -> Option<ChainRegistry> {
        let meaning = "the file that lists the chains, in the format of sourcify-chains.json";
        let path = self.required("CHAINS", meaning)?;
        match ChainRegistry::read(Path::new(&path), &|name| self.given.get(name)) {
            Ok(chains) => Some(chains),
            Err(error) => {
                self.mistake(format!("CHAINS: {}", with_causes(&error)));
                None
            }
        }
    }

    /// Where another server is.
    pub fn url(
        &mut self,
        name: &'static str,
        default: &'static str,
        meaning: &'static str,
    ) -> Option<Url> {
        let text = self.setting(name, Usual::Value(default.to_owned()), meaning);
        self.parsed_url(name, text.as_deref().unwrap_or(default))
    }

    /// Where another server is, which must be told.
    pub fn required_url(&mut self, name: &'static str, meaning: &'static str) -> Option<Url> {
        let text = self.required(name, meaning)?;
        self.parsed_url(name, &text)
    }

    /// Where another server is, if there is one.
    pub fn url_if_given(&mut self, name: &'static str, meaning: &'static str) -> Option<Url> {
        let text = self.text(name, meaning)?;
        self.parsed_url(name, &text)
    }

    fn parsed_url(&mut self, name: &str, text: &str) -> Option<Url> {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.query().is_none() => {
                Some(url)
            }
            _ => {
                self.mistake(format!("{name}: not an http or https URL without a query"));
                None
            }
        }
    }

    pub fn mistake(&mut self, sentence: impl Into<String>) {
        self.mistakes.push(sentence.into());
    }

    /// The settings, unless something was wrong on the way.
    ///
    /// # Errors
    /// Every mistake, and every name in the file that is no setting.
    pub fn finish<T>(mut self, settings: Option<T>) -> Result<T, Mistakes> {
        for name in self.given.not_asked() {
            self.mistake(format!("{name}: there is no such setting"));
        }
        match settings {
            Some(settings) if self.mistakes.is_empty() => Ok(settings),
            _ => Err(Mistakes(self.mistakes)),
        }
    }

    /// What was asked for so far.
    #[must_use]
    pub fn settings(self) -> Vec<Setting> {
        self.settings
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(pairs: &'static [(&'static str, &'static str)]) -> Given {
        Given::new(move |name| {
            let pair = pairs.iter().find(|(known, _)| *known == name)?;
            Some(pair.1.to_owned())
        })
    }

    fn file(values: &serde_json::Value) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), values.to_string()).unwrap();
        file
    }

    #[test]
    fn all_mistakes_are_reported_together() {
        let mut reader = Reader::new(given(&[("PORT", "many"), ("EMPTY", ""), ("LEASE_MS", "0")]));
        assert_eq!(reader.or("PORT", 8080_u16, "where it listens"), 8080);
        assert_eq!(reader.required("DATABASE_URL", "where Postgres is"), None);
        assert_eq!(reader.text("EMPTY", "something"), None);
        reader.milliseconds("LEASE_MS", Duration::from_secs(40), "a lease");
        assert_eq!(
            reader.finish(Some(())).unwrap_err().to_string(),
            "wrong settings:\n  PORT: invalid digit found in string\n  \
             DATABASE_URL is missing: where Postgres is\n  LEASE_MS: at least 1 ms"
        );
    }

    #[test]
    fn a_file_is_under_the_environment() {
        let file = file(&json!({"HOST": "::1", "PORT": 8000, "FETCH": false, "EMPTY": ""}));
        let given = given(&[("PORT", "9000"), ("HOST", "")]).with_file(file.path());
        let mut reader = Reader::new(given.unwrap());
        assert_eq!(reader.or("HOST", "0.0.0.0".to_owned(), "the host"), "::1");
        assert_eq!(reader.or("PORT", 8080_u16, "the port"), 9000);
        assert!(!reader.or("FETCH", true, "whether to fetch"));
        assert_eq!(reader.text("EMPTY", "nothing"), None);
        assert!(reader.finish(Some(())).is_ok());
    }

    #[test]
    fn a_file_with_mistakes_is_refused_without_its_values() {
        let wrong = file(&json!({"PROT": 1, "CHAINS": ["hush"], "PASSWORD": null}));
        let mut reader = Reader::new(Given::nothing().with_file(wrong.path()).unwrap());
        reader.or("PORT", 8080_u16, "the port");
        assert_eq!(
            reader.finish(Some(())).unwrap_err().0,
            [
                "CHAINS: a text, a number, true or false is expected",
                "PASSWORD: a text, a number, true or false is expected",
                "PROT: there is no such setting"
            ]
        );
        for text in ["", "{", "[\"hush\"]", "\"hush\"", "{\"PASSWORD\": hush}"] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let mistakes = Given::nothing().with_file(file.path()).unwrap_err();
            assert_eq!(mistakes.0.len(), 1, "{text}");
            assert!(!mistakes.to_string().contains("hush"), "{mistakes}");
        }
        let nowhere = Given::nothing().with_file(Path::new("/nonexistent/settings.json"));
        assert!(nowhere.unwrap_err().to_string().contains("No such file"));
    }

    #[test]
    fn another_server_is_reached_by_http() {
        let mut reader = Reader::new(given(&[
            ("GATEWAY", "http://127.0.0.1:8080/ipfs/"),
            ("FILE", "file:///etc/passwd"),
            ("QUERY", "https://example.org/?a=b"),
            ("RECEIVER", "localhost:4318"),
        ]));
        let usual = "https://example.org/ipfs/";
        let mut url = |name| reader.url(name, usual, "a server").map(String::from);
        assert_eq!(
            url("GATEWAY").as_deref(),
            Some("http://127.0.0.1:8080/ipfs/")
        );
        assert_eq!(url("NOT_SET").as_deref(), Some(usual));
        assert_eq!(url("FILE"), None);
        assert_eq!(url("QUERY"), None);
        assert_eq!(reader.url_if_given("RECEIVER", "a server"), None);
        assert_eq!(reader.url_if_given("NO_RECEIVER", "a server"), None);
        assert_eq!(reader.required_url("RECEIVER", "a server"), None);
        assert_eq!(reader.required_url("NOT_SET", "a server"), None);
        assert_eq!(reader.finish(Some(())).unwrap_err().0.len(), 5);
    }

    #[test]
    fn every_setting_is_remembered_with_its_default() {
        let mut reader = Reader::new(Given::nothing());
        reader.milliseconds(
            "LEASE_MS",
            Duration::from_secs(40),
            "how long a lease lasts",
        );
        reader.secret("KEY", "a key");
        reader.required("URL", "where it is");
        assert_eq!(reader.of_platform("K_SERVICE"), None);
        let settings = reader.settings();
        let shown: Vec<_> = settings
            .iter()
            .map(|setting| format!("{} [{}]", setting.name, setting.default))
            .collect();
        assert_eq!(
            shown,
            [
                "LEASE_MS [default: 40000]",
                "KEY [default: none]",
                "URL [required]"
            ]
        );
    }
}
