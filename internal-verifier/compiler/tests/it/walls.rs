//! What a process that is locked in can't do.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use compiler::sandbox;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::support::HOST;

/// What `compiler-host walls` says, started in this way.
fn walls(command: &mut Command) -> (bool, Vec<String>) {
    let output = command.stdout(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines = said.lines().map(str::to_owned).collect();
    (output.status.success(), lines)
}

fn all_was_refused(lines: &[String], attempts: usize) {
    let refused = lines.iter().filter(|line| line.ends_with(": refused"));
    assert_eq!(refused.count(), attempts, "{lines:#?}");
    assert_eq!(lines.len(), attempts + 1, "{lines:#?}");
}

#[test]
fn a_locked_in_process_reaches_nothing() {
    let (well, lines) = walls(Command::new(HOST).arg("walls"));
    assert!(well, "{lines:#?}");
    assert_eq!(lines.first(), Some(&sandbox::probe().to_string()));
    all_was_refused(&lines, 10);
}

#[test]
fn a_program_that_is_locked_in_reaches_nothing() {
    let (well, lines) = walls(Command::new(HOST).args(["walls", "--program"]));
    assert!(well, "{lines:#?}");
    assert_eq!(lines.first(), Some(&sandbox::probe().to_string()));
    all_was_refused(&lines, 21);
}

/// As on a kernel that has no landlock.
fn without_landlock(command: &mut Command) -> &mut Command {
    let no_landlock = SeccompFilter::new(
        [(libc::SYS_landlock_create_ruleset, Vec::new())].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.cast_unsigned()),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let no_landlock: BpfProgram = no_landlock.unwrap().try_into().unwrap();
    #[expect(
        unsafe_code,
        reason = "a child can't be told to lack something otherwise"
    )]
    // SAFETY: between fork and exec the closure makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || seccompiler::apply_filter(&no_landlock).map_err(io::Error::other))
    }
}

#[test]
fn without_landlock_the_engine_is_held_by_the_rest() {
    let (well, lines) = walls(without_landlock(Command::new(HOST).arg("walls")));
    assert!(well, "{lines:#?}");
    assert_eq!(lines.first().unwrap(), "no landlock, seccomp");
    all_was_refused(&lines, 10);
}

#[test]
fn without_landlock_no_program_is_started() {
    let parent = std::process::id().to_string();
    let mut command = Command::new(HOST);
    command
        .args(["run", "--parent", &parent])
        .args(["--time-ms", "1000", "--memory-bytes", "1000000000"])
        .args(["--output-bytes", "1000", "--memory-rule", "data"])
        .args(["--", "/bin/echo", "it ran"]);
    let output = without_landlock(&mut command).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("runs only behind landlock and seccomp; this kernel has no landlock"),
        "{said}"
    );
    assert!(!said.contains("it ran"), "{said}");
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
