//! What connections say, compared with all that tests wait for.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::watch;

use super::hold::{Held, Hold, Side, State};
use super::locked;

/// All that are ordered and have not happened.
#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<VecDeque<Ordered>>);

#[derive(Debug)]
struct Ordered {
    hold: Hold,
    /// The connection that said the first text.
    of: Option<usize>,
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
            of: None,
            state: state.clone(),
        });
        Held(state)
    }

    /// The first hold that these bytes of a connection come to. `seen` of them were looked at before.
    pub(super) fn find(&self, connection: usize, bytes: &[u8], seen: usize) -> Option<Stop> {
        let mut orders = locked(&self.0);
        orders.retain(|order| *order.state.borrow() == State::NotYet);
        for index in 0..orders.len() {
            let order = orders.get_mut(index)?;
            if let Some(at) = order.find(connection, bytes, seen) {
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
        let lengths = orders.iter().map(|order| {
            let after = order.hold.after.as_ref().map_or(0, Vec::len);
            order.hold.text.len().max(after)
        });
        lengths.max().unwrap_or(0)
    }
}

impl Ordered {
    fn find(&mut self, connection: usize, bytes: &[u8], seen: usize) -> Option<usize> {
        let Some(after) = &self.hold.after else {
            return self.hold.find(bytes, seen);
        };
        match self.of {
            Some(of) if of == connection => self.hold.find(bytes, seen),
            Some(_other) => None,
            None => {
                let begin = places(after, bytes, seen).next()?;
                self.of = Some(connection);
                let said = begin.saturating_add(after.len());
                let text = self.hold.text.len();
                // From here on, also in what is at hand already.
                self.hold
                    .find(bytes, said.saturating_add(text.saturating_sub(1)))
            }
        }
    }
}

impl Hold {
    /// Where the text begins that is not skipped.
    fn find(&mut self, bytes: &[u8], seen: usize) -> Option<usize> {
        let places = places(&self.text, bytes, seen);
        for place in places {
            match self.skip.checked_sub(1) {
                Some(left) => self.skip = left,
                None => return Some(place),
            }
        }
        None
    }
}

/// Where the text begins; it ends behind what was seen.
fn places<'a>(text: &'a [u8], bytes: &'a [u8], seen: usize) -> impl Iterator<Item = usize> + 'a {
    let from = seen.saturating_sub(text.len().saturating_sub(1));
    let windows = bytes.windows(text.len()).enumerate().skip(from);
    windows.filter_map(move |(index, window)| (window == text).then_some(index))
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

    #[test]
    fn a_connection_that_did_not_say_the_first_text_is_let_pass() {
        let holds = Holds::default();
        let _held = holds.add(Hold::before("COMMIT").after("insert"));
        assert!(holds.find(1, b"COMMIT insert", 0).is_none());
        assert!(holds.find(2, b"insert COMMIT", 0).is_none());
        let stop = holds.find(1, b"t COMMIT", 1).unwrap();
        assert_eq!(stop.at, 2);
        let _held = holds.add(Hold::answer_to("COMMIT").after("insert"));
        assert_eq!(holds.find(3, b"insert; COMMIT", 0).unwrap().at, 8);
    }
}
