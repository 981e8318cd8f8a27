//! Inside a package, a module looks only at modules on lines below its own.

use std::fs;
use std::path::Path;

use crate::files::{files, workspace};

/// From the top of each package to its ground floor. Rooms on one line don't use each other.
const HOUSE: [(&str, &[&[&str]]); 3] = [
    (
        "common/src",
        &[
            &["lookup", "bin"],
            &["db", "auth", "chains"],
            &["api", "telemetry"],
            &["config"],
            &["report", "signals", "version", "http_client"],
        ],
    ),
    (
        "public-api/src",
        &[
            &["app"],
            &["routes"],
            &["openapi"],
            &[
                "verify",
                "contracts",
                "pages",
                "upkeep",
                "health",
                "chain_list",
            ],
            &[
                "state",
                "params",
                "fault",
                "cors",
                "encodings",
                "answer",
                "documented",
                "client_address",
            ],
            &["dispatch", "explorer", "estimates", "body"],
            &["config"],
        ],
    ),
    (
        "internal-verifier/src",
        &[
            &["app"],
            &["routes"],
            &["jobs"],
            &["verify", "state"],
            &["outputs", "sources"],
            &["stages", "config"],
        ],
    ),
];

/// They put the rooms together.
const ROOTS: [&str; 2] = ["lib", "main"];

#[test]
fn modules_look_only_downwards() {
    for (package, lines) in HOUSE {
        let source = workspace().join(package);
        for file in files(&source, "rs") {
            let inner = file.strip_prefix(&source).unwrap().with_extension("");
            let module = inner.iter().next().unwrap().to_str().unwrap();
            if ROOTS.contains(&module) {
                continue;
            }
            let name = file.display();
            let line = lines.iter().position(|line| line.contains(&module));
            let line = line.unwrap_or_else(|| panic!("{name}: `{module}` is in no table"));
            let below = &lines[line + 1..];
            let text = fs::read_to_string(&file).unwrap();
            for used in rooms_used(&text, depth(&inner)) {
                let is_below = below.iter().any(|line| line.contains(&used.as_str()));
                assert!(
                    used == module || is_below,
                    "{name}: `{module}` must not look at `{used}`"
                );
            }
        }
    }
}

/// How many modules lie above the items of a file: `db/mod.rs` has one, `db/jobs.rs` two.
fn depth(inner: &Path) -> usize {
    inner.iter().filter(|part| *part != "mod").count()
}

/// The rooms a file names by a path from the crate's root, and `super` where it climbs to the root.
fn rooms_used(text: &str, depth: usize) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut used: Vec<_> = code
        .match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with(is_part_of_name))
        .flat_map(|(at, start)| first_names(&code[at + start.len()..]))
        .collect();
    // The tests of a file are one module deeper.
    let outside_tests = code.split("#[cfg(test)]").next().unwrap_or_default();
    if outside_tests.contains(&"super::".repeat(depth)) {
        used.push("super".to_owned());
    }
    used
}

fn is_part_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// `db` of `db::jobs::Job`; `db` and `api` of `{db::jobs::{self, Job}, api}`.
fn first_names(path: &str) -> Vec<String> {
    let first = |path: &str| {
        let path = path.trim_start();
        let end = path.find(|letter| !is_part_of_name(letter));
        path[..end.unwrap_or(path.len())].to_owned()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![first(path)];
    };
    let mut names = vec![first(group)];
    let mut open = 1;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => open += 1,
            '}' => open -= 1,
            ',' if open == 1 => names.push(first(&group[at + 1..])),
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    for (text, depth, wanted) in [
        ("use crate::db::jobs::Job;", 2, vec!["db"]),
        (
            "use crate::{\n  db::{self, api},\n  api::Problem,\n};",
            2,
            vec!["db", "api"],
        ),
        ("/// See [`crate::db`].\n// crate::api", 2, vec![]),
        (
            "let x = crate::config::read(); mycrate::y();",
            2,
            vec!["config"],
        ),
        ("pub(crate) fn f() {}", 1, vec![]),
        ("use super::jobs;", 2, vec![]),
        ("use super::api;", 1, vec!["super"]),
        ("use super::super::api;", 2, vec!["super"]),
        ("#[cfg(test)]\nmod tests { use super::*; }", 1, vec![]),
    ] {
        assert_eq!(rooms_used(text, depth), wanted, "{text}");
    }
    for (file, wanted) in [("db", 1), ("db/mod", 1), ("db/jobs", 2)] {
        assert_eq!(depth(Path::new(file)), wanted, "{file}");
    }
}
