//! Where the database becomes the limit: its connections, and its processors.

use serde::Serialize;

use crate::inputs::{Inputs, Settings};
use crate::queueing::capacity_per_s;
use crate::statistics::rounded_up;

/// What a rate of jobs asks of the database.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Need {
    pub(crate) rate_per_s: f64,
    /// Verifiers that this rate keeps busy at the autoscaler's target.
    pub(crate) verifiers: u32,
    pub(crate) connections: u32,
    pub(crate) statements_per_s: f64,
    /// Processors, so that they are no busier than they should be.
    pub(crate) vcpu: f64,
    pub(crate) wal_mib_per_s: f64,
    pub(crate) limit: Limit,
}

/// What would have to grow first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    None,
    Verifiers,
    Connections,
    Processors,
}

/// The highest rates with the settings as they are, each as if it were the only limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Limits {
    pub(crate) verifiers_per_s: f64,
    pub(crate) connections_used: u32,
    pub(crate) connections_allowed: u32,
    /// With as many verifiers as connections allow.
    pub(crate) connections_per_s: f64,
    pub(crate) verifiers_that_connections_allow: u32,
    pub(crate) processors_per_s: f64,
    pub(crate) statements_per_s: f64,
    /// The simplest reads, if nobody verified anything.
    pub(crate) lookups_alone_per_s: f64,
}

/// Two revisions stand beside each other during a deployment, each up to its full size; some are for people.
pub(crate) fn connections(settings: &Settings) -> u32 {
    let publics = settings.public_connections * settings.public_max_instances;
    let verifiers = settings.verifier_connections * settings.verifier_max_instances;
    settings.operators_connections + 2 * (publics + verifiers)
}

pub(crate) fn limits(inputs: &Inputs, mean_busy_s: f64) -> Limits {
    let settings = &inputs.settings;
    let allowed = connections_allowed(inputs);
    let publics = settings.operators_connections
        + 2 * settings.public_connections * settings.public_max_instances;
    let verifiers = allowed.saturating_sub(publics) / (2 * settings.verifier_connections.max(1));
    let processors = f64::from(settings.database_vcpu) * inputs.assumed.database_full_at.value;
    let processors_per_s = processors / cpu_s_per_job(inputs);
    Limits {
        verifiers_per_s: capacity_per_s(mean_busy_s, settings.verifier_max_instances),
        connections_used: connections(settings),
        connections_allowed: allowed,
        connections_per_s: capacity_per_s(mean_busy_s, verifiers),
        verifiers_that_connections_allow: verifiers,
        processors_per_s,
        statements_per_s: processors_per_s * statements_per_job(inputs),
        lookups_alone_per_s: processors * inputs.measured.lookups_per_vcpu_s.value,
    }
}

pub(crate) fn need(inputs: &Inputs, mean_busy_s: f64, rate_per_s: f64) -> Need {
    let verifiers = rounded_up(rate_per_s * mean_busy_s / inputs.assumed.target_utilization.value);
    let mut settings = inputs.settings.clone();
    settings.verifier_max_instances = verifiers.max(settings.verifier_max_instances);
    let connections = connections(&settings);
    let vcpu = rate_per_s * cpu_s_per_job(inputs) / inputs.assumed.database_full_at.value;
    let limit = if vcpu > f64::from(settings.database_vcpu) {
        Limit::Processors
    } else if connections > connections_allowed(inputs) {
        Limit::Connections
    } else if rate_per_s * mean_busy_s > f64::from(inputs.settings.verifier_max_instances) {
        Limit::Verifiers
    } else {
        Limit::None
    };
    Need {
        rate_per_s,
        verifiers,
        connections,
        statements_per_s: rate_per_s * statements_per_job(inputs),
        vcpu,
        wal_mib_per_s: rate_per_s * inputs.measured.wal_bytes_per_job.value / 1_048_576.0,
        limit,
    }
}

/// By memory, as Terraform refuses more.
fn connections_allowed(inputs: &Inputs) -> u32 {
    let assumed = &inputs.assumed;
    let memory_mib = inputs.settings.database_memory_gib * 1024.0;
    rounded_up((memory_mib * assumed.connections_part.value / assumed.connection_mib.value).floor())
}

/// The job, and those who read what came out.
fn cpu_s_per_job(inputs: &Inputs) -> f64 {
    inputs.measured.database_cpu_per_job_s.value
        + inputs.assumed.lookups_per_job.value * inputs.measured.database_cpu_per_lookup_s.value
}

fn statements_per_job(inputs: &Inputs) -> f64 {
    inputs.measured.statements_per_job.value + inputs.assumed.lookups_per_job.value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::tests::ours;

    #[test]
    fn connections_are_counted_for_two_revisions_and_people() {
        let mut settings = ours().settings;
        for (verifiers, wanted) in [(20, 190), (80, 430)] {
            settings.verifier_max_instances = verifiers;
            assert_eq!(connections(&settings), wanted);
        }
    }

    #[test]
    fn each_limit_is_named_when_it_is_reached() {
        let mut inputs = ours();
        inputs.settings.verifier_max_instances = 20;
        let limit = |inputs: &Inputs, rate| need(inputs, 1.0, rate).limit;
        assert_eq!(limit(&inputs, 10.0), Limit::None);
        assert_eq!(limit(&inputs, 25.0), Limit::Verifiers);
        assert_eq!(limit(&inputs, 100.0), Limit::Connections);
        inputs.settings.database_memory_gib = 1000.0;
        assert_eq!(limit(&inputs, 100.0), Limit::Verifiers);
        assert_eq!(limit(&inputs, 1000.0), Limit::Processors);
    }

    #[test]
    fn a_rate_below_all_limits_needs_less_than_there_is() {
        let inputs = ours();
        let limits = limits(&inputs, 1.0);
        let least = limits
            .verifiers_per_s
            .min(limits.connections_per_s)
            .min(limits.processors_per_s);
        assert_eq!(need(&inputs, 1.0, least * 0.6).limit, Limit::None);
        assert_ne!(need(&inputs, 1.0, least * 1.01).limit, Limit::None);
        assert!(limits.connections_used <= limits.connections_allowed);
    }
}
