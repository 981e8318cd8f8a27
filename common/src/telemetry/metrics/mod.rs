//! Counters, durations and gauges by name.
//!
//! The instruments are made once, from the table of all metrics, so that recording costs a look-up and
//! waits for nobody. No label may hold an address, a job id, a compiler version or a URL: each value of a
//! label is a series of its own for ever. Where nobody reads metrics all of this does nothing.

mod table;

use std::collections::HashMap;
use std::sync::OnceLock;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider, UpDownCounter};

pub use table::{Kind, METRICS, Metric, Teller};

/// A label's name and value.
pub type Label<'a> = (&'static str, &'a str);

enum Instrument {
    Counter(Counter<u64>),
    Gauge(Gauge<f64>),
    Level(UpDownCounter<i64>),
    Histogram(Histogram<f64>),
}

struct Installed {
    meter: Meter,
    instruments: HashMap<&'static str, Instrument>,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// One more of something.
pub fn count(name: &'static str, labels: &[Label<'_>]) {
    if let Some(Instrument::Counter(counter)) = instrument(name) {
        counter.add(1, &rendered(labels));
    }
}

/// How long something took; the name ends in `_seconds`.
pub fn observe_seconds(name: &'static str, seconds: f64, labels: &[Label<'_>]) {
    observe(name, seconds, labels);
}

/// One value of many.
pub fn observe(name: &'static str, value: f64, labels: &[Label<'_>]) {
    if let Some(Instrument::Histogram(histogram)) = instrument(name) {
        histogram.record(value, &rendered(labels));
    }
}

/// How much there is of something now.
pub fn gauge(name: &'static str, value: f64, labels: &[Label<'_>]) {
    if let Some(Instrument::Gauge(gauge)) = instrument(name) {
        gauge.record(value, &rendered(labels));
    }
}

/// How much there is of something whenever somebody reads it. Ask for it once in a process; `look` must not wait.
pub fn watch(name: &'static str, look: impl Fn() -> f64 + Send + Sync + 'static) {
    let known = METRICS.iter().find(|metric| metric.name == name);
    if let (Some(installed), Some(metric)) = (INSTALLED.get(), known) {
        let gauge = installed.meter.f64_observable_gauge(name);
        gauge
            .with_description(metric.meaning)
            .with_callback(move |observer| observer.observe(look(), &[]))
            .build();
    }
}

/// One more of something, until what is returned is dropped.
pub fn raise(name: &'static str) -> Raised {
    if let Some(Instrument::Level(level)) = instrument(name) {
        level.add(1, &[]);
    }
    Raised(name)
}

/// Something that there is one more of.
#[derive(Debug)]
pub struct Raised(&'static str);

impl Drop for Raised {
    fn drop(&mut self) {
        if let Some(Instrument::Level(level)) = instrument(self.0) {
            level.add(-1, &[]);
        }
    }
}

/// Makes the instruments of a service, for the whole process. What has no labels is 0 from now on, and not
/// unknown until it happens.
pub(super) fn install(service: &'static str, provider: &impl MeterProvider) {
    let meter = provider.meter("sourcerun");
    let told = METRICS.iter().filter(|metric| metric.teller.is(service));
    let instruments = told
        .filter_map(|metric| Some((metric.name, make(&meter, metric)?)))
        .collect();
    // Only one telemetry can be installed in a process, so there is no other one to keep.
    let _ = INSTALLED.set(Installed { meter, instruments });
}

fn make(meter: &Meter, metric: &Metric) -> Option<Instrument> {
    let (name, meaning) = (metric.name, metric.meaning);
    let unit = if name.ends_with("_seconds") { "s" } else { "" };
    Some(match metric.kind {
        Kind::Counter => {
            let counter = meter.u64_counter(name).with_description(meaning).build();
            if metric.labels.is_empty() {
                counter.add(0, &[]);
            }
            Instrument::Counter(counter)
        }
        Kind::Gauge => {
            let gauge = meter.f64_gauge(name).with_description(meaning);
            Instrument::Gauge(gauge.with_unit(unit).build())
        }
        Kind::Level => {
            let level = meter.i64_up_down_counter(name);
            let level = level.with_description(meaning).build();
            level.add(0, &[]);
            Instrument::Level(level)
        }
        Kind::Histogram(bounds) => {
            let histogram = meter.f64_histogram(name).with_description(meaning);
            let histogram = histogram.with_unit(unit).with_boundaries(bounds.to_vec());
            Instrument::Histogram(histogram.build())
        }
        // Made by whoever can look.
        Kind::Watched => return None,
    })
}

fn instrument(name: &str) -> Option<&'static Instrument> {
    INSTALLED.get()?.instruments.get(name)
}

fn rendered(labels: &[Label<'_>]) -> Vec<KeyValue> {
    labels
        .iter()
        .map(|(name, value)| KeyValue::new(*name, (*value).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_one_row_and_a_name_that_says_its_unit() {
        for (at, metric) in METRICS.iter().enumerate() {
            let name = metric.name;
            assert!(
                METRICS[at + 1..].iter().all(|other| other.name != name),
                "{name} twice"
            );
            assert!(!name.ends_with("_total"), "the page adds it to {name}");
            if let Kind::Histogram(bounds) = metric.kind {
                assert!(bounds.is_sorted(), "{name}");
                assert!(name.ends_with("_seconds") || bounds == [1.0, 2.0, 3.0, 4.0, 5.0]);
            }
        }
    }

    #[test]
    fn without_anybody_who_reads_them_nothing_happens() {
        count("jobs_accepted", &[("kind", "std_json")]);
        observe_seconds("job_seconds", 1.0, &[]);
        drop(raise("compiles_in_flight"));
        watch("db_pool_in_use", || unreachable!());
    }
}
