//! Which instances there are, who gets the next request, and how many more or fewer there should be.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::Revision;
use crate::process::Process;

pub(super) type Id = usize;

/// How far an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Starting,
    Serving,
    /// It was asked to end and gets no new request.
    ShuttingDown,
}

/// One that was started and has not ended.
#[derive(Debug, Clone)]
pub struct Instance {
    pub(super) id: Id,
    pub phase: Phase,
    /// Requests in flight.
    pub in_flight: usize,
    pub process: Arc<Process>,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) phase: Phase,
    /// None before it serves.
    pub(super) address: Option<SocketAddr>,
    /// None before it serves, and of one that is looked after by hand.
    pub(super) process: Option<Arc<Process>>,
    pub(super) in_flight: usize,
    /// When it last began or ended a request.
    pub(super) used: Instant,
    pub(super) is_frozen: bool,
}

impl Kept {
    pub(super) fn starting(now: Instant) -> Self {
        Self {
            phase: Phase::Starting,
            address: None,
            process: None,
            in_flight: 0,
            used: now,
            is_frozen: false,
        }
    }

    pub(super) fn by_hand(address: SocketAddr, now: Instant) -> Self {
        Self {
            phase: Phase::Serving,
            address: Some(address),
            ..Self::starting(now)
        }
    }

    pub(super) fn serve(&mut self, process: Arc<Process>, now: Instant) {
        self.phase = Phase::Serving;
        self.address = Some(process.address());
        self.process = Some(process);
        self.used = now;
    }

    /// Gives it processor time again.
    pub(super) fn thaw(&mut self) {
        if let (true, Some(process)) = (self.is_frozen, &self.process) {
            self.is_frozen = false;
            process.thaw_all();
        }
    }

    pub(super) fn freeze_without_request(&mut self) {
        let idle = self.phase == Phase::Serving && self.in_flight == 0 && !self.is_frozen;
        if let (true, Some(process)) = (idle, &self.process) {
            self.is_frozen = true;
            process.freeze_all();
        }
    }
}

/// A place at an instance.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) id: Id,
    pub(super) address: SocketAddr,
    pub(super) process: Option<Arc<Process>>,
}

/// By their numbers, which rise.
#[derive(Debug, Default)]
pub(super) struct Instances {
    all: BTreeMap<Id, Kept>,
    next: Id,
}

impl Instances {
    pub(super) fn add(&mut self, instance: Kept) -> Id {
        let id = self.next;
        self.next = id.saturating_add(1);
        self.all.insert(id, instance);
        id
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Kept> {
        self.all.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Kept> {
        self.all.remove(&id)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Id, &mut Kept)> {
        self.all.iter_mut().map(|(id, kept)| (*id, kept))
    }

    /// At the one with the fewest requests; of those, at the one that has rested longest.
    pub(super) fn take(&mut self, revision: &Revision, now: Instant) -> Option<Taken> {
        let free =
            |kept: &Kept| kept.phase == Phase::Serving && kept.in_flight < revision.concurrency;
        let free = self.all.iter_mut().filter(|(_, kept)| free(kept));
        let (id, kept) = free.min_by_key(|(_, kept)| (kept.in_flight, kept.used))?;
        let address = kept.address?;
        kept.in_flight = kept.in_flight.saturating_add(1);
        kept.used = now;
        Some(Taken {
            id: *id,
            address,
            process: kept.process.clone(),
        })
    }

    pub(super) fn count(&self, phase: Phase) -> usize {
        self.all.values().filter(|kept| kept.phase == phase).count()
    }

    /// How many to start, with so many requests waiting for a place.
    pub(super) fn missing(&self, revision: &Revision, waiting: usize) -> usize {
        let starting = self.count(Phase::Starting);
        // One that shuts down is not counted: for a moment there are more than the most.
        let live = starting.saturating_add(self.count(Phase::Serving));
        let coming = starting.saturating_mul(revision.concurrency);
        let lacking = waiting.saturating_sub(coming);
        let for_waiting = lacking.div_ceil(revision.concurrency.max(1));
        let for_least = revision.min_instances.saturating_sub(live);
        let room = revision.max_instances.saturating_sub(live);
        for_waiting.max(for_least).min(room)
    }

    /// Which to stop, those that have rested longest first.
    pub(super) fn idle(&self, revision: &Revision, now: Instant) -> Vec<Id> {
        let resting = |kept: &Kept| now.saturating_duration_since(kept.used);
        let is_idle = |kept: &Kept| {
            kept.phase == Phase::Serving
                && kept.in_flight == 0
                && resting(kept) >= revision.idle_limit
        };
        let idle = self.all.iter().filter(|(_, kept)| is_idle(kept));
        let mut idle: Vec<_> = idle.map(|(id, kept)| (kept.used, *id)).collect();
        idle.sort_unstable();
        let serving = self.count(Phase::Serving);
        let above_least = serving.saturating_sub(revision.min_instances);
        idle.into_iter()
            .take(above_least)
            .map(|(_, id)| id)
            .collect()
    }

    pub(super) fn live(&self) -> Vec<Instance> {
        let started = |(id, kept): (&Id, &Kept)| {
            Some(Instance {
                id: *id,
                phase: kept.phase,
                in_flight: kept.in_flight,
                process: kept.process.clone()?,
            })
        };
        self.all.iter().filter_map(started).collect()
    }
}
