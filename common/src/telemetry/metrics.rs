//! Counters, durations and gauges by name.
//!
//! No label may hold an address, a job id, a compiler version or a URL: each value of a label is a
//! series of its own for ever. Without an exporter all of this does nothing.

use opentelemetry::metrics::Meter;
use opentelemetry::{KeyValue, global};

/// A label's name and value.
pub type Label<'a> = (&'static str, &'a str);

/// One more of something.
pub fn count(name: &'static str, labels: &[Label<'_>]) {
    meter().u64_counter(name).build().add(1, &rendered(labels));
}

/// How long something took; the name ends in `_seconds`.
pub fn observe_seconds(name: &'static str, seconds: f64, labels: &[Label<'_>]) {
    let histogram = meter().f64_histogram(name).with_unit("s").build();
    histogram.record(seconds, &rendered(labels));
}

/// How much there is of something now.
pub fn gauge(name: &'static str, value: f64, labels: &[Label<'_>]) {
    meter()
        .f64_gauge(name)
        .build()
        .record(value, &rendered(labels));
}

fn meter() -> Meter {
    global::meter("sourcerun")
}

fn rendered(labels: &[Label<'_>]) -> Vec<KeyValue> {
    labels
        .iter()
        .map(|(name, value)| KeyValue::new(*name, (*value).to_owned()))
        .collect()
}
