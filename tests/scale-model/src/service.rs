//! The platform around the verifier: instances that take one request at a time, requests that wait for one, and the
//! autoscaler.
//!
//! Two things start instances: each request that finds none free and none on its way, and every few seconds the mean of the
//! last minute, of which an instance should have 60 %. How fast the platform starts many at once, nobody promises: here
//! all of them start together.

use std::collections::VecDeque;
use std::time::Duration;

use crate::agenda::{Agenda, CallId, Event, InstanceId};
use crate::inputs::{Inputs, Spread};
use crate::random::{Random, seconds};
use crate::statistics::{LastMinute, Level, rounded_up};

/// A request is billed in such steps.
const BILLED_STEP_MS: u128 = 100;

#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) start_up: Spread,
    /// How long a request waits for an instance before it is refused.
    pub(crate) pending_for: Duration,
    pub(crate) idle_kept: Duration,
    pub(crate) target_utilization: f64,
}

impl Rules {
    pub(crate) fn of(inputs: &Inputs) -> Self {
        let assumed = &inputs.assumed;
        let start_up = assumed.start_up.spread();
        let pending_s = assumed.pending_factor.value * start_up.mean_s();
        Self {
            min: inputs.settings.verifier_min_instances,
            max: inputs.settings.verifier_max_instances,
            start_up,
            pending_for: seconds(pending_s.max(assumed.pending_at_least_s.value)),
            idle_kept: seconds(assumed.idle_kept_s.value),
            target_utilization: assumed.target_utilization.value,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Service {
    rules: Rules,
    random: Random,
    /// Whether each instance that ever was has its first job before it.
    is_fresh: Vec<bool>,
    /// The last to become idle takes the next request; the first has been idle longest.
    idle: VecDeque<(InstanceId, Duration)>,
    starting: u32,
    waiting: VecDeque<CallId>,
    instances: Level,
    busy: Level,
    idle_minimum: Level,
    minute: LastMinute,
    billed: Duration,
}

/// What the platform will ask money for, and how many there were.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) active_s: f64,
    pub(crate) idle_minimum_s: f64,
    pub(crate) starts: usize,
    pub(crate) most_instances: u32,
    pub(crate) busy_s: f64,
}

impl Service {
    pub(crate) fn new(rules: Rules, random: Random) -> Self {
        let mut service = Self {
            random,
            is_fresh: Vec::new(),
            idle: VecDeque::new(),
            starting: 0,
            waiting: VecDeque::new(),
            instances: Level::default(),
            busy: Level::default(),
            idle_minimum: Level::default(),
            minute: LastMinute::default(),
            billed: Duration::ZERO,
            rules,
        };
        for _ in 0..service.rules.min {
            service
                .idle
                .push_back((service.is_fresh.len(), Duration::ZERO));
            service.is_fresh.push(true);
        }
        service.instances.set(Duration::ZERO, service.rules.min);
        service.idle_minimum.set(Duration::ZERO, service.rules.min);
        service
    }

    /// The instance that takes a request, or none: then it waits.
    pub(crate) fn request(&mut self, agenda: &mut Agenda, call: CallId) -> Option<InstanceId> {
        if let Some((instance, _)) = self.idle.pop_back() {
            self.set_busy(agenda.now(), self.busy.value() + 1);
            return Some(instance);
        }
        self.waiting.push_back(call);
        agenda.after(self.rules.pending_for, Event::GaveUp(call));
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        if self.starting < waiting {
            self.start(agenda);
        }
        None
    }

    /// Whether the request still waited: it is refused now.
    pub(crate) fn refuse(&mut self, call: CallId) -> bool {
        let position = self.waiting.iter().position(|waiting| *waiting == call);
        position.is_some_and(|at| self.waiting.remove(at).is_some())
    }

    /// An instance listens. It may have something to do at once.
    pub(crate) fn ready(&mut self, agenda: &Agenda, instance: InstanceId) -> Option<CallId> {
        self.starting = self.starting.saturating_sub(1);
        self.occupy_or_rest(agenda.now(), instance)
    }

    /// An instance has answered after some time. It may have the next request at once.
    pub(crate) fn answered(
        &mut self,
        agenda: &Agenda,
        instance: InstanceId,
        took: Duration,
    ) -> Option<CallId> {
        self.set_busy(agenda.now(), self.busy.value().saturating_sub(1));
        let steps = took.as_millis().div_ceil(BILLED_STEP_MS);
        let billed_ms = u64::try_from(steps * BILLED_STEP_MS).unwrap_or(u64::MAX);
        self.billed += Duration::from_millis(billed_ms);
        self.occupy_or_rest(agenda.now(), instance)
    }

    /// Whether this is the instance's first job. Asked once for each.
    pub(crate) fn is_first_job(&mut self, instance: InstanceId) -> bool {
        self.is_fresh
            .get_mut(instance)
            .is_some_and(|fresh| std::mem::replace(fresh, false))
    }

    /// The autoscaler's look at the last minute.
    pub(crate) fn look(&mut self, agenda: &mut Agenda) {
        let now = agenda.now();
        let mean = self.minute.mean(now, self.busy.sum_until(now));
        let wanted = rounded_up(mean / self.rules.target_utilization);
        while self.instances.value() < wanted.min(self.rules.max) {
            self.start(agenda);
        }
        let floor = wanted.max(self.rules.min);
        while self.instances.value() > floor
            && self
                .idle
                .front()
                .is_some_and(|(_, since)| now.saturating_sub(*since) >= self.rules.idle_kept)
        {
            self.idle.pop_front();
            self.instances.remove(now, 1);
        }
    }

    pub(crate) fn used(&self, now: Duration) -> Used {
        Used {
            active_s: self.billed.as_secs_f64(),
            idle_minimum_s: self.idle_minimum.sum_until(now),
            starts: self.is_fresh.len(),
            most_instances: self.instances.peak(),
            busy_s: self.busy.sum_until(now),
        }
    }

    fn start(&mut self, agenda: &mut Agenda) {
        if self.instances.value() >= self.rules.max {
            return;
        }
        let instance = self.is_fresh.len();
        self.is_fresh.push(true);
        self.starting += 1;
        self.instances.add(agenda.now(), 1);
        let start_up = self.random.spread(self.rules.start_up);
        self.billed += start_up;
        agenda.after(start_up, Event::InstanceReady(instance));
    }

    fn occupy_or_rest(&mut self, now: Duration, instance: InstanceId) -> Option<CallId> {
        let next = self.waiting.pop_front();
        match next {
            Some(_) => self.set_busy(now, self.busy.value() + 1),
            None => self.idle.push_back((instance, now)),
        }
        next
    }

    fn set_busy(&mut self, now: Duration, busy: u32) {
        self.busy.set(now, busy);
        self.idle_minimum
            .set(now, self.rules.min.saturating_sub(busy));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn service(min: u32, max: u32) -> Service {
        let rules = Rules {
            min,
            max,
            start_up: Spread {
                p50_s: 2.0,
                p95_s: 2.0,
            },
            pending_for: 10 * S,
            idle_kept: 900 * S,
            target_utilization: 0.6,
        };
        Service::new(rules, Random::new(1))
    }

    fn at(agenda: &mut Agenda, time: Duration) {
        agenda.at(time, Event::Look);
        while agenda.now() < time {
            agenda.next().unwrap();
        }
    }

    #[test]
    fn a_request_without_an_instance_starts_one_and_gets_it() {
        let (mut agenda, mut service) = (Agenda::default(), service(0, 2));
        assert_eq!(service.request(&mut agenda, 7), None);
        assert_eq!(agenda.next(), Some(Event::InstanceReady(0)));
        assert_eq!(service.ready(&agenda, 0), Some(7));
        assert_eq!(agenda.now(), 2 * S);
        assert!(!service.refuse(7), "it waits no longer");
        assert!(service.is_first_job(0) && !service.is_first_job(0));
        assert_eq!(service.answered(&agenda, 0, S / 20), None);
        // The start, and a twentieth of a second that is billed as a tenth.
        assert!((service.used(agenda.now()).active_s - 2.1).abs() < 1e-9);
    }

    #[test]
    fn at_the_limit_requests_wait_and_are_refused() {
        let (mut agenda, mut service) = (Agenda::default(), service(1, 1));
        assert_eq!(service.request(&mut agenda, 0), Some(0));
        assert_eq!(service.request(&mut agenda, 1), None);
        assert_eq!(service.request(&mut agenda, 2), None);
        assert_eq!(agenda.next(), Some(Event::GaveUp(1)));
        assert_eq!(agenda.now(), 10 * S);
        assert!(service.refuse(1));
        assert_eq!(service.answered(&agenda, 0, S), Some(2), "the next in line");
        assert_eq!(service.used(agenda.now()).starts, 1);
    }

    #[test]
    fn the_mean_of_a_minute_starts_more_and_idle_ones_end_after_their_time() {
        let (mut agenda, mut service) = (Agenda::default(), service(0, 10));
        for call in 0..3 {
            service.request(&mut agenda, call);
        }
        at(&mut agenda, 5 * S);
        for instance in 0..3 {
            service.ready(&agenda, instance);
        }
        service.look(&mut agenda);
        at(&mut agenda, 65 * S);
        service.look(&mut agenda);
        // Three were busy for the whole minute: five have 60 % each.
        assert_eq!(service.used(agenda.now()).starts, 5);
        for instance in 0..3 {
            service.answered(&agenda, instance, 60 * S);
        }
        at(&mut agenda, 130 * S);
        service.look(&mut agenda);
        at(&mut agenda, 200 * S);
        service.look(&mut agenda);
        assert_eq!(service.instances.value(), 5, "idle, and kept");
        at(&mut agenda, 1000 * S);
        service.look(&mut agenda);
        assert_eq!(
            service.instances.value(),
            2,
            "three were idle for 15 minutes; two never listened"
        );
    }

    #[test]
    fn an_idle_minimum_is_billed_while_it_is_idle() {
        let (mut agenda, mut service) = (Agenda::default(), service(2, 2));
        at(&mut agenda, 10 * S);
        service.request(&mut agenda, 0);
        at(&mut agenda, 20 * S);
        assert_eq!(service.used(agenda.now()).idle_minimum_s, 30.0);
    }
}
