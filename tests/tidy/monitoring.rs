//! The dashboards and alarms of `tests/local-stack/monitoring` speak of metrics and labels that there are,
//! and every metric is to be seen somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use common::telemetry::metrics::{Kind, METRICS, Metric};
use serde_json::Value;

use crate::files::{files, workspace};

/// Prometheus's own.
const METRICS_OF_PROMETHEUS: [&str; 2] = ["up", "ALERTS"];
const LABELS_OF_PROMETHEUS: [&str; 5] = ["job", "instance", "le", "alertname", "alertstate"];
const WORDS: [&str; 6] = ["by", "or", "and", "unless", "offset", "on"];

fn monitoring() -> PathBuf {
    workspace().join("tests/local-stack/monitoring")
}

fn dashboards() -> Vec<(String, Value)> {
    let dashboards = files(&monitoring().join("grafana/dashboards"), "json");
    let read = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        (
            name,
            serde_json::from_slice(&fs::read(file).unwrap()).unwrap(),
        )
    };
    dashboards.iter().map(read).collect()
}

/// All values of a name, however deep.
fn values<'a>(document: &'a Value, name: &str, found: &mut Vec<&'a str>) {
    match document {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            found.extend(value.as_str().filter(|_text| key == name));
            values(value, name, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| values(item, name, found)),
        _ => {}
    }
}

/// Each expression is one line of the file.
fn alarms() -> Vec<String> {
    let rules = fs::read_to_string(monitoring().join("prometheus/alerts.yml")).unwrap();
    let of = |key: &str| {
        let lines = rules.lines().map(str::trim_start);
        let values = lines.filter_map(|line| line.trim_start_matches("- ").strip_prefix(key));
        values.map(str::to_owned).collect::<Vec<_>>()
    };
    let expressions = of("expr: ");
    assert_eq!(
        expressions.len(),
        of("alert: ").len(),
        "an expression is one line"
    );
    expressions
}

fn expressions() -> Vec<(String, String)> {
    let mut all: Vec<_> = alarms()
        .into_iter()
        .map(|expression| ("alerts.yml".to_owned(), expression))
        .collect();
    for (name, dashboard) in dashboards() {
        let mut found = Vec::new();
        values(&dashboard, "expr", &mut found);
        all.extend(
            found
                .into_iter()
                .map(|text| (name.clone(), text.to_owned())),
        );
    }
    all
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
}

/// What an expression of Prometheus's language names, as far as ours need it.
fn named(expression: &str) -> Named {
    let mut named = Named::default();
    // What stands in quotes is a label's value, in square brackets a time.
    let mut text = String::new();
    let mut quoted = false;
    let mut ranged = false;
    for letter in expression.chars() {
        match letter {
            '"' => quoted = !quoted,
            '[' | ']' if !quoted => ranged = letter == '[',
            _ if quoted || ranged => {}
            letter => text.push(letter),
        }
    }
    let mut labels_until = None;
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let word = text[at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let word = &text[at..word.map_or(text.len(), |end| at + end)];
        let after = text[at + word.len()..].trim_start();
        if word.is_empty() {
            if labels_until == Some(letter) {
                labels_until = None;
            } else if letter == '{' {
                labels_until = Some('}');
            }
            at += letter.len_utf8();
            continue;
        }
        at += word.len();
        if word == "by" {
            labels_until = Some(')');
        } else if labels_until.is_some() {
            named.labels.insert(word.to_owned());
        } else if !(letter.is_ascii_digit() || is_function(after) || WORDS.contains(&word)) {
            named.metrics.insert(word.to_owned());
        }
    }
    named
}

/// By what comes behind its name: `rate(x)`, `sum by (le) (x)`.
fn is_function(after: &str) -> bool {
    after.starts_with('(') || after.starts_with("by ")
}

/// Under which names the page shows a metric.
fn shown(metric: &Metric) -> Vec<String> {
    let name = metric.name;
    match metric.kind {
        Kind::Counter => vec![format!("{name}_total")],
        Kind::Histogram(_) => ["bucket", "count", "sum"]
            .map(|part| format!("{name}_{part}"))
            .to_vec(),
        Kind::Gauge | Kind::Level | Kind::Watched => vec![name.to_owned()],
    }
}

fn find(name: &str) -> Option<&'static Metric> {
    METRICS
        .iter()
        .find(|metric| shown(metric).iter().any(|shown| shown == name))
}

#[test]
fn dashboards_and_alarms_name_metrics_and_labels_that_there_are() {
    for (file, expression) in expressions() {
        let named = named(&expression);
        assert!(!named.metrics.is_empty(), "{file}: {expression}");
        let ours = named
            .metrics
            .iter()
            .filter(|name| !METRICS_OF_PROMETHEUS.contains(&name.as_str()));
        let mut labels = LABELS_OF_PROMETHEUS.to_vec();
        for name in ours {
            let metric = find(name);
            let metric = metric.unwrap_or_else(|| panic!("{file}: there is no metric `{name}`"));
            labels.extend(metric.labels);
        }
        for label in &named.labels {
            assert!(
                labels.contains(&label.as_str()),
                "{file}: `{label}` in {expression}"
            );
        }
    }
}

#[test]
fn every_metric_is_on_a_dashboard() {
    let mut seen = BTreeSet::new();
    for (_, dashboard) in dashboards() {
        let mut found = Vec::new();
        values(&dashboard, "expr", &mut found);
        seen.extend(
            found
                .into_iter()
                .flat_map(|expression| named(expression).metrics),
        );
    }
    for metric in &METRICS {
        let is_seen = shown(metric).iter().any(|name| seen.contains(name));
        assert!(is_seen, "`{}` is on no dashboard", metric.name);
    }
}

#[test]
fn panels_lie_beside_each_other_and_have_a_title() {
    for (file, dashboard) in dashboards() {
        let mut taken = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(
                !title.is_empty() && ids.insert(panel["id"].as_u64()),
                "{file}: {title}"
            );
            let [x, y, w, h] =
                ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
            assert!(x + w <= 24, "{file}: {title}");
            for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(taken.insert(place), "{file}: {title} lies over another");
            }
        }
    }
}

#[test]
fn expressions_are_read_as_prometheus_reads_them() {
    for (expression, metrics, labels) in [
        ("up == 0", vec!["up"], vec![]),
        (
            "histogram_quantile(0.95, sum by (le, stage) (rate(stage_seconds_bucket[5m])))",
            vec!["stage_seconds_bucket"],
            vec!["le", "stage"],
        ),
        (
            "sum(a_total{code=\"b\",status!~\"5..|c\"} unless a_total offset 10m) > 1e3 or d / e",
            vec!["a_total", "d", "e"],
            vec!["code", "status"],
        ),
    ] {
        let wanted = Named {
            metrics: metrics.into_iter().map(str::to_owned).collect(),
            labels: labels.into_iter().map(str::to_owned).collect(),
        };
        assert_eq!(named(expression), wanted, "{expression}");
    }
}
