//! What it costs: a run of the simulation, and a month.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::inputs::{Inputs, Known, Prices};
use crate::simulation::{Outcome, run};
use crate::statistics::{count, rounded_up};
use crate::workload::steady;

const HOURS: f64 = 730.0;
pub(crate) const MONTH_S: f64 = HOURS * 3600.0;
const GIB: f64 = 1_073_741_824.0;
/// Simulated jobs of a month; what they need is multiplied.
const SAMPLE: f64 = 4000.0;
/// However few jobs there are, or many.
const SAMPLED_AT_MOST_S: f64 = 14.0 * 24.0 * 3600.0;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) quantity: f64,
    pub(crate) unit: String,
    pub(crate) cost: f64,
    pub(crate) known: Known,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Month {
    pub(crate) jobs: f64,
    pub(crate) lines: Vec<Line>,
    pub(crate) total: f64,
    /// Of the total, what changes with the number of jobs.
    pub(crate) verifier: f64,
}

/// Seconds of use, as the platform counts them.
#[derive(Debug, Clone, Copy)]
struct Use {
    verifier_active_s: f64,
    verifier_idle_s: f64,
    public_s: f64,
    requests: f64,
}

/// The verifiers alone, without what is free: settings are compared by this.
pub(crate) fn verifiers_of_run(inputs: &Inputs, outcome: &Outcome) -> Result<f64> {
    let mut bill = Bill::new(&inputs.prices);
    bill.is_free_part_given = false;
    verifiers(inputs, &use_of(outcome), &mut bill)?;
    Ok(bill.total())
}

/// A month with so many jobs, evenly over it: a night is as busy as a day.
pub(crate) fn month(inputs: &Inputs, jobs: f64, seed: u64) -> Result<Month> {
    let rate = jobs / MONTH_S;
    let sampled_s = (SAMPLE / rate).min(SAMPLED_AT_MOST_S).min(MONTH_S);
    let lasting = Duration::from_secs_f64(sampled_s);
    let arrivals = steady(inputs, rate, lasting, seed);
    let outcome = run(inputs, &arrivals, lasting, seed);
    let months = MONTH_S / outcome.ended_at.as_secs_f64();
    let used = use_of(&outcome);
    let used = Use {
        verifier_active_s: used.verifier_active_s * months,
        verifier_idle_s: used.verifier_idle_s * months,
        public_s: used.public_s * months,
        requests: used.requests * months,
    };
    let instances =
        outcome.verifier.busy_s / outcome.ended_at.as_secs_f64() + used.public_s / MONTH_S;

    let mut bill = Bill::new(&inputs.prices);
    verifiers(inputs, &used, &mut bill)?;
    let verifier = bill.total();
    public_api(inputs, &used, jobs, &mut bill)?;
    database(inputs, jobs, &mut bill)?;
    network(inputs, jobs, &mut bill)?;
    telemetry(inputs, jobs, instances, &mut bill)?;
    the_rest(inputs, &mut bill)?;
    Ok(Month {
        jobs,
        total: bill.total(),
        lines: bill.lines,
        verifier,
    })
}

fn use_of(outcome: &Outcome) -> Use {
    let calls = outcome.calls;
    Use {
        verifier_active_s: outcome.verifier.active_s,
        verifier_idle_s: outcome.verifier.idle_minimum_s,
        public_s: outcome.public_s,
        requests: count(calls.done + calls.skipped + calls.refused),
    }
}

fn verifiers(inputs: &Inputs, used: &Use, bill: &mut Bill<'_>) -> Result<()> {
    let settings = &inputs.settings;
    let (vcpu, gib) = (
        f64::from(settings.verifier_vcpu),
        settings.verifier_memory_gib,
    );
    let active = used.verifier_active_s;
    bill.add(
        "internal-verifier: processors",
        "request_vcpu_second",
        active * vcpu,
    )?;
    bill.add(
        "internal-verifier: memory",
        "request_gib_second",
        active * gib,
    )?;
    bill.add(
        "internal-verifier: requests",
        "request_million",
        used.requests / 1e6,
    )?;
    if settings.verifier_min_instances > 0 {
        let idle = used.verifier_idle_s;
        bill.add(
            "internal-verifier: idle processors",
            "idle_vcpu_second",
            idle * vcpu,
        )?;
        bill.add(
            "internal-verifier: idle memory",
            "idle_gib_second",
            idle * gib,
        )?;
    }
    Ok(())
}

/// Instances for jobs are simulated; those for lookups come on top.
fn public_api(inputs: &Inputs, used: &Use, jobs: f64, bill: &mut Bill<'_>) -> Result<()> {
    let settings = &inputs.settings;
    let vcpu = f64::from(settings.public_vcpu);
    let lookups_s =
        jobs * inputs.assumed.lookups_per_job.value * inputs.measured.lookup_cpu_s.value;
    let jobs_s = jobs * inputs.measured.public_cpu_s.value;
    let by_work = (lookups_s + jobs_s) / vcpu / inputs.assumed.target_utilization.value;
    let instances = rounded_up(by_work / MONTH_S).min(settings.public_max_instances);
    let seconds = used.public_s.max(f64::from(instances) * MONTH_S);
    bill.add(
        "public-api: processors",
        "instance_vcpu_second",
        seconds * vcpu,
    )?;
    let gib = settings.public_memory_gib;
    bill.add("public-api: memory", "instance_gib_second", seconds * gib)
}

fn database(inputs: &Inputs, jobs: f64, bill: &mut Bill<'_>) -> Result<()> {
    let settings = &inputs.settings;
    let machines = if settings.database_is_regional {
        2.0
    } else {
        1.0
    };
    let hours = HOURS * machines;
    bill.add(
        "Cloud SQL: processors",
        "sql_vcpu_hour",
        f64::from(settings.database_vcpu) * hours,
    )?;
    bill.add(
        "Cloud SQL: memory",
        "sql_gib_hour",
        settings.database_memory_gib * hours,
    )?;
    let months = inputs.assumed.months_stored.value;
    let stored = jobs * months * inputs.assumed.stored_bytes_per_job.value / GIB;
    // A week of its log is kept for going back to any moment.
    let log = jobs * inputs.measured.wal_bytes_per_job.value * (7.0 * 24.0 / HOURS) / GIB;
    let disk = (stored * 1.2 + log).max(settings.database_storage_gib);
    bill.add("Cloud SQL: disk", "sql_storage_gib_month", disk * machines)?;
    bill.add("Cloud SQL: backups", "sql_backup_gib_month", stored * 1.5)
}

fn network(inputs: &Inputs, jobs: f64, bill: &mut Bill<'_>) -> Result<()> {
    let assumed = &inputs.assumed;
    let lookups = jobs * assumed.lookups_per_job.value;
    let out = (jobs * assumed.answer_bytes.value + lookups * assumed.lookup_bytes.value) / GIB;
    let into = jobs * assumed.request_bytes.value / GIB;
    let polls = 3.0 * jobs;
    // One price for up to five of them.
    let hours = HOURS * (assumed.forwarding_rules.value / 5.0).ceil();
    bill.add("load balancer: rules", "lb_rule_hour", hours)?;
    bill.add("load balancer: data", "lb_gib", out + into)?;
    bill.add("Cloud Armor: policy", "armor_policy", 1.0)?;
    bill.add(
        "Cloud Armor: rules",
        "armor_rule",
        assumed.armor_rules.value,
    )?;
    bill.add(
        "Cloud Armor: requests",
        "armor_million",
        (jobs + polls + lookups) / 1e6,
    )?;
    bill.add("to the internet", "egress_gib", out)
}

fn telemetry(inputs: &Inputs, jobs: f64, instances: f64, bill: &mut Bill<'_>) -> Result<()> {
    let assumed = &inputs.assumed;
    let lookups = jobs * assumed.lookups_per_job.value;
    let logs =
        jobs * assumed.log_bytes_per_job.value + lookups * assumed.log_bytes_per_lookup.value;
    let spans = (jobs * assumed.spans_per_job.value + lookups) * inputs.settings.traced_part;
    let samples = instances * assumed.series_per_instance.value * HOURS * 60.0;
    bill.add("logs", "logging_gib", logs / GIB)?;
    bill.add("traces", "spans_million", spans / 1e6)?;
    bill.add("metrics", "metrics_million", samples / 1e6)?;
    bill.add("alerts", "alert_policy", assumed.alert_policies.value)
}

fn the_rest(inputs: &Inputs, bill: &mut Bill<'_>) -> Result<()> {
    let assumed = &inputs.assumed;
    let minutes = assumed.builds_per_month.value * assumed.build_minutes.value;
    bill.add("Cloud Build", "build_minute", minutes)?;
    bill.add(
        "Artifact Registry",
        "artifact_gib_month",
        assumed.image_gib.value,
    )?;
    bill.add(
        "bucket of compilers",
        "bucket_gib_month",
        assumed.compilers_gib.value,
    )?;
    bill.add(
        "Cloud Scheduler",
        "scheduler_job",
        assumed.scheduler_jobs.value,
    )?;
    bill.add(
        "Secret Manager",
        "secret_version",
        assumed.secret_versions.value,
    )
}

#[derive(Debug)]
struct Bill<'a> {
    prices: &'a Prices,
    lines: Vec<Line>,
    is_free_part_given: bool,
}

impl<'a> Bill<'a> {
    fn new(prices: &'a Prices) -> Self {
        Self {
            prices,
            lines: Vec::new(),
            is_free_part_given: true,
        }
    }

    fn add(&mut self, what: &'static str, price: &str, quantity: f64) -> Result<()> {
        let price = self
            .prices
            .of
            .get(price)
            .with_context(|| format!("the inputs have no price {price}"))?;
        let free = if self.is_free_part_given {
            price.free
        } else {
            0.0
        };
        self.lines.push(Line {
            what,
            quantity,
            unit: price.unit.clone(),
            cost: (quantity - free).max(0.0) * price.value,
            known: price.known,
        });
        Ok(())
    }

    fn total(&self) -> f64 {
        self.lines.iter().map(|line| line.cost).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::tests::ours;

    fn cost(month: &Month, what: &str) -> f64 {
        let mut lines = month.lines.iter().filter(|line| line.what == what);
        lines.next().unwrap().cost
    }

    #[test]
    fn a_month_without_much_to_do_costs_what_stands_there() {
        let month = month(&ours(), 1000.0, 1).unwrap();
        assert_eq!(month.verifier, 0.0, "it is all free");
        // 2 processors of 2 machines for 730 hours.
        assert!((cost(&month, "Cloud SQL: processors") - 120.596).abs() < 1e-6);
        // One processor all month, less what is free.
        let seconds = cost(&month, "public-api: processors") / 0.000018 + 240_000.0;
        assert!((seconds / MONTH_S - 1.0).abs() < 1e-9, "{seconds}");
        let sum: f64 = month.lines.iter().map(|line| line.cost).sum();
        assert_eq!(month.total, sum);
    }

    #[test]
    fn ten_times_the_jobs_use_ten_times_the_verifier() {
        let inputs = ours();
        let seconds = |jobs| month(&inputs, jobs, 1).unwrap().lines[0].quantity;
        let ratio = seconds(1e7) / seconds(1e6);
        assert!((8.0..12.0).contains(&ratio), "{ratio}");
    }

    #[test]
    fn an_idle_minimum_costs_even_when_nothing_is_done() {
        let mut inputs = ours();
        inputs.settings.verifier_min_instances = 1;
        let month = month(&inputs, 1000.0, 1).unwrap();
        let all = f64::from(inputs.settings.verifier_vcpu) * 0.0000025 * MONTH_S;
        let is = cost(&month, "internal-verifier: idle processors");
        assert!((0.99 * all..=all).contains(&is), "{is} of {all}");
    }

    #[test]
    fn a_price_that_is_missing_is_named() {
        let mut inputs = ours();
        inputs.prices.of.remove("logging_gib");
        let error = month(&inputs, 1000.0, 1).unwrap_err().to_string();
        assert!(error.contains("logging_gib"), "{error}");
    }
}
