//! What the person who waits sees: a line that moves on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// For one release.
#[derive(Debug)]
pub struct Progress {
    name: String,
    began: Instant,
    bar: Option<ProgressBar>,
    found: Mutex<Vec<String>>,
}

const STYLE: &str = "{spinner} {prefix:9} {msg} {elapsed}";
const BYTES_STYLE: &str = "{spinner} {prefix:9} {msg} {bar:30} {bytes}/{total_bytes} {elapsed}";

impl Progress {
    /// Speaks on stderr.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner().with_prefix(name.to_owned());
            set_style(&bar, STYLE);
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self {
            name: name.to_owned(),
            began: Instant::now(),
            bar,
            found: Mutex::default(),
        }
    }

    /// A line before something long, where no moving line shows it.
    pub(crate) fn begin(&self, what: &str) {
        if self.bar.is_none() {
            self.note(what);
        }
    }

    /// What begins now. Only terminals show it: a log needs no more than the end.
    pub(crate) fn step(&self, what: &'static str) {
        if let Some(bar) = &self.bar {
            set_style(bar, STYLE);
            bar.set_message(what);
        }
    }

    /// Like [`Self::step`], for something whose size is known.
    pub(crate) fn step_of_bytes(&self, what: &'static str, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
            bar.set_position(0);
            set_style(bar, BYTES_STYLE);
            bar.set_message(what);
        }
    }

    pub(crate) fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    /// Something that is worth knowing afterwards too.
    pub fn note(&self, what: &str) {
        let line = format!("{}: {what}", self.name);
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// Something that was found and can't be used: worth knowing, and kept for whoever started this.
    pub(crate) fn refuse(&self, what: &str) {
        self.note(what);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.push(what.to_owned());
    }

    pub(crate) fn found(&self) -> Vec<String> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.clone()
    }

    /// The last word.
    pub fn end(self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let seconds = self.began.elapsed().as_secs_f64();
        eprintln!("{}: {what} ({seconds:.1} s)", self.name);
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    // A template that can't be read would only look worse.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_can_be_read() {
        ProgressStyle::with_template(STYLE).unwrap();
        ProgressStyle::with_template(BYTES_STYLE).unwrap();
    }
}
