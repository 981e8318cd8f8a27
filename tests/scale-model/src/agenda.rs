//! What happens when: the queue of a simulation. Of two things at one time, the one that was written down first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::table::JobId;

pub(crate) type CallId = usize;
pub(crate) type InstanceId = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Submitted(JobId),
    /// A call reaches the platform.
    Called(CallId),
    /// No instance was free in time.
    GaveUp(CallId),
    Worked(InstanceId, CallId),
    InstanceReady(InstanceId),
    PublicReady,
    Sweep(usize),
    /// The autoscaler looks.
    Look,
}

#[derive(Debug, Default)]
pub(crate) struct Agenda {
    now: Duration,
    written: u64,
    entries: BinaryHeap<Reverse<(Duration, u64, Event)>>,
}

impl Agenda {
    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    pub(crate) fn at(&mut self, time: Duration, event: Event) {
        self.written += 1;
        let entry = (time.max(self.now), self.written, event);
        self.entries.push(Reverse(entry));
    }

    pub(crate) fn after(&mut self, pause: Duration, event: Event) {
        self.at(self.now + pause, event);
    }

    /// The next event; the clock stands at its time then.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let Reverse((time, _, event)) = self.entries.pop()?;
        self.now = time;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::Event::{Look, PublicReady, Submitted, Sweep};
    use super::*;

    #[test]
    fn events_come_by_time_and_then_as_written() {
        let mut agenda = Agenda::default();
        let s = Duration::from_secs;
        agenda.at(s(2), PublicReady);
        agenda.at(s(1), Sweep(0));
        agenda.at(s(1), Submitted(0));
        assert_eq!((agenda.next(), agenda.now()), (Some(Sweep(0)), s(1)));
        agenda.after(s(1), Look);
        let rest: Vec<_> = std::iter::from_fn(|| agenda.next()).collect();
        assert_eq!(rest, [Submitted(0), PublicReady, Look]);
    }
}
