//! What is asked of the model: waits with the settings as they are and with others, limits, months. Each answer is one document.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::costs::{self, Month, month, verifiers_of_run};
use crate::database::{Limits, Need, connections, limits, need};
use crate::inputs::Inputs;
use crate::queueing;
use crate::simulation::{Outcome, run};
use crate::statistics::{Waits, count};
use crate::workload::{burst, mean_busy_s, steady};

const BURST: u32 = 1000;
const RATES_PER_S: [f64; 5] = [0.1, 1.0, 10.0, 100.0, 1000.0];
const MONTHS: [f64; 3] = [1e3, 1e5, 1e7];

/// Everything about the settings as they are, and about others.
#[derive(Debug, Serialize)]
pub(crate) struct Model {
    pub(crate) inputs: Inputs,
    pub(crate) mean_busy_s: f64,
    pub(crate) runs: Vec<Run>,
    pub(crate) database: Limits,
    pub(crate) rates: [Need; 5],
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) start_ups: [StartUp; 4],
}

#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) what: String,
    pub(crate) jobs: usize,
    pub(crate) finished: usize,
    pub(crate) done_after_s: f64,
    pub(crate) refused_part: f64,
    pub(crate) wait: Waits,
    pub(crate) total: Waits,
    pub(crate) most_verifiers: u32,
    pub(crate) verifiers_started: usize,
    pub(crate) mean_verifiers: f64,
    pub(crate) most_public: u32,
    pub(crate) calls_refused: usize,
    pub(crate) most_open: u32,
    /// By theory, for times that vary as an exponential does, and verifiers that are all there.
    pub(crate) mean_wait_by_erlang_s: Option<f64>,
    /// Of the verifiers: a burst's, or a month's at this rate; without what is free.
    pub(crate) cost: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Candidate {
    pub(crate) verifier_max_instances: u32,
    pub(crate) verifier_min_instances: u32,
    pub(crate) verifier_vcpu: u32,
    pub(crate) burst_wait: Waits,
    pub(crate) burst_ended_s: f64,
    pub(crate) burst_cost: f64,
    pub(crate) steady_wait: Waits,
    pub(crate) month_of_100_000: f64,
    pub(crate) month_of_10_000_000: f64,
    pub(crate) connections: u32,
    pub(crate) connections_fit: bool,
}

/// How the burst fares if instances start slower or faster than assumed.
#[derive(Debug, Serialize)]
pub(crate) struct StartUp {
    pub(crate) p50_s: f64,
    pub(crate) burst_wait: Waits,
    pub(crate) single_wait: Waits,
}

pub(crate) fn model(inputs: &Inputs, seed: u64) -> Result<Model> {
    let mean = mean_busy_s(inputs);
    let mut runs = vec![burst_run(inputs, seed)?];
    for rate in RATES_PER_S {
        runs.push(steady_run(inputs, rate, mean, seed)?);
    }
    let mut candidates = Vec::new();
    for vcpu in [1, 2] {
        for min in [0, 1] {
            for max in [5, 10, 20, 40, 80] {
                candidates.push(candidate(inputs, max, min, vcpu, seed)?);
            }
        }
    }
    Ok(Model {
        inputs: inputs.clone(),
        mean_busy_s: mean,
        runs,
        database: limits(inputs, mean),
        rates: RATES_PER_S.map(|rate| need(inputs, mean, rate)),
        candidates,
        start_ups: [0.5, 2.0, 5.0, 10.0].map(|p50_s| start_up(inputs, p50_s, seed)),
    })
}

/// What months cost, and of what.
#[derive(Debug, Serialize)]
pub(crate) struct Months {
    pub(crate) inputs: Inputs,
    pub(crate) months: Vec<Month>,
}

pub(crate) fn months(inputs: &Inputs, jobs: Option<f64>, seed: u64) -> Result<Months> {
    let all = jobs.map_or(MONTHS.to_vec(), |jobs| vec![jobs]);
    let months = all.into_iter().map(|jobs| month(inputs, jobs, seed));
    Ok(Months {
        inputs: inputs.clone(),
        months: months.collect::<Result<_>>()?,
    })
}

fn burst_run(inputs: &Inputs, seed: u64) -> Result<Run> {
    let arrivals = burst(inputs, BURST, seed);
    let outcome = run(inputs, &arrivals, Duration::ZERO, seed);
    let cost = verifiers_of_run(inputs, &outcome)?;
    Ok(told(format!("burst of {BURST}"), &outcome, None, cost))
}

fn steady_run(inputs: &Inputs, rate: f64, mean_busy_s: f64, seed: u64) -> Result<Run> {
    let outcome = simulate_steady(inputs, rate, seed);
    let months = costs::MONTH_S / outcome.ended_at.as_secs_f64();
    let cost = verifiers_of_run(inputs, &outcome)? * months;
    let verifiers = inputs.settings.verifier_max_instances;
    let theory = queueing::mean_wait_s(rate, mean_busy_s, verifiers);
    let theory = Some(theory).filter(|wait| wait.is_finite());
    Ok(told(format!("{rate} a second"), &outcome, theory, cost))
}

/// So long that percentiles mean something, and a full table is seen.
fn simulate_steady(inputs: &Inputs, rate: f64, seed: u64) -> Outcome {
    let lasting = Duration::from_secs_f64((20_000.0 / rate).clamp(600.0, 12.0 * 3600.0));
    let arrivals = steady(inputs, rate, lasting, seed);
    run(inputs, &arrivals, lasting, seed)
}

fn told(what: String, outcome: &Outcome, theory: Option<f64>, cost: f64) -> Run {
    Run {
        what,
        jobs: outcome.submitted,
        finished: outcome.finished,
        done_after_s: outcome.ended_at.as_secs_f64(),
        refused_part: count(outcome.refused) / count(outcome.submitted).max(1.0),
        wait: outcome.waits,
        total: outcome.totals,
        most_verifiers: outcome.verifier.most_instances,
        verifiers_started: outcome.verifier.starts,
        mean_verifiers: outcome.verifier.busy_s / outcome.ended_at.as_secs_f64(),
        most_public: outcome.most_public,
        calls_refused: outcome.calls.refused,
        most_open: outcome.most_open,
        mean_wait_by_erlang_s: theory,
        cost,
    }
}

fn candidate(inputs: &Inputs, max: u32, min: u32, vcpu: u32, seed: u64) -> Result<Candidate> {
    let mut inputs = inputs.clone();
    let settings = &mut inputs.settings;
    settings.verifier_max_instances = max;
    settings.dispatches_at_once = max;
    settings.verifier_min_instances = min;
    settings.verifier_vcpu = vcpu;
    let arrivals = burst(&inputs, BURST, seed);
    let outcome = run(&inputs, &arrivals, Duration::ZERO, seed);
    let used = connections(&inputs.settings);
    Ok(Candidate {
        verifier_max_instances: max,
        verifier_min_instances: min,
        verifier_vcpu: vcpu,
        burst_wait: outcome.waits,
        burst_ended_s: outcome.ended_at.as_secs_f64(),
        burst_cost: verifiers_of_run(&inputs, &outcome)?,
        steady_wait: simulate_steady(&inputs, 1.0, seed).waits,
        month_of_100_000: month(&inputs, 1e5, seed)?.verifier,
        month_of_10_000_000: month(&inputs, 1e7, seed)?.verifier,
        connections: used,
        connections_fit: used <= limits(&inputs, 1.0).connections_allowed,
    })
}

fn start_up(inputs: &Inputs, p50_s: f64, seed: u64) -> StartUp {
    let mut inputs = inputs.clone();
    inputs.assumed.start_up.scale_to(p50_s);
    let arrivals = burst(&inputs, BURST, seed);
    // An hour apart on the mean: most find no instance.
    let singles = steady(&inputs, 1.0 / 3600.0, Duration::from_secs(200 * 3600), seed);
    StartUp {
        p50_s,
        burst_wait: run(&inputs, &arrivals, Duration::ZERO, seed).waits,
        single_wait: run(&inputs, &singles, Duration::ZERO, seed).waits,
    }
}
