//! Instances started, stopped, frozen and lost; waiting requests handed over to those that are free.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::instances::{Id, Instance, Instances, Kept, Phase};
use super::invoker::Invoker;
use super::place::Place;
use super::report::{FrontFault, FrontReport, count};
use super::{Revision, ServiceConfig, Source, locked};
use crate::process::{Ended, Process, ProcessSpec};

/// The platform's, whatever a start takes.
const LEAST_PENDING_LIMIT: Duration = Duration::from_secs(10);
/// Before a start that failed is repeated without a new request.
const PAUSE_AFTER_FAILED_START: Duration = Duration::from_secs(1);

/// What requests and instances share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) revision: Revision,
    pub(super) invoker: Option<Invoker>,
    pub(super) http: reqwest::Client,
    /// None when they are looked after by hand.
    instance: Option<ProcessSpec>,
    /// The caller's, which lives longer than the server's.
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    instances: Instances,
    /// In the order of arrival.
    waiting: VecDeque<oneshot::Sender<Place>>,
    faults: VecDeque<FrontFault>,
    report: FrontReport,
    /// All there ever were.
    processes: Vec<Arc<Process>>,
    /// What starts took together.
    starting_took: Duration,
    failed_start: Option<(Instant, String)>,
    is_closed: bool,
}

impl Shared {
    pub(super) fn new(config: ServiceConfig) -> Result<Self> {
        // A connection kept open to an instance that was killed would make a fault of its own.
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .context("setting up the service's client")?;
        let mut state = State::default();
        let instance = match config.source {
            Source::Started(spec) => Some(spec),
            Source::ByHand(addresses) => {
                let now = Instant::now();
                for address in addresses {
                    state.instances.add(Kept::by_hand(address, now));
                }
                None
            }
        };
        Ok(Self {
            revision: config.revision,
            invoker: config.invoker.as_ref().map(Invoker::new).transpose()?,
            http,
            instance,
            runtime: Handle::current(),
            state: Mutex::new(state),
        })
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Whoever asks gets a place at once, later, or never: when no instance can be started. The time
    /// is how long that is worth waiting for.
    pub(super) fn ask_for_place(self: &Arc<Self>) -> (oneshot::Receiver<Place>, Duration) {
        let (hand_over, handed_over) = oneshot::channel();
        let mut state = locked(&self.state);
        state.waiting.push_back(hand_over);
        let limit = self.pending_limit(&state);
        self.hand_over(&mut state);
        self.start_missing(&mut state);
        (handed_over, limit)
    }

    fn pending_limit(&self, state: &State) -> Duration {
        let usual = || usual_pending_limit(state.starting_took, state.report.started);
        self.revision.pending_limit.unwrap_or_else(usual)
    }

    /// Free places to those who wait, the first first.
    fn hand_over(self: &Arc<Self>, state: &mut State) {
        while let Some(first) = state.waiting.pop_front() {
            if first.is_closed() || state.is_closed {
                continue;
            }
            let Some(taken) = state.instances.take(&self.revision, Instant::now()) else {
                state.waiting.push_front(first);
                return;
            };
            if let Some(kept) = state.instances.get_mut(taken.id) {
                kept.thaw();
            }
            // One that gives up at this very moment drops its place, which takes the lock that is
            // held here; so that is done elsewhere.
            if let Err(unclaimed) = first.send(Place::new(self, taken)) {
                self.spawn(async move { drop(unclaimed) });
            }
        }
    }

    fn start_missing(self: &Arc<Self>, state: &mut State) {
        let (Some(spec), false) = (&self.instance, state.is_closed) else {
            return;
        };
        state.waiting.retain(|waiting| !waiting.is_closed());
        let missing = state.instances.missing(&self.revision, state.waiting.len());
        for _ in 0..missing {
            let id = state.instances.add(Kept::starting(Instant::now()));
            self.spawn(Arc::clone(self).start_instance(id, numbered(spec, id)));
        }
    }

    async fn start_instance(self: Arc<Self>, id: Id, spec: ProcessSpec) {
        tokio::time::sleep(self.revision.start_delay).await;
        let started = Process::start(spec).await;
        let mut state = locked(&self.state);
        match started {
            Ok(process) => {
                let took = self
                    .revision
                    .start_delay
                    .saturating_add(process.ready_after());
                let process = Arc::new(process);
                state.processes.push(Arc::clone(&process));
                if state.is_closed {
                    process.kill();
                    return;
                }
                count(&mut state.report.started);
                state.starting_took = state.starting_took.saturating_add(took);
                state.failed_start = None;
                if let Some(kept) = state.instances.get_mut(id) {
                    kept.serve(process, Instant::now());
                }
                self.hand_over(&mut state);
                self.freeze_without_request(&mut state, id);
            }
            Err(error) => {
                count(&mut state.report.not_started);
                state.failed_start = Some((Instant::now(), format!("{error:#}")));
                state.instances.remove(id);
                let live =
                    [Phase::Serving, Phase::Starting].map(|phase| state.instances.count(phase));
                if live == [0, 0] {
                    // Those who wait are told.
                    state.waiting.clear();
                }
            }
        }
    }

    fn freeze_without_request(&self, state: &mut State, id: Id) {
        if self.revision.cpu_idle
            && let Some(kept) = state.instances.get_mut(id)
        {
            kept.freeze_without_request();
        }
    }

    /// A request has left an instance.
    pub(super) fn release(self: &Arc<Self>, id: Id) {
        let mut state = locked(&self.state);
        if let Some(kept) = state.instances.get_mut(id) {
            kept.in_flight = kept.in_flight.saturating_sub(1);
            kept.used = Instant::now();
        }
        self.hand_over(&mut state);
        self.freeze_without_request(&mut state, id);
    }

    /// An instance has ended unasked, or that was seen already.
    pub(super) fn lost(self: &Arc<Self>, id: Id) {
        let mut state = locked(&self.state);
        if state.instances.get_mut(id).map(|kept| kept.phase) == Some(Phase::Serving) {
            state.instances.remove(id);
            count(&mut state.report.crashed);
            self.start_missing(&mut state);
        }
    }

    /// What the platform does again and again: finds the dead and the idle, starts what is missing.
    pub(super) fn look_after(self: &Arc<Self>) {
        if self.instance.is_none() {
            return;
        }
        for instance in self.instances() {
            if !matches!(instance.process.has_ended(), Ok(None)) {
                self.lost(instance.id);
            }
        }
        let idle = locked(&self.state)
            .instances
            .idle(&self.revision, Instant::now());
        for id in idle {
            self.shut_down(id);
        }
        let mut state = locked(&self.state);
        let failed = state.failed_start.as_ref();
        if failed.is_none_or(|(at, _)| at.elapsed() >= PAUSE_AFTER_FAILED_START) {
            self.start_missing(&mut state);
        }
    }

    /// SIGTERM, and SIGKILL later; whether there was something to stop.
    pub(super) fn shut_down(self: &Arc<Self>, id: Id) -> bool {
        let mut state = locked(&self.state);
        let Some(kept) = state.instances.get_mut(id) else {
            return false;
        };
        let (Phase::Serving, Some(process)) = (kept.phase, kept.process.clone()) else {
            return false;
        };
        kept.phase = Phase::ShuttingDown;
        // Processor time is given while it shuts down.
        kept.thaw();
        drop(state);
        let shared = Arc::clone(self);
        self.spawn(async move {
            let ended = process.stop().await;
            let mut state = locked(&shared.state);
            match ended {
                Ok(Ended::Itself { .. }) => count(&mut state.report.stopped),
                Ok(Ended::Killed) | Err(_) => count(&mut state.report.killed),
            }
            state.instances.remove(id);
            shared.start_missing(&mut state);
        });
        true
    }

    /// Nothing is started any more; those that were.
    pub(super) fn close(&self) -> Vec<Arc<Process>> {
        let mut state = locked(&self.state);
        state.is_closed = true;
        state.waiting.clear();
        state.instances.iter_mut().for_each(|(_, kept)| kept.thaw());
        let live = state.instances.live().into_iter();
        live.map(|instance| instance.process).collect()
    }

    pub(super) fn move_instance(&self, index: Id, address: SocketAddr) {
        if let Some(kept) = locked(&self.state).instances.get_mut(index) {
            kept.address = Some(address);
        }
    }

    pub(super) fn order(&self, fault: FrontFault) {
        locked(&self.state).faults.push_back(fault);
    }

    pub(super) fn next_fault(&self) -> Option<FrontFault> {
        locked(&self.state).faults.pop_front()
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut FrontReport)) {
        change(&mut locked(&self.state).report);
    }

    pub(super) fn report(&self) -> FrontReport {
        locked(&self.state).report.clone()
    }

    pub(super) fn instances(&self) -> Vec<Instance> {
        locked(&self.state).instances.live()
    }

    pub(super) fn processes(&self) -> Vec<Arc<Process>> {
        locked(&self.state).processes.clone()
    }

    /// Whether the least instances serve, or are somebody else's care.
    pub(super) fn has_least_instances(&self) -> bool {
        let serving = locked(&self.state).instances.count(Phase::Serving);
        self.instance.is_none() || serving >= self.revision.min_instances
    }

    pub(super) fn start_error(&self) -> Option<String> {
        let state = locked(&self.state);
        state.failed_start.as_ref().map(|(_, error)| error.clone())
    }
}

/// 3.5 times the mean start.
fn usual_pending_limit(starting_took: Duration, started: usize) -> Duration {
    let started = u32::try_from(started.max(1)).unwrap_or(u32::MAX);
    let mean = starting_took.checked_div(started).unwrap_or_default();
    LEAST_PENDING_LIMIT.max(mean.saturating_mul(7) / 2)
}

/// An instance of its own name and log, of a revision.
fn numbered(spec: &ProcessSpec, id: Id) -> ProcessSpec {
    let mut spec = spec.clone();
    let revision = format!("{}-00001", spec.name);
    spec.name = format!("{}-{id}", spec.name);
    spec.log = spec.log.with_file_name(format!("{}.log", spec.name));
    // Not K_SERVICE: with that the services take no keys over plain http, which are all we have.
    let own = [("K_REVISION", revision), ("PORT", "0".to_owned())];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    spec.environment.extend(own);
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_instances_take_to_start_the_longer_requests_wait() {
        for (took_s, started, wanted_s) in [(0, 0, 10), (8, 4, 10), (40, 4, 35), (4, 1, 14)] {
            let limit = usual_pending_limit(Duration::from_secs(took_s), started);
            assert_eq!(limit, Duration::from_secs(wanted_s), "{took_s} {started}");
        }
    }
}
