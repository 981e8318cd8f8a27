//! Every metric there is: what it counts, under which labels, who tells it.
//!
//! `docs/telemetry.md` shows this table to operators, and a test compares the two. A name that is not
//! here is recorded nowhere; another test looks for such names in the code.

use Kind::{Counter, Gauge, Histogram, Level, Watched};
use Teller::{Both, PublicApi, Verifier};

/// One metric. On the page for Prometheus a counter's name ends in `_total`.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub teller: Teller,
    pub meaning: &'static str,
}

/// How a metric is recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    /// The value that was told last.
    Gauge,
    /// A gauge that goes up and down by one.
    Level,
    /// A gauge that is looked at when somebody reads it.
    Watched,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As Prometheus calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Counter => "counter",
            Gauge | Level | Watched => "gauge",
            Histogram(_) => "histogram",
        }
    }
}

/// Which service tells a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    PublicApi,
    Verifier,
    Both,
}

impl Teller {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PublicApi => "public-api",
            Verifier => "internal-verifier",
            Both => "both",
        }
    }

    pub(super) fn is(self, service: &str) -> bool {
        self == Both || self.name() == service
    }
}

/// A step of a verification, up to the longest that a job may take.
const WORK: Kind = Histogram(&[
    0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0,
]);
/// A request: most take milliseconds, the verifier's as long as a job.
const REQUEST: Kind = Histogram(&[
    0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0, 900.0,
]);
/// Waiting for a connection, which ends after 3.5 s.
const POOL: Kind = Histogram(&[0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 3.5]);
const ATTEMPTS: Kind = Histogram(&[1.0, 2.0, 3.0, 4.0, 5.0]);

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    teller: Teller,
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        teller,
        meaning,
    }
}

#[rustfmt::skip] // A table has one row a line.
pub const METRICS: [Metric; 26] = [
    metric("jobs_accepted", Counter, &["kind"], PublicApi, "Verifications that were taken"),
    metric("jobs_finished", Counter, &["outcome", "code"], Both, "Jobs that got their end; public-api tells those that it gave up"),
    metric("job_wait_seconds", WORK, &[], Verifier, "From the acceptance to the first lease"),
    metric("job_seconds", WORK, &["outcome"], Verifier, "From a lease to the end of its run"),
    metric("job_attempts", ATTEMPTS, &["outcome"], Both, "Leases that a job needed until its end"),
    metric("stage_seconds", WORK, &["stage"], Verifier, "How long a stage of a run lasted"),
    metric("compile_seconds", WORK, &["engine", "language"], Verifier, "One run of a compiler's process"),
    metric("compiles_in_flight", Level, &[], Verifier, "Compilers that run now"),
    metric("compiler_cache", Counter, &["outcome"], Verifier, "Where an output came from: memory, database, running (another job's), compiled"),
    metric("compilers_made_ready", Counter, &["from", "outcome"], Verifier, "Releases that were loaded into a process"),
    metric("sandbox_level", Gauge, &["level"], Verifier, "1 for the walls that hold compilers here"),
    metric("source_answers", Counter, &["server", "outcome"], Verifier, "Answers of servers that were asked for sources that metadata only names"),
    metric("dispatches", Counter, &["result", "by"], PublicApi, "Calls to the verifier that were answered or given up"),
    metric("leases_expired", Counter, &[], PublicApi, "Leases that ran out: the verifier died, froze or was cut off"),
    metric("leases_lost", Counter, &[], Verifier, "Runs that ended because somebody else had the job"),
    metric("open_jobs", Gauge, &["state", "age"], PublicApi, "Jobs without an end, of all instances, at the last sweep"),
    metric("oldest_open_job_seconds", Gauge, &[], PublicApi, "The age of the oldest of them; 0 if there is none"),
    metric("explorer_answers", Counter, &["outcome"], PublicApi, "Answers of the block explorer to imports"),
    metric("db_pool_in_use", Watched, &[], Both, "Connections to the database that somebody has"),
    metric("db_pool_size", Watched, &[], Both, "The most connections there may be"),
    metric("db_pool_wait_seconds", POOL, &[], Both, "Waiting for a connection that can be used"),
    metric("rpc_calls", Counter, &["chain", "outcome"], Both, "Calls to the nodes of a chain"),
    metric("http_request_seconds", REQUEST, &["route", "method", "status"], Both, "Requests until their answer begins"),
    metric("token_failures", Counter, &["reason"], Both, "Calls with a token that was not accepted"),
    metric("jwks_fetches", Counter, &["reason"], Both, "Fetches of the keys that tokens are checked with"),
    metric("telemetry_failures", Counter, &[], Both, "Exports of spans or metrics that failed"),
];
