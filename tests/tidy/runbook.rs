//! Each alarm has its entry in `docs/runbook.md`, and each entry its alarm: Terraform's by the heading, Prometheus' in the
//! line below it.

use std::collections::BTreeSet;
use std::fs;

use hcl::{Body, Expression};

use crate::files::workspace;

const ALARMS: &str = "\n## Alarms\n";
const RULES: &str = "tests/local-stack/monitoring/prometheus/alerts.yml";

/// One heading, and the alarms of Prometheus that it is for, too.
struct Entry {
    name: String,
    prometheus: BTreeSet<String>,
}

#[test]
fn each_alarm_has_its_entry_in_the_runbook_and_each_entry_its_alarm() {
    let entries = entries(&read("docs/runbook.md"));
    let google = alarms_of_terraform(&read("terraform/alerts.tf"));
    let prometheus = alarms_of_prometheus(&read(RULES));
    assert!(google.len() > 5 && prometheus.len() > 5);

    let headings: BTreeSet<_> = entries.iter().map(|entry| entry.name.clone()).collect();
    let told: BTreeSet<_> = entries
        .iter()
        .flat_map(|entry| entry.prometheus.iter().cloned())
        .collect();
    let without_entry: Vec<_> = google
        .difference(&headings)
        .chain(prometheus.difference(&told))
        .collect();
    assert!(without_entry.is_empty(), "no entry for {without_entry:?}");
    let without_alarm: Vec<_> = entries
        .iter()
        .filter(|entry| !google.contains(&entry.name) && entry.prometheus.is_empty())
        .map(|entry| &entry.name)
        .chain(told.difference(&prometheus))
        .collect();
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

fn entries(runbook: &str) -> Vec<Entry> {
    let (_, alarms) = runbook.split_once(ALARMS).unwrap();
    let alarms = alarms.split("\n## ").next().unwrap();
    let entry = |text: &str| {
        let mut lines = text.lines();
        let name = lines.next().unwrap().trim().to_owned();
        let prometheus = lines
            .next()
            .and_then(|line| line.strip_prefix("Prometheus: "));
        let names = prometheus.unwrap_or_default().split(", ");
        Entry {
            name,
            prometheus: names
                .map(|name| name.trim_matches('`').to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
        }
    };
    alarms.split("\n### ").skip(1).map(entry).collect()
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
    let runbook = "# R\n\n## Alarms\n\n### one\n\nText\n\n### two\nPrometheus: `A`, `B`\n\n### 3\n## Else\n### no\n";
    let entries: Vec<_> = entries(runbook)
        .into_iter()
        .map(|entry| (entry.name, entry.prometheus.into_iter().collect::<Vec<_>>()))
        .collect();
    let none = Vec::<String>::new;
    let wanted = [
        ("one".to_owned(), none()),
        ("two".to_owned(), vec!["A".to_owned(), "B".to_owned()]),
        ("3".to_owned(), none()),
    ];
    assert_eq!(entries, wanted);
    let terraform = "locals {\n  event_alerts = {\n    a-b = { x = 1 }\n  }\n  other = { c = 1 }\n  metric_alerts = { d = {} }\n}";
    assert_eq!(
        alarms_of_terraform(terraform),
        BTreeSet::from(["a-b".to_owned(), "d".to_owned()])
    );
    let rules = "groups:\n  - name: x\n    rules:\n      - alert: Up\n        expr: 1\n";
    assert_eq!(
        alarms_of_prometheus(rules),
        BTreeSet::from(["Up".to_owned()])
    );
}
