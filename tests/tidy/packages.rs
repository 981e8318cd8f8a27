//! Between packages: neither door knows the other's code, and the ground floor knows nobody.

use std::fs;

use crate::files::workspace;

/// Which packages of ours each may depend on, tests aside.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("common/verification", &[]),
    ("common", &["verification"]),
    ("internal-verifier/compiler", &["verification"]),
    ("internal-verifier", &["common", "compiler", "verification"]),
    ("public-api", &["common", "verification"]),
    ("tests/local-stack", &["common", "compiler", "verification"]),
    ("tests/scale-model", &[]),
    ("tests/skewed-clock", &[]),
    ("tests", &["common", "local-stack"]),
];

const OURS: [&str; 8] = [
    "common",
    "compiler",
    "internal-verifier",
    "local-stack",
    "public-api",
    "scale-model",
    "skewed-clock",
    "verification",
];

#[test]
fn packages_look_only_downwards() {
    for (package, allowed) in MAY_USE {
        let manifest = fs::read_to_string(workspace().join(package).join("Cargo.toml")).unwrap();
        let (_, dependencies) = manifest.split_once("[dependencies]").unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            assert!(
                !OURS.contains(&name) || allowed.contains(&name),
                "{package} must not depend on {name}"
            );
        }
    }
}

#[test]
fn every_package_has_its_place() {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let (_, members) = manifest.split_once("members = [").unwrap();
    let (members, _) = members.split_once(']').unwrap();
    for member in members
        .split(',')
        .map(|member| member.trim().trim_matches('"'))
    {
        let is_known = MAY_USE.iter().any(|(package, _)| *package == member);
        assert!(member.is_empty() || is_known, "`{member}` is in no table");
    }
}
