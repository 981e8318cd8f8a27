//! What theory says of the simplest case: the simulation must agree there, or it is wrong.
//!
//! Jobs that come independently of each other, take exponentially distributed times, and wait in one queue for `c` verifiers
//! (M/M/c, Erlang's second formula). Bounds hold for all times that jobs may take.

/// Mean time in the queue. Infinite, if more comes than can be done.
pub(crate) fn mean_wait_s(rate_per_s: f64, mean_busy_s: f64, verifiers: u32) -> f64 {
    let load = rate_per_s * mean_busy_s;
    let free = f64::from(verifiers) - load;
    if free <= 0.0 {
        return f64::INFINITY;
    }
    let blocking = (1..=verifiers).fold(1.0, |blocking, n| {
        load * blocking / (f64::from(n) + load * blocking)
    });
    let verifiers = f64::from(verifiers);
    let waits = verifiers * blocking / (verifiers - load * (1.0 - blocking));
    waits * mean_busy_s / free
}

/// So many a second can be done at all.
pub(crate) fn capacity_per_s(mean_busy_s: f64, verifiers: u32) -> f64 {
    f64::from(verifiers) / mean_busy_s
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::inputs::Inputs;
    use crate::inputs::tests::ours;
    use crate::random::Random;
    use crate::simulation::{Outcome, run};
    use crate::statistics::count;
    use crate::workload::{Arrival, burst, steady};

    /// So many verifiers that are always there, as many places, one public-api, and nothing that costs time but the work.
    fn bare(verifiers: u32) -> Inputs {
        let mut inputs = ours();
        let settings = &mut inputs.settings;
        settings.verifier_min_instances = verifiers;
        settings.verifier_max_instances = verifiers;
        settings.dispatches_at_once = verifiers;
        settings.public_max_instances = 1;
        settings.max_open_jobs = u32::MAX;
        inputs.measured.turnaround_s.value = 0.0;
        inputs.assumed.first_job_s.value = 0.0;
        inputs
    }

    fn exponential(rate_per_s: f64, mean_busy_s: f64, jobs: u32) -> Vec<Arrival> {
        let mut random = Random::new(7);
        let mut at = Duration::ZERO;
        let mut next = || {
            at += random.exponential(1.0 / rate_per_s);
            let busy = random.exponential(mean_busy_s);
            Arrival { at, busy }
        };
        (0..jobs).map(|_| next()).collect()
    }

    #[test]
    fn erlangs_formula_has_the_values_of_its_tables() {
        // One verifier: load / (1 - load) times the mean. Two at a load of one: a third of them wait.
        assert!((mean_wait_s(0.5, 1.0, 1) - 1.0).abs() < 1e-12);
        assert!((mean_wait_s(1.0, 1.0, 2) - 1.0 / 3.0).abs() < 1e-12);
        assert!((mean_wait_s(9.0, 1.0, 10) - 0.66873).abs() < 1e-4);
        assert_eq!(mean_wait_s(2.0, 1.0, 2), f64::INFINITY);
    }

    #[test]
    fn the_simulation_waits_as_long_as_erlang_says() {
        for (verifiers, load) in [(1, 0.5), (2, 0.8), (10, 0.9), (20, 0.9)] {
            let rate = f64::from(verifiers) * load;
            let jobs = exponential(rate, 1.0, 300_000);
            let outcome = run(&bare(verifiers), &jobs, Duration::ZERO, 1);
            let (is, theory) = (outcome.waits.mean_s, mean_wait_s(rate, 1.0, verifiers));
            assert!(
                (is / theory - 1.0).abs() < 0.06,
                "{verifiers} verifiers at {load}: {is} instead of {theory}"
            );
        }
    }

    #[test]
    fn littles_law_holds_with_all_settings() {
        let inputs = ours();
        let lasting = Duration::from_secs(3600);
        let jobs = steady(&inputs, 5.0, lasting, 3);
        let outcome = run(&inputs, &jobs, lasting, 3);
        let work: Duration = jobs.iter().map(|job| job.busy).sum();
        let first = inputs.assumed.first_job_s.value;
        let extra = outcome.verifier.busy_s - work.as_secs_f64();
        // Nothing is worked on but the jobs, each once, and what each instance needs once.
        let most = first * count(outcome.verifier.starts) + 0.006 * count(outcome.calls.skipped);
        assert!((-1e-3..=most + 1e-3).contains(&extra), "{extra} {most}");
        assert_every_job_ended_once(&outcome);
    }

    #[test]
    fn a_burst_takes_as_long_as_its_work_and_not_much_longer() {
        for max in [5, 20, 80] {
            let mut inputs = ours();
            inputs.settings.verifier_max_instances = max;
            inputs.settings.dispatches_at_once = max;
            let jobs = burst(&inputs, 1000, 1);
            let outcome = run(&inputs, &jobs, Duration::ZERO, 1);
            let work: Duration = jobs.iter().map(|job| job.busy).sum();
            let longest = jobs.iter().map(|job| job.busy).max().unwrap();
            let least = (work / max).as_secs_f64();
            // Whoever has no instance yet, a turn at each job, and a last one that is long.
            let between = inputs.measured.turnaround_s.value * 1000.0 / f64::from(max);
            let most = least + between + longest.as_secs_f64() + 30.0;
            let is = outcome.ended_at.as_secs_f64();
            assert!((least..most).contains(&is), "{max}: {least} {is} {most}");
            assert!(outcome.verifier.most_instances <= max);
            assert_every_job_ended_once(&outcome);
        }
    }

    #[test]
    fn what_is_above_the_capacity_is_not_done() {
        let mut inputs = ours();
        inputs.settings.max_open_jobs = 500;
        let lasting = Duration::from_secs(600);
        let mut jobs = steady(&inputs, 100.0, lasting, 1);
        for job in &mut jobs {
            job.busy = Duration::from_secs(1);
        }
        let outcome = run(&inputs, &jobs, lasting, 1);
        let capacity = capacity_per_s(1.0, inputs.settings.verifier_max_instances);
        let rate = count(outcome.finished) / outcome.ended_at.as_secs_f64();
        assert!(rate <= capacity, "{rate} of {capacity}");
        assert!(rate > capacity * 0.95, "{rate} of {capacity}");
        assert!(outcome.refused > 0 && outcome.most_open == 500);
        assert_every_job_ended_once(&outcome);
    }

    #[test]
    fn more_places_than_instances_are_refused_and_lose_nothing() {
        let mut inputs = ours();
        inputs.settings.public_min_instances = 10;
        inputs.settings.verifier_max_instances = 2;
        let jobs = burst(&inputs, 500, 1);
        let outcome = run(&inputs, &jobs, Duration::ZERO, 1);
        assert!(outcome.calls.refused > 0, "{:?}", outcome.calls);
        assert_every_job_ended_once(&outcome);
    }

    #[test]
    fn a_seed_decides_everything() {
        let inputs = ours();
        let jobs = burst(&inputs, 300, 1);
        let told = |seed| format!("{:?}", run(&inputs, &jobs, Duration::ZERO, seed));
        assert_eq!(told(1), told(1));
        assert_ne!(told(1), told(2));
    }

    fn assert_every_job_ended_once(outcome: &Outcome) {
        assert_eq!(outcome.finished + outcome.refused, outcome.submitted);
        assert_eq!(outcome.calls.done, outcome.finished);
    }
}
