//! What the model is told: settings, durations that were measured, what the platform does, and its prices. Each number
//! that is no setting says where it is from, and is refused without that.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inputs {
    pub(crate) settings: Settings,
    pub(crate) jobs: Vec<Kind>,
    pub(crate) measured: Measured,
    pub(crate) assumed: Assumed,
    pub(crate) prices: Prices,
}

/// What Terraform and the services' configuration decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) verifier_min_instances: u32,
    pub(crate) verifier_max_instances: u32,
    pub(crate) verifier_vcpu: u32,
    pub(crate) verifier_memory_gib: f64,
    pub(crate) public_min_instances: u32,
    pub(crate) public_max_instances: u32,
    pub(crate) public_vcpu: u32,
    pub(crate) public_memory_gib: f64,
    pub(crate) public_concurrency: u32,
    /// `DISPATCHES_AT_ONCE`: places for calls of one public-api.
    pub(crate) dispatches_at_once: u32,
    pub(crate) sweep_interval_s: f64,
    pub(crate) first_pause_s: f64,
    pub(crate) again_after_s: f64,
    pub(crate) max_open_jobs: u32,
    /// Connections of one instance, those that listen included.
    pub(crate) verifier_connections: u32,
    pub(crate) public_connections: u32,
    pub(crate) operators_connections: u32,
    pub(crate) traced_part: f64,
    pub(crate) database_vcpu: u32,
    pub(crate) database_memory_gib: f64,
    pub(crate) database_storage_gib: f64,
    pub(crate) database_is_regional: bool,
}

/// A number, and where it is from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fact {
    pub(crate) value: f64,
    pub(crate) source: String,
}

/// A duration that varies: log-normal through these two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spread {
    pub(crate) p50_s: f64,
    pub(crate) p95_s: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpreadFact {
    p50_s: f64,
    p95_s: f64,
    pub(crate) source: String,
}

impl SpreadFact {
    pub(crate) fn spread(&self) -> Spread {
        Spread {
            p50_s: self.p50_s,
            p95_s: self.p95_s,
        }
    }

    /// Slower or faster as a whole.
    pub(crate) fn scale_to(&mut self, p50_s: f64) {
        self.p95_s *= p50_s / self.p50_s;
        self.p50_s = p50_s;
    }
}

impl Spread {
    pub(crate) fn mean_s(self) -> f64 {
        let sigma = self.sigma();
        self.p50_s * (sigma * sigma / 2.0).exp()
    }

    /// Of the logarithm.
    pub(crate) fn sigma(self) -> f64 {
        const NORMAL_P95: f64 = 1.644_853_6;
        (self.p95_s / self.p50_s).max(1.0).ln() / NORMAL_P95
    }
}

/// One kind of job: how many of all are like this, and what the compiler takes for one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kind {
    pub(crate) name: String,
    /// Of all jobs; together they are 1.
    pub(crate) share: f64,
    pub(crate) compile: Spread,
    pub(crate) source: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measured {
    /// What a verifier does for a job while nothing is compiled, in seconds of one processor.
    pub(crate) verifier_cpu_s: Fact,
    /// What public-api does for a job, its questions included, in seconds of one processor.
    pub(crate) public_cpu_s: Fact,
    pub(crate) lookup_cpu_s: Fact,
    /// From the answer of one call to the beginning of the next job.
    pub(crate) turnaround_s: Fact,
    pub(crate) statements_per_job: Fact,
    pub(crate) database_cpu_per_job_s: Fact,
    pub(crate) database_cpu_per_lookup_s: Fact,
    pub(crate) wal_bytes_per_job: Fact,
    pub(crate) lookups_per_vcpu_s: Fact,
}

/// What nobody has measured: the first live deployment will tell.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assumed {
    pub(crate) chain: SpreadFact,
    pub(crate) start_up: SpreadFact,
    pub(crate) first_job_s: Fact,
    pub(crate) target_utilization: Fact,
    pub(crate) idle_kept_s: Fact,
    pub(crate) pending_factor: Fact,
    pub(crate) pending_at_least_s: Fact,
    pub(crate) look_interval_s: Fact,
    pub(crate) burst_within_s: Fact,
    pub(crate) poll_held_s: Fact,
    pub(crate) poll_pause_s: Fact,
    pub(crate) database_full_at: Fact,
    pub(crate) connection_mib: Fact,
    pub(crate) connections_part: Fact,
    pub(crate) lookups_per_job: Fact,
    pub(crate) request_bytes: Fact,
    pub(crate) answer_bytes: Fact,
    pub(crate) lookup_bytes: Fact,
    pub(crate) stored_bytes_per_job: Fact,
    pub(crate) months_stored: Fact,
    pub(crate) log_bytes_per_job: Fact,
    pub(crate) log_bytes_per_lookup: Fact,
    pub(crate) spans_per_job: Fact,
    pub(crate) series_per_instance: Fact,
    pub(crate) builds_per_month: Fact,
    pub(crate) build_minutes: Fact,
    pub(crate) image_gib: Fact,
    pub(crate) compilers_gib: Fact,
    pub(crate) secret_versions: Fact,
    pub(crate) scheduler_jobs: Fact,
    pub(crate) alert_policies: Fact,
    pub(crate) forwarding_rules: Fact,
    pub(crate) armor_rules: Fact,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) currency: String,
    pub(crate) region: String,
    pub(crate) as_of: String,
    pub(crate) of: BTreeMap<String, Price>,
}

/// A price for one unit, of what is above the free part of a month.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    pub(crate) value: f64,
    pub(crate) unit: String,
    #[serde(default)]
    pub(crate) free: f64,
    pub(crate) known: Known,
    pub(crate) source: String,
}

/// How far a price may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Known {
    /// Read in a stored copy of the platform's own page.
    PriceList,
    /// Read where somebody else repeats it.
    ThirdParty,
    /// Not found: from memory.
    NotFound,
}

impl Inputs {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not what it should be", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let inputs: Self = serde_json::from_str(text)?;
        let shares: f64 = inputs.jobs.iter().map(|kind| kind.share).sum();
        ensure!(
            (shares - 1.0).abs() < 1e-9,
            "the shares of jobs add up to {shares}, not to 1"
        );
        inputs.settings.check()?;
        Ok(inputs)
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<()> {
        for (name, min, max) in [
            (
                "verifier",
                self.verifier_min_instances,
                self.verifier_max_instances,
            ),
            (
                "public",
                self.public_min_instances,
                self.public_max_instances,
            ),
        ] {
            ensure!(max >= 1, "{name}_max_instances must be at least 1");
            ensure!(
                min <= max,
                "{name}_min_instances must not be above {name}_max_instances"
            );
        }
        // Nothing else starts a dispatch: jobs would wait for ever.
        ensure!(
            self.public_min_instances >= 1,
            "public_min_instances must be at least 1"
        );
        ensure!(
            self.dispatches_at_once >= 1,
            "dispatches_at_once must be at least 1"
        );
        ensure!(
            self.sweep_interval_s > 0.0,
            "sweep_interval_s must be above 0"
        );
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn ours() -> Inputs {
        Inputs::read(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/inputs.json"
        )))
        .unwrap()
    }

    fn text() -> String {
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/inputs.json")).unwrap()
    }

    #[test]
    fn our_inputs_are_read() {
        assert!(ours().jobs.len() > 3);
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let text = text();
        for (wrong, says) in [
            (
                text.replacen("\"share\": 0.25", "\"share\": 0.5", 1),
                "add up to",
            ),
            (
                text.replacen("\"sweep_interval_s\"", "\"sweep_intervall_s\"", 1),
                "unknown field",
            ),
            (
                text.replacen(
                    "\"public_min_instances\": 1",
                    "\"public_min_instances\": 0",
                    1,
                ),
                "at least 1",
            ),
            (
                text.replacen(
                    "\"public_min_instances\": 1",
                    "\"public_min_instances\": 99",
                    1,
                ),
                "must not be above",
            ),
            (text[..text.len() / 2].to_owned(), "EOF"),
        ] {
            let error = Inputs::parse(&wrong).unwrap_err().to_string();
            assert!(error.contains(says), "{error} does not say {says}");
        }
    }

    /// A source that names a heading of docs/measurements.md names one that is there.
    #[test]
    fn measured_numbers_stand_in_the_measurements() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap();
        let measurements = std::fs::read_to_string(root.join("docs/measurements.md")).unwrap();
        let headings: Vec<_> = measurements
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .map(|heading| heading.split(" (").next().unwrap())
            .collect();
        let document: serde_json::Value = serde_json::from_str(&text()).unwrap();
        let mut named = 0;
        for fact in document["measured"].as_object().unwrap().values() {
            let source = fact["source"].as_str().unwrap();
            let (_, after) = source.split_once("docs/measurements.md, \"").unwrap();
            let heading = after.split('"').next().unwrap();
            assert!(headings.contains(&heading), "{heading} is no heading");
            named += 1;
        }
        assert!(named > 5);
    }
}
