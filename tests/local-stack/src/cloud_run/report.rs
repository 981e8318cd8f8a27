//! What has passed so far, and what is ordered to go wrong.

/// What happens to one request instead of the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontFault {
    /// The request reaches no instance.
    Answer {
        status: u16,
        retry_after_s: Option<u32>,
    },
    /// The request is carried out, and its answer replaced.
    LoseAnswer { status: u16 },
}

/// What has passed so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrontReport {
    /// The status of each answer, in the order they were given.
    pub answers: Vec<u16>,
    /// Requests that are waiting or being worked on.
    pub in_flight: usize,
    pub peak_in_flight: usize,
    /// Instances that came to serve.
    pub started: usize,
    /// Instances that could not be started.
    pub not_started: usize,
    /// Instances that ended in time when they were asked to.
    pub stopped: usize,
    /// Instances that had to be killed when they were asked to stop.
    pub killed: usize,
    /// Instances that ended unasked.
    pub crashed: usize,
}

impl FrontReport {
    pub(super) fn arrived(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
        self.peak_in_flight = self.peak_in_flight.max(self.in_flight);
    }

    pub(super) fn left(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}

/// One more.
pub(super) fn count(counter: &mut usize) {
    *counter = counter.saturating_add(1);
}
