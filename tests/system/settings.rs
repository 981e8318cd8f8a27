//! What an operator can set, and how the services tell of mistakes.

use std::collections::HashMap;
use std::path::Path;
use std::process::Output;

use local_stack::programs::Programs;
use regex::Regex;
use serde::Deserialize;
use serde_json::json;

const SERVICES: [&str; 2] = ["public-api", "internal-verifier"];

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Setting {
    name: String,
    meaning: String,
    default: Usual,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Usual {
    Required,
    None,
    Value(String),
    Words(String),
}

impl std::fmt::Display for Usual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Required => f.write_str("**required**"),
            Self::None => f.write_str("none"),
            Self::Value(value) => write!(f, "`{value}`"),
            Self::Words(words) => f.write_str(words),
        }
    }
}

fn run(service: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let program = Programs::beside_this_one().unwrap().find(service).unwrap();
    let mut command = std::process::Command::new(program);
    command.env_clear().args(arguments);
    command.envs(environment.iter().copied()).output().unwrap()
}

fn settings_of(service: &str) -> Vec<Setting> {
    let output = run(service, &["--settings"], &[]);
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One row for each setting, in the order of reading; what both services have in the same way comes once.
fn table() -> String {
    let [public_api, verifier] = SERVICES.map(settings_of);
    let both: Vec<_> = public_api
        .iter()
        .filter(|one| verifier.contains(one))
        .collect();
    let rows_of = |settings: &[Setting], service: &'static str| {
        let own = settings.iter().filter(|one| !both.contains(one));
        own.map(|one| (service, one.clone())).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> = both.iter().map(|one| ("both", (*one).clone())).collect();
    rows.extend(rows_of(&public_api, SERVICES[0]));
    rows.extend(rows_of(&verifier, SERVICES[1]));
    let mut text = String::from("| setting | of | means | default |\n|---|---|---|---|\n");
    for (
        service,
        Setting {
            name,
            meaning,
            default,
        },
    ) in rows
    {
        text.push_str(&format!(
            "| `{name}` | {service} | {meaning} | {default} |\n"
        ));
    }
    text
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn the_table_in_the_readme_is_what_the_programs_say() {
    const BEGIN: &str = "<!-- settings: begin -->\n";
    const END: &str = "<!-- settings: end -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (kept, after) = rest.split_once(END).unwrap();
    let current = table();
    if kept != current {
        std::fs::write(&path, format!("{before}{BEGIN}{current}{END}{after}")).unwrap();
        panic!("README.md was not what the programs say; it is now");
    }
}

/// What one program reads. The two tools' settings are options.
fn known_names(program: &str) -> Vec<String> {
    // Libraries read those themselves.
    let mut names = vec![
        "OTEL_RESOURCE_ATTRIBUTES".to_owned(),
        "GCE_METADATA_HOST".to_owned(),
    ];
    if SERVICES.contains(&program) {
        names.extend(settings_of(program).into_iter().map(|setting| setting.name));
        return names;
    }
    let help = String::from_utf8(run(program, &["--help"], &[]).stdout).unwrap();
    let option = Regex::new(r"\[env: ([A-Z_]+)").unwrap();
    names.extend(option.captures_iter(&help).map(|found| found[1].to_owned()));
    names
}

/// Whom the settings of a part of `settings.tf` are for.
fn readers(part: &str) -> &'static [&'static str] {
    match part {
        "service_settings" => &SERVICES,
        "database_settings" | "secret_settings" => &["public-api", "internal-verifier", "migrate"],
        "public-api" => &["public-api"],
        "internal-verifier" => &["internal-verifier"],
        "migrate" => &["migrate"],
        "prepare-compilers" => &["compilers"],
        _ => &[],
    }
}

#[test]
fn a_deployment_gives_no_program_a_setting_that_it_does_not_read() {
    let part = Regex::new(r"^ {2,4}([a-z-_]+) += (?:merge\(.*)?\{$").unwrap();
    let given = Regex::new(r"^\s+([A-Z][A-Z0-9_]+)\s*=").unwrap();
    let (mut current, mut seen) = (String::new(), 0);
    for line in read("terraform/settings.tf").lines() {
        if let Some(found) = part.captures(line) {
            current = found[1].to_owned();
        }
        let Some(found) = given.captures(line) else {
            continue;
        };
        assert_ne!(readers(&current), [""; 0], "{line} stands in {current}");
        for program in readers(&current) {
            let known = known_names(program);
            assert!(known.contains(&found[1].to_owned()), "{program}: {line}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

/// Which program of ours a part of `compose.yaml` runs.
fn runs(part: &str) -> Option<&'static str> {
    match part {
        "x-public-api" | "public-api-1" | "public-api-2" => Some("public-api"),
        "x-verifier" | "internal-verifier-1" | "internal-verifier-2" => Some("internal-verifier"),
        "migrate" => Some("migrate"),
        "prepare-compilers" => Some("compilers"),
        _ => None,
    }
}

#[test]
fn compose_gives_no_program_a_setting_that_it_does_not_read() {
    let part = Regex::new("^(?:  )?([a-z0-9-]+):").unwrap();
    let given = Regex::new("^ {4,6}([A-Z][A-Z0-9_]+): ").unwrap();
    let (mut current, mut seen) = (String::new(), Vec::new());
    for line in read("compose.yaml").lines() {
        let other = part.captures(line).map(|found| found[1].to_owned());
        // The keys of a part that others take over stand as far in as names of parts.
        if let Some(other) = other.filter(|_| !line.starts_with(' ') || !current.starts_with("x-"))
        {
            current = other;
        }
        let (Some(found), Some(program)) = (given.captures(line), runs(&current)) else {
            continue;
        };
        let known = known_names(program);
        assert!(known.contains(&found[1].to_owned()), "{program}: {line}");
        seen.push(program);
    }
    let seen_of = |program| seen.iter().filter(|seen| **seen == program).count();
    assert!(
        seen_of("public-api") > 8 && seen_of("internal-verifier") > 6,
        "{seen:?}"
    );
    assert!(
        seen_of("migrate") > 2 && seen_of("compilers") > 0,
        "{seen:?}"
    );
}

#[test]
fn nothing_is_read_twice_with_different_meanings() {
    for service in SERVICES {
        let mut seen = HashMap::new();
        for setting in settings_of(service) {
            let before = seen.insert(setting.name.clone(), setting.clone());
            assert_eq!(before, None, "{service}");
        }
    }
}

#[test]
fn an_empty_variable_is_not_given() {
    let nothing =
        ["COMPILER_STORE", "COMPILER_NATIVE_LIST", "COMPILER_NODE"].map(|name| (name, ""));
    let listed = run("compilers", &["--list"], &nothing);
    assert!(listed.status.success(), "{listed:?}");
}

#[test]
fn help_tells_each_setting() {
    for service in SERVICES {
        let output = run(service, &["--help"], &[]);
        assert!(output.status.success());
        let help = String::from_utf8(output.stdout).unwrap();
        for setting in settings_of(service) {
            assert!(help.contains(&setting.name), "{}", setting.name);
            assert!(help.contains(&setting.meaning), "{}", setting.name);
        }
    }
}

#[test]
fn all_mistakes_of_the_environment_and_of_the_file_are_told_together_without_a_value() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let values = json!({
        "DATABASE_URL": "postgres://u:hush@h:port/d",
        "DATABASE_CONNECTIONS": "hush",
        "PROT": "hush",
        "LOG": ["hush"],
    });
    std::fs::write(file.path(), values.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let environment = [
        ("DATABASE_CA", "/nonexistent/ca.pem"),
        ("CHAINS", "/nonexistent/chains.json"),
    ];
    for service in SERVICES {
        let output = run(service, &["--config", path], &environment);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        for mistake in [
            "LOG: a text, a number, true or false is expected",
            "DATABASE_CA: the file cannot be read",
            "DATABASE_CONNECTIONS: invalid digit",
            "DATABASE_URL: not of the form postgres://",
            "CHAINS: cannot read the chains file",
            "PROT: there is no such setting",
        ] {
            assert!(said.contains(mistake), "{service}: {mistake}\n{said}");
        }
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn a_command_line_that_is_not_understood_is_refused() {
    for (arguments, wanted) in [
        (&["--confg", "x"][..], "unexpected argument"),
        (&["--config"], "a value is required"),
        (&["--config", "/nonexistent/settings.json"], "No such file"),
    ] {
        let output = run("public-api", arguments, &[]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(wanted), "{said}");
    }
}
