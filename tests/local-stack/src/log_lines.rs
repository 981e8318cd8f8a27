//! What a child process writes: kept for those who wait for a line, and copied to its log.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::ChildStdout;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

const KEPT_LINES: usize = 10_000;

type Kept = Arc<Mutex<VecDeque<Value>>>;

/// The last lines of one child. A line that is no JSON is a string.
#[derive(Debug)]
pub(crate) struct LogLines {
    kept: Kept,
    /// Changes with each line, and is closed when there will be no more.
    more: watch::Receiver<()>,
}

impl LogLines {
    /// Reads until the child, and whoever has its output from it, has ended.
    pub(crate) fn follow(stdout: ChildStdout, log: File) -> Self {
        let kept = Kept::default();
        let (sender, more) = watch::channel(());
        let theirs = Arc::clone(&kept);
        std::thread::spawn(move || read(stdout, log, &theirs, &sender));
        Self { kept, more }
    }

    pub(crate) fn all(&self) -> Vec<Value> {
        self.with(|kept| kept.iter().cloned().collect())
    }

    pub(crate) fn find(&self, holds: impl Fn(&Value) -> bool) -> Option<Value> {
        self.with(|kept| kept.iter().find(|line| holds(line)).cloned())
    }

    pub(crate) fn more(&self) -> watch::Receiver<()> {
        self.more.clone()
    }

    fn with<T>(&self, look: impl FnOnce(&VecDeque<Value>) -> T) -> T {
        look(&self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(stdout: ChildStdout, mut log: File, kept: &Kept, more: &watch::Sender<()>) {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        // A pipe that breaks has no more to say, as one that ends.
        stdout.read_until(b'\n', line).is_ok_and(|read| read > 0)
    };
    while next(&mut line) {
        // A full disk must not stop the service, which would wait for us to read.
        let _ = log.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        let line = serde_json::from_str(text).unwrap_or_else(|_not_json| text.into());
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
        drop(kept);
        more.send_replace(());
    }
}
