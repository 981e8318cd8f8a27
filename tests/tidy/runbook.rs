//! Each alarm has its entry in `docs/runbook.md` under its own name, and each entry an alarm.

use std::collections::BTreeSet;
use std::fs;

use hcl::{Body, Expression};

use crate::files::workspace;

const ALARMS: &str = "\n## Alarms\n";
const RULES: &str = "tests/local-stack/monitoring/prometheus/alerts.yml";

#[test]
fn each_alarm_has_its_entry_in_the_runbook_and_each_entry_its_alarm() {
    let entries = entries(&read("docs/runbook.md"));
    let google = alarms_of_terraform(&read("terraform/alerts.tf"));
    let prometheus = alarms_of_prometheus(&read(RULES));
    assert!(google.len() > 5 && prometheus.len() > 5);
    let alarms: BTreeSet<_> = google.union(&prometheus).cloned().collect();
    let without_entry: Vec<_> = alarms.difference(&entries).collect();
    assert!(without_entry.is_empty(), "no entry for {without_entry:?}");
    let without_alarm: Vec<_> = entries.difference(&alarms).collect();
    assert!(without_alarm.is_empty(), "no alarm for {without_alarm:?}");
}

#[test]
fn links_inside_the_runbook_lead_somewhere() {
    let runbook = read("docs/runbook.md");
    let anchors: BTreeSet<_> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("##"))
        .map(|heading| {
            heading
                .trim_start_matches(['#', ' '])
                .to_lowercase()
                .replace(' ', "-")
        })
        .collect();
    let links: Vec<_> = runbook
        .split("](#")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    assert!(links.len() > 10);
    for link in links {
        assert!(anchors.contains(link), "#{link} leads nowhere");
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The headings below the one of all alarms.
fn entries(runbook: &str) -> BTreeSet<String> {
    let (_, alarms) = runbook.split_once(ALARMS).unwrap();
    let alarms = alarms.split("\n## ").next().unwrap();
    let headings = alarms.lines().filter_map(|line| line.strip_prefix("### "));
    headings.map(|name| name.trim().to_owned()).collect()
}

/// The keys of the maps that policies are made of.
fn alarms_of_terraform(text: &str) -> BTreeSet<String> {
    let body: Body = hcl::parse(text).unwrap();
    let locals = body.blocks().filter(|block| block.identifier() == "locals");
    locals
        .flat_map(|block| block.body().attributes())
        .filter(|attribute| attribute.key().ends_with("_alerts"))
        .flat_map(|attribute| match attribute.expr() {
            Expression::Object(alarms) => alarms.keys().map(ToString::to_string).collect(),
            _ => vec![],
        })
        .collect()
}

fn alarms_of_prometheus(rules: &str) -> BTreeSet<String> {
    let names = rules
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- alert: "));
    names.map(|name| name.trim().to_owned()).collect()
}

#[test]
fn entries_and_alarms_are_read_as_they_are_written() {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(ToString::to_string)
            .collect::<BTreeSet<_>>()
    };
    let runbook =
        "# R\n### zero\n\n## Alarms\n\n### one\n\nText\n#### part\n### two\n## Else\n### no\n";
    assert_eq!(entries(runbook), set(&["one", "two"]));
    let terraform = "locals {\n  event_alerts = {\n    a-b = { x = 1 }\n  }\n  other = { c = 1 }\n  metric_alerts = { d = {} }\n}";
    assert_eq!(alarms_of_terraform(terraform), set(&["a-b", "d"]));
    let rules = "groups:\n  - name: x\n    rules:\n      - alert: up\n        expr: 1\n";
    assert_eq!(alarms_of_prometheus(rules), set(&["up"]));
}
