//! One run: jobs are submitted, called for, wait, and are worked on, event by event.
//!
//! It follows `public-api/src/dispatch`: places, the table, repetitions, the sweep. What it leaves out: faults, turns of clients (each
//! job is of another one), and calls that a sweep gives up.

use std::time::Duration;

use crate::agenda::{Agenda, CallId, Event, InstanceId};
use crate::inputs::Inputs;
use crate::random::{Random, seconds};
use crate::service::{Rules, Service, Used};
use crate::statistics::{LastMinute, Level, Waits, rounded_up};
use crate::table::{JobId, Table};
use crate::workload::Arrival;

/// A call for a job that somebody has: the verifier looks, and says so.
const SKIP: Duration = Duration::from_millis(5);
/// As `dispatch/plan` has it.
const REPETITIONS: u32 = 4;
/// As `upkeep/sweep` has it.
const SWEPT_AT_ONCE: u32 = 50;
/// Longer than any run that is asked for; a model that never ends would be worse than one that says so.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 3600);

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) submitted: usize,
    /// Because of `MAX_OPEN_JOBS`.
    pub(crate) refused: usize,
    pub(crate) finished: usize,
    /// From acceptance to the lease.
    pub(crate) waits: Waits,
    /// From acceptance to the end.
    pub(crate) totals: Waits,
    pub(crate) calls: Calls,
    pub(crate) verifier: Used,
    pub(crate) most_public: u32,
    pub(crate) public_s: f64,
    pub(crate) most_open: u32,
    /// When everything was done.
    pub(crate) ended_at: Duration,
}

/// How calls to the verifier ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) done: usize,
    pub(crate) skipped: usize,
    pub(crate) refused: usize,
    pub(crate) left_to_sweep: usize,
}

/// Runs until all jobs have ended, and at least for `lasting`.
pub(crate) fn run(inputs: &Inputs, arrivals: &[Arrival], lasting: Duration, seed: u64) -> Outcome {
    let mut run = Run::new(inputs, arrivals, seed);
    let submitted_until = arrivals.last().map_or(Duration::ZERO, |last| last.at);
    while let Some(event) = run.agenda.next() {
        let now = run.agenda.now();
        run.handle(event);
        let is_done = now >= submitted_until && run.open.value() == 0;
        if (is_done && now >= lasting) || now > LONGEST {
            break;
        }
    }
    run.outcome()
}

#[derive(Debug)]
struct Run<'a> {
    inputs: &'a Inputs,
    agenda: Agenda,
    random: Random,
    jobs: Vec<Job>,
    calls: Vec<Call>,
    table: Table,
    service: Service,
    publics: Vec<Public>,
    publics_starting: usize,
    open: Level,
    /// public-api's instances, those on their way included.
    public_level: Level,
    requests_of_minute: LastMinute,
    work_of_minute: LastMinute,
    accepted: u32,
    refused: usize,
    waits: Vec<Duration>,
    totals: Vec<Duration>,
    counts: Calls,
}

#[derive(Debug)]
struct Job {
    busy: Duration,
    accepted: Duration,
    due_at: Duration,
    /// The call that has it.
    taken_by: Option<CallId>,
}

#[derive(Debug)]
struct Call {
    public: usize,
    job: JobId,
    began: Duration,
    calls: u32,
    took: Duration,
}

/// One public-api, as far as it calls.
#[derive(Debug)]
struct Public {
    places: u32,
    rows_may_wait: bool,
}

impl<'a> Run<'a> {
    fn new(inputs: &'a Inputs, arrivals: &[Arrival], seed: u64) -> Self {
        let mut run = Self {
            inputs,
            agenda: Agenda::default(),
            random: Random::new(seed ^ 0xD15_7A7C4),
            jobs: Vec::with_capacity(arrivals.len()),
            calls: Vec::new(),
            table: Table::default(),
            service: Service::new(Rules::of(inputs), Random::new(seed ^ 0x57A_8700)),
            publics: Vec::new(),
            publics_starting: 0,
            open: Level::default(),
            public_level: Level::default(),
            requests_of_minute: LastMinute::default(),
            work_of_minute: LastMinute::default(),
            accepted: 0,
            refused: 0,
            waits: Vec::new(),
            totals: Vec::new(),
            counts: Calls::default(),
        };
        for (id, arrival) in arrivals.iter().enumerate() {
            run.agenda.at(arrival.at, Event::Submitted(id));
            run.jobs.push(Job {
                busy: arrival.busy,
                accepted: arrival.at,
                due_at: Duration::ZERO,
                taken_by: None,
            });
        }
        for _ in 0..inputs.settings.public_min_instances {
            run.public_level.add(Duration::ZERO, 1);
            run.add_public();
        }
        run.agenda.at(Duration::ZERO, Event::Look);
        run
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Submitted(job) => self.submitted(job),
            Event::Called(call) => {
                if let Some(instance) = self.service.request(&mut self.agenda, call) {
                    self.work(instance, call);
                }
            }
            Event::GaveUp(call) => {
                if self.service.refuse(call) {
                    self.counts.refused += 1;
                    self.call_again_or_leave(call);
                }
            }
            Event::Worked(instance, call) => self.worked(instance, call),
            Event::InstanceReady(instance) => {
                if let Some(call) = self.service.ready(&self.agenda, instance) {
                    self.work(instance, call);
                }
            }
            Event::PublicReady => {
                self.publics_starting = self.publics_starting.saturating_sub(1);
                self.add_public();
            }
            Event::Sweep(public) => self.sweep(public),
            Event::Look => self.look(),
        }
    }

    fn submitted(&mut self, job: JobId) {
        if self.open.value() >= self.inputs.settings.max_open_jobs {
            self.refused += 1;
            return;
        }
        let now = self.agenda.now();
        self.accepted += 1;
        self.open.add(now, 1);
        let public = self.random.one_of(self.publics.len());
        let has_place = {
            let public = &mut self.publics[public];
            let has_place = !public.rows_may_wait && public.places > 0;
            if has_place {
                public.places -= 1;
            } else {
                public.rows_may_wait = true;
            }
            has_place
        };
        if has_place {
            let again_at = now + self.again_after();
            self.due(job, again_at);
            self.table.insert(job, again_at);
            self.call(public, job);
        } else {
            self.due(job, now);
            self.table.insert(job, now);
            self.take_rows(public);
        }
    }

    /// Has a row taken, if some may wait and there is a place to call for it.
    fn take_rows(&mut self, public: usize) {
        let this = &mut self.publics[public];
        if this.rows_may_wait && this.places > 0 {
            this.places -= 1;
            self.next_row(public);
        }
    }

    /// Of somebody who has a place, and gives it back if there is nothing to call for.
    fn next_row(&mut self, public: usize) {
        let may_wait = std::mem::take(&mut self.publics[public].rows_may_wait);
        let taken = match may_wait {
            true => self.take_due(1),
            false => vec![],
        };
        match taken.first() {
            Some(job) => {
                self.publics[public].rows_may_wait = true;
                self.take_rows(public);
                self.call(public, *job);
            }
            None => self.publics[public].places += 1,
        }
    }

    fn take_due(&mut self, most: u32) -> Vec<JobId> {
        let now = self.agenda.now();
        let again_at = now + self.again_after();
        let taken = self.table.take_due(now, most, again_at);
        for job in &taken {
            self.due(*job, again_at);
        }
        taken
    }

    fn call(&mut self, public: usize, job: JobId) {
        let id = self.calls.len();
        self.calls.push(Call {
            public,
            job,
            began: self.agenda.now(),
            calls: 1,
            took: Duration::ZERO,
        });
        let turnaround = seconds(self.inputs.measured.turnaround_s.value);
        self.agenda.after(turnaround, Event::Called(id));
    }

    /// The platform has given a call to an instance.
    fn work(&mut self, instance: InstanceId, call: CallId) {
        let now = self.agenda.now();
        let first = match self.service.is_first_job(instance) {
            true => seconds(self.inputs.assumed.first_job_s.value),
            false => Duration::ZERO,
        };
        let id = self.calls[call].job;
        let job = &mut self.jobs[id];
        let took = match job.taken_by {
            Some(_) => SKIP,
            None => {
                job.taken_by = Some(call);
                self.waits.push(now.saturating_sub(job.accepted));
                self.table.remove(id, job.due_at);
                job.busy
            }
        };
        self.calls[call].took = first + took;
        self.agenda
            .after(first + took, Event::Worked(instance, call));
    }

    fn worked(&mut self, instance: InstanceId, call: CallId) {
        let Call {
            public, job, took, ..
        } = self.calls[call];
        let now = self.agenda.now();
        if self.jobs[job].taken_by == Some(call) {
            self.counts.done += 1;
            self.totals
                .push(now.saturating_sub(self.jobs[job].accepted));
            self.open.remove(now, 1);
        } else {
            self.counts.skipped += 1;
        }
        if let Some(next) = self.service.answered(&self.agenda, instance, took) {
            self.work(instance, next);
        }
        self.next_row(public);
    }

    fn call_again_or_leave(&mut self, call: CallId) {
        let first_pause = seconds(self.inputs.settings.first_pause_s);
        let again_after = self.again_after();
        let chance = self.random.chance();
        let call_of = &mut self.calls[call];
        let doubled = first_pause * 2_u32.pow(call_of.calls.min(REPETITIONS) - 1);
        let pause = doubled.mul_f64(chance);
        let left = (call_of.began + again_after).saturating_sub(self.agenda.now());
        if call_of.calls > REPETITIONS || pause >= left {
            self.counts.left_to_sweep += 1;
            self.publics[call_of.public].places += 1;
            return;
        }
        call_of.calls += 1;
        self.agenda.after(pause, Event::Called(call));
    }

    fn sweep(&mut self, public: usize) {
        let places = self.publics[public].places.min(SWEPT_AT_ONCE);
        let taken = self.take_due(places);
        let count = u32::try_from(taken.len()).unwrap_or(u32::MAX);
        self.publics[public].places -= count;
        if count == places {
            self.publics[public].rows_may_wait = true;
        }
        for job in taken {
            self.call(public, job);
        }
        self.take_rows(public);
        let interval = seconds(self.inputs.settings.sweep_interval_s);
        let pause = interval.mul_f64(1.0 + self.random.chance() / 4.0);
        self.agenda.after(pause, Event::Sweep(public));
    }

    fn look(&mut self) {
        self.service.look(&mut self.agenda);
        let now = self.agenda.now();
        let wanted = self.public_wanted(now);
        while self.public_level.value() < wanted {
            self.public_level.add(now, 1);
            self.publics_starting += 1;
            let start_up = self.random.spread(self.inputs.assumed.start_up.spread());
            self.agenda.after(start_up, Event::PublicReady);
        }
        let interval = seconds(self.inputs.assumed.look_interval_s.value);
        self.agenda.after(interval, Event::Look);
    }

    /// By requests at once and by processor, the higher. Whoever waits for a job has its question open now and then.
    /// Instances that were started stay.
    fn public_wanted(&mut self, now: Duration) -> u32 {
        let (settings, assumed) = (&self.inputs.settings, &self.inputs.assumed);
        let held = assumed.poll_held_s.value;
        let share = held / (held + assumed.poll_pause_s.value);
        let concurrency = f64::from(settings.public_concurrency);
        let requests = self
            .requests_of_minute
            .mean(now, share * self.open.sum_until(now));
        let now_at_once = share * f64::from(self.open.value());
        let work_s = f64::from(self.accepted) * self.inputs.measured.public_cpu_s.value;
        let work = self.work_of_minute.mean(now, work_s) / f64::from(settings.public_vcpu);
        let target = assumed.target_utilization.value;
        let wanted = (requests / concurrency / target)
            .max(now_at_once / concurrency)
            .max(work / target);
        rounded_up(wanted).clamp(settings.public_min_instances, settings.public_max_instances)
    }

    fn add_public(&mut self) {
        let id = self.publics.len();
        self.publics.push(Public {
            places: self.inputs.settings.dispatches_at_once,
            rows_may_wait: false,
        });
        self.agenda.after(Duration::ZERO, Event::Sweep(id));
    }

    fn due(&mut self, job: JobId, at: Duration) {
        self.jobs[job].due_at = at;
    }

    fn again_after(&self) -> Duration {
        seconds(self.inputs.settings.again_after_s)
    }

    fn outcome(self) -> Outcome {
        let now = self.agenda.now();
        Outcome {
            submitted: self.jobs.len(),
            refused: self.refused,
            finished: self.totals.len(),
            waits: Waits::of(self.waits),
            totals: Waits::of(self.totals),
            calls: self.counts,
            verifier: self.service.used(now),
            most_public: self.public_level.peak(),
            public_s: self.public_level.sum_until(now),
            most_open: self.open.peak(),
            ended_at: now,
        }
    }
}
