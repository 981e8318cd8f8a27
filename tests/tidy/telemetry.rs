//! What operators read is what the code says: metrics and events by their names.

use std::collections::BTreeSet;
use std::fs;

use common::telemetry::metrics::METRICS;

use crate::files::{files, workspace};

const PACKAGES: [&str; 4] = ["common", "internal-verifier", "public-api", "tests/system"];

/// Starts of rows of the tables in `docs/telemetry.md` that begin with a name.
fn rows(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(workspace().join("docs/telemetry.md")).unwrap();
    let (_, section) = text.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let table = section.split("\n\n").find(|part| part.starts_with("| "));
    let rows = table.unwrap().lines().skip(2);
    rows.map(str::to_owned).collect()
}

/// What stands between the beginning and the next quotation mark, wherever the beginning is.
fn quoted(text: &str, beginning: &str) -> BTreeSet<String> {
    let found = text.split(beginning).skip(1);
    found
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
        .map(str::to_owned)
        .collect()
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let paths = files(&workspace().join(folder), "rs").into_iter();
    paths
        .map(|path| {
            (
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

#[test]
fn the_table_of_metrics_is_the_codes() {
    let wanted: Vec<String> = METRICS
        .iter()
        .map(|metric| {
            let labels: Vec<_> = metric
                .labels
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            let labels = match labels.is_empty() {
                true => "-".to_owned(),
                false => labels.join(", "),
            };
            let (kind, teller) = (metric.kind.name(), metric.teller.name());
            let (name, meaning) = (metric.name, metric.meaning);
            format!("| `{name}` | {kind} | {labels} | {teller} | {meaning} |")
        })
        .collect();
    assert_eq!(rows("## Metrics\n"), wanted, "docs/telemetry.md");
}

#[test]
fn every_metric_that_is_recorded_is_in_the_table_and_the_other_way_round() {
    let known: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    let mut used = BTreeSet::new();
    for (path, text) in PACKAGES.into_iter().flat_map(sources) {
        for way in [
            "count",
            "observe",
            "observe_seconds",
            "gauge",
            "watch",
            "raise",
        ] {
            for name in quoted(&text, &format!("metrics::{way}(")) {
                assert!(
                    known.contains(name.as_str()),
                    "{path}: {name} is in no table"
                );
                used.insert(name);
            }
        }
    }
    let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
    assert_eq!(used, known, "nobody records the difference");
}

#[test]
fn every_event_of_the_table_is_said_and_tried() {
    let story = workspace().join("tests/system/telemetry/events.rs");
    let story = fs::read_to_string(story).unwrap();
    let services = ["common", "internal-verifier", "public-api"];
    let said: BTreeSet<String> = services
        .into_iter()
        .flat_map(sources)
        .flat_map(|(_, text)| quoted(&text, "event ="))
        .collect();
    let mut tried = BTreeSet::new();
    for row in rows("## Events\n") {
        let event = row.split('`').nth(1).unwrap().to_owned();
        assert!(said.contains(&event), "nobody says {event}");
        tried.insert(event);
    }
    let (_, list) = story.split_once("const EVENTS").unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let listed: BTreeSet<String> = list
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, tried, "tests/system/telemetry/events.rs");
}
