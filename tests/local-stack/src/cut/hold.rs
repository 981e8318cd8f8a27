//! Stopping one connection at one place of what it says.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;

/// Postgres's message that runs the unnamed portal to its end.
const EXECUTE: &[u8] = b"E\0\0\0\x09\0\0\0\0\0";

/// Where a connection is stopped: at a text that the caller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Said before on the same connection.
    pub(super) after: Option<Vec<u8>>,
    pub(super) text: Vec<u8>,
    pub(super) skip: usize,
    pub(super) side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Answer,
}

impl Hold {
    /// The target does not hear the text, nor what follows.
    #[must_use]
    pub fn before(text: impl AsRef<[u8]>) -> Self {
        Self {
            after: None,
            text: text.as_ref().to_owned(),
            skip: 0,
            side: Side::Request,
        }
    }

    /// The target hears it and acts; the caller does not hear the answer.
    #[must_use]
    pub fn answer_to(text: impl AsRef<[u8]>) -> Self {
        Self {
            side: Side::Answer,
            ..Self::before(text)
        }
    }

    /// Only on the first connection that says this other text before.
    #[must_use]
    pub fn after(self, text: impl AsRef<[u8]>) -> Self {
        Self {
            after: Some(text.as_ref().to_owned()),
            ..self
        }
    }

    /// Postgres has prepared a statement with this in its text, for the first time on that connection, and does not
    /// hear that it is to be run.
    #[must_use]
    pub fn before_statement(text: impl AsRef<[u8]>) -> Self {
        Self::before(EXECUTE).after(text)
    }

    /// As [`Hold::before_statement`]; Postgres runs it, and the caller does not hear the answer.
    #[must_use]
    pub fn answer_to_statement(text: impl AsRef<[u8]>) -> Self {
        Self::answer_to(EXECUTE).after(text)
    }

    /// Lets the text pass that many times before, on whatever connection. Postgres hears the text of a prepared
    /// statement once on each connection, and that of `BEGIN` and `COMMIT` each time.
    #[must_use]
    pub fn skip(self, times: usize) -> Self {
        Self {
            skip: times,
            ..self
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() || self.after.as_ref().is_some_and(Vec::is_empty)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    NotYet,
    Holding,
    LetGo,
    Cut,
}

/// A hold that was ordered. Dropping it lets the connection go on.
#[derive(Debug)]
pub struct Held(pub(super) watch::Sender<State>);

impl Held {
    /// Returns when the connection has come to the text.
    ///
    /// # Errors
    /// When it has not in time.
    pub async fn happened(&self, limit: Duration) -> Result<()> {
        let mut state = self.0.subscribe();
        let holding = state.wait_for(|state| *state != State::NotYet);
        let waited = tokio::time::timeout(limit, holding).await;
        waited
            .with_context(|| format!("nobody said the text within {limit:?}"))?
            .context("the proxy is gone")?;
        Ok(())
    }

    #[must_use]
    pub fn has_happened(&self) -> bool {
        *self.0.borrow() != State::NotYet
    }

    /// The connection goes on as if nothing had been.
    pub fn let_go(self) {
        drop(self);
    }

    /// Resets this connection alone.
    pub fn cut(self) {
        self.0.send_replace(State::Cut);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.send_modify(|state| {
            if *state != State::Cut {
                *state = State::LetGo;
            }
        });
    }
}
