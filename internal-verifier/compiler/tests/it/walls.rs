//! What a process that is locked in can't do.

use std::process::Command;

use compiler::sandbox;

use crate::support::HOST;

#[test]
fn a_locked_in_process_reaches_nothing() {
    let output = Command::new(HOST).arg("walls").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.first(), Some(&sandbox::probe().to_string().as_str()));
    let refused = lines
        .iter()
        .filter(|line| line.ends_with(": refused"))
        .count();
    assert_eq!(refused + 1, lines.len(), "{said}");
    assert!(refused >= 8, "{said}");
}

#[test]
fn nobody_can_pretend_to_be_the_parent() {
    let output = Command::new(HOST)
        .args([
            "serve",
            "--parent",
            "1",
            "--code-fd",
            "3",
            "--input-bytes",
            "0",
        ])
        .args([
            "--time-ms",
            "1000",
            "--memory-bytes",
            "1000",
            "--output-bytes",
            "1000",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("the parent has ended"), "{said}");
}

#[test]
fn without_machine_code_there_is_no_compilation() {
    let parent = std::process::id().to_string();
    let output = Command::new(HOST)
        .args([
            "serve",
            "--parent",
            &parent,
            "--code-fd",
            "9",
            "--input-bytes",
            "0",
        ])
        .args([
            "--time-ms",
            "1000",
            "--memory-bytes",
            "1000",
            "--output-bytes",
            "1000",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("the machine code is refused"), "{said}");
}
