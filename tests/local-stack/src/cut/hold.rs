//! Stopping one connection at one place of what it says.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;

use super::locked;

/// Where a connection is stopped: at a text that the caller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    text: Vec<u8>,
    skip: usize,
    side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Answer,
}

impl Hold {
    /// The target does not hear the text, nor what follows.
    #[must_use]
    pub fn before(text: impl AsRef<[u8]>) -> Self {
        Self {
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
        self.text.is_empty()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    NotYet,
    Holding,
    LetGo,
    Cut,
}

/// A hold that was ordered. Dropping it lets the connection go on.
#[derive(Debug)]
pub struct Held(watch::Sender<State>);

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

/// All that are ordered and have not happened.
#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<VecDeque<Ordered>>);

#[derive(Debug)]
struct Ordered {
    hold: Hold,
    state: watch::Sender<State>,
}

/// What a connection that came to a text has to do.
#[derive(Debug)]
pub(super) struct Stop {
    /// Where in the bytes at hand the text begins.
    pub(super) at: usize,
    pub(super) is_answer: bool,
    state: watch::Sender<State>,
}

impl Stop {
    /// The connection has come there.
    pub(super) fn tell(&self) {
        // The test may give up in this very moment; then its word stays.
        self.state.send_if_modified(|state| {
            let is_waited_for = *state == State::NotYet;
            if is_waited_for {
                *state = State::Holding;
            }
            is_waited_for
        });
    }

    /// Whether the connection may go on.
    pub(super) async fn over(&mut self) -> bool {
        let mut state = self.state.subscribe();
        let over = state.wait_for(|state| matches!(state, State::LetGo | State::Cut));
        over.await.is_ok_and(|state| *state == State::LetGo)
    }
}

impl Holds {
    pub(super) fn add(&self, hold: Hold) -> Held {
        let state = watch::Sender::new(State::NotYet);
        locked(&self.0).push_back(Ordered {
            hold,
            state: state.clone(),
        });
        Held(state)
    }

    /// The first hold that these bytes come to. `seen` bytes of them were looked at before.
    pub(super) fn find(&self, bytes: &[u8], seen: usize) -> Option<Stop> {
        let mut orders = locked(&self.0);
        orders.retain(|order| *order.state.borrow() == State::NotYet);
        for index in 0..orders.len() {
            let order = orders.get_mut(index)?;
            if let Some(at) = order.hold.find(bytes, seen) {
                let order = orders.remove(index)?;
                return Some(Stop {
                    at,
                    is_answer: order.hold.side == Side::Answer,
                    state: order.state,
                });
            }
        }
        None
    }

    /// How much of what was said must be kept to find a text that comes in two parts.
    pub(super) fn longest(&self) -> usize {
        let orders = locked(&self.0);
        orders
            .iter()
            .map(|order| order.hold.text.len())
            .max()
            .unwrap_or(0)
    }
}

impl Hold {
    /// Where the text begins that is not skipped; it must end behind what was seen.
    fn find(&mut self, bytes: &[u8], seen: usize) -> Option<usize> {
        let length = self.text.len();
        let from = seen.saturating_sub(length.saturating_sub(1));
        for (index, window) in bytes.windows(length).enumerate().skip(from) {
            if window != self.text {
                continue;
            }
            match self.skip.checked_sub(1) {
                Some(left) => self.skip = left,
                None => return Some(index),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_once_wherever_it_was_torn() {
        let mut hold = Hold::before("COMMIT");
        assert_eq!(hold.find(b"xxCOM", 0), None);
        assert_eq!(hold.find(b"xxCOMMIT", 5), Some(2));
        let mut second = Hold::before("aa").skip(1);
        assert_eq!(second.find(b"-aa-", 0), None);
        assert_eq!(second.find(b"-aa-", 3), None, "seen already");
        assert_eq!(second.find(b"-aa-aa", 3), Some(4));
    }
}
