//! The jobs of a run, all drawn beforehand: so settings are compared on the very same jobs.

use std::time::Duration;

use crate::inputs::Inputs;
use crate::random::{Random, seconds};

/// When a job is submitted, and for how long it keeps a verifier busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) at: Duration,
    pub(crate) busy: Duration,
}

/// So many jobs within some seconds, evenly.
pub(crate) fn burst(inputs: &Inputs, jobs: u32, seed: u64) -> Vec<Arrival> {
    let within = seconds(inputs.assumed.burst_within_s.value);
    let mut random = Random::new(seed);
    let arrival = |number: u32| Arrival {
        at: within * number / jobs.max(1),
        busy: busy(inputs, &mut random),
    };
    (0..jobs).map(arrival).collect()
}

/// So many a second, independently of each other, for some time.
pub(crate) fn steady(
    inputs: &Inputs,
    rate_per_s: f64,
    for_time: Duration,
    seed: u64,
) -> Vec<Arrival> {
    let mut random = Random::new(seed);
    let mut arrivals = Vec::new();
    let mut at = Duration::ZERO;
    loop {
        at += random.exponential(1.0 / rate_per_s);
        if at >= for_time {
            return arrivals;
        }
        arrivals.push(Arrival {
            at,
            busy: busy(inputs, &mut random),
        });
    }
}

/// What jobs take on the mean, in seconds.
pub(crate) fn mean_busy_s(inputs: &Inputs) -> f64 {
    const DRAWS: u32 = 100_000;
    let mut random = Random::new(0);
    let sum: Duration = (0..DRAWS).map(|_| busy(inputs, &mut random)).sum();
    sum.as_secs_f64() / f64::from(DRAWS)
}

/// The chain is asked while the compiler runs. The verifier's own work is in nobody's way on a second processor.
fn busy(inputs: &Inputs, random: &mut Random) -> Duration {
    let mut part = random.chance();
    let kind = inputs.jobs.iter().find(|kind| {
        part -= kind.share;
        part < 0.0
    });
    let compile = kind
        .or(inputs.jobs.last())
        .map_or(Duration::ZERO, |kind| random.spread(kind.compile));
    let chain = random.spread(inputs.assumed.chain.spread());
    let own = seconds(inputs.measured.verifier_cpu_s.value);
    // Compilers have one thread.
    let in_the_way = match inputs.settings.verifier_vcpu {
        0 | 1 => own,
        _ => Duration::ZERO,
    };
    chain.max(compile + in_the_way) + own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::tests::ours;

    #[test]
    fn a_burst_is_all_of_its_jobs_within_its_time() {
        let inputs = ours();
        let jobs = burst(&inputs, 1000, 1);
        assert_eq!(jobs.len(), 1000);
        assert!(jobs.iter().all(|job| job.at < Duration::from_secs(5)));
        assert_eq!(jobs, burst(&inputs, 1000, 1));
        assert_eq!(burst(&inputs, 0, 1), []);
    }

    #[test]
    fn a_steady_rate_is_that_rate() {
        let jobs = steady(&ours(), 10.0, Duration::from_secs(10_000), 1);
        let rate = crate::statistics::count(jobs.len()) / 10_000.0;
        assert!((rate - 10.0).abs() < 0.1, "{rate}");
    }

    #[test]
    fn a_second_processor_saves_the_verifiers_own_work_and_no_more() {
        let mut inputs = ours();
        inputs.settings.verifier_vcpu = 2;
        let with_two = mean_busy_s(&inputs);
        inputs.settings.verifier_vcpu = 1;
        let saved = mean_busy_s(&inputs) - with_two;
        let own = inputs.measured.verifier_cpu_s.value;
        assert!(saved > 0.0 && saved <= own, "{saved}");
    }
}
