//! A request's place at an instance.

use std::net::SocketAddr;
use std::sync::Arc;

use super::call::Answer;
use super::instances::{Id, Taken};
use super::scaling::Shared;

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    taken: Taken,
}

impl Place {
    pub(super) fn new(shared: &Arc<Shared>, taken: Taken) -> Self {
        let shared = Arc::clone(shared);
        Self { shared, taken }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.taken.address
    }

    /// An instance that is looked after by hand is not known to be.
    pub(super) fn is_dead(&self) -> bool {
        let process = self.taken.process.as_ref();
        process.is_some_and(|process| !matches!(process.has_ended(), Ok(None)))
    }

    fn id(&self) -> Id {
        self.taken.id
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_dead() {
            self.shared.lost(self.id());
        }
        self.shared.release(self.id());
    }
}

impl Shared {
    /// A place at once, or after waiting for one in the order of arrival.
    pub(super) async fn place(self: &Arc<Self>) -> Result<Place, Answer> {
        let (handed_over, limit) = self.ask_for_place();
        match tokio::time::timeout(limit, handed_over).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_none_can_be_started)) => Err(Answer::own(
                500,
                "The request was aborted because there was no available instance.",
            )),
            Err(_elapsed) => Err(Answer::own(429, "Rate exceeded.")),
        }
    }
}
