//! Node and Python run behind the walls that hold programs, and reach nothing from there.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::HOST;

/// Where a machine keeps libraries; what isn't there is left out.
const LIBRARIES: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/local/lib"];

/// What the supervisor says of a program that is given `{}`, as text: frames have short binary heads.
fn said(program: &Path, arguments: &[&str], readable: &[PathBuf], rule: &str) -> String {
    let mut command = Command::new(HOST);
    command
        .args(["run", "--parent", &std::process::id().to_string()])
        .args(["--time-ms", "30000"])
        .args(["--memory-bytes", "1000000000", "--output-bytes", "100000"])
        .args(["--memory-rule", rule]);
    let libraries = LIBRARIES.iter().map(PathBuf::from);
    for path in libraries.chain(readable.iter().cloned()) {
        if path.exists() {
            command.arg("--read").arg(path);
        }
    }
    command.arg("--").arg(program).args(arguments);
    let mut child = command
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"{}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a program says of itself, in one line.
fn ask(program: &str, arguments: &[&str]) -> PathBuf {
    let output = Command::new(program).args(arguments).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    std::fs::canonicalize(line.trim()).unwrap()
}

fn node(script: &str) -> String {
    let node = ask("node", &["-p", "process.execPath"]);
    // Node reads this before its first line, and fails if it is there and can't be read.
    let arguments = ["--openssl-config=/dev/null", "-e", script];
    said(&node, &arguments, &[PathBuf::from("/dev/null")], "data")
}

fn python(script: &str) -> String {
    let python = ask("python3", &["-c", "import sys; print(sys.executable)"]);
    let home = ask("python3", &["-c", "import sys; print(sys.base_prefix)"]);
    said(&python, &["-c", script], &[home], "address-space")
}

#[test]
fn node_computes_with_threads_and_machine_code() {
    let script = "
        let input = '';
        process.stdin.on('data', (piece) => { input += piece; });
        process.stdin.on('end', () => {
            let sum = 0;
            for (let i = 0; i < 1e7; i++) sum += i % 7;
            require('zlib').deflate('x', () => console.log(JSON.stringify({ input, sum })));
        });";
    let said = node(script);
    assert!(said.contains(r#"{"input":"{}","sum":29999994}"#), "{said}");
}

#[test]
fn node_reaches_nothing() {
    let script = "
        const { constants, openSync, readFileSync, writeFileSync } = require('fs');
        const { spawnSync } = require('child_process');
        const code = (call) => { try { call(); return 'WENT THROUGH'; } catch (error) { return error.code; } };
        const spawn = () => { const { error } = spawnSync('/bin/true'); if (error) throw error; };
        require('net').connect(9, '127.0.0.1').on('error', (error) => console.log(JSON.stringify([
            code(() => readFileSync('/etc/passwd')),
            code(() => writeFileSync('/tmp/sourcerun-node', 'x')),
            code(() => openSync('/dev/null', constants.O_RDONLY | constants.O_TRUNC)),
            code(spawn),
            error.code,
        ])));";
    let said = node(script);
    assert!(
        said.contains(r#"["EACCES","EPERM","EPERM","EPERM","EPERM"]"#),
        "{said}"
    );
}

#[test]
fn python_reads_its_own_files_only() {
    let script = "
import json, os, socket, subprocess, sys, threading
def name(call):
    try:
        call()
        return 'WENT THROUGH'
    except OSError as error:
        return type(error).__name__
print(json.dumps([
    sys.stdin.read(),
    name(lambda: open('/etc/passwd')),
    name(lambda: open('/tmp/sourcerun-python', 'w')),
    name(lambda: subprocess.run(['/bin/true'])),
    name(socket.socket),
    name(os.fork),
]))";
    let said = python(script);
    let refused = r#"["{}", "PermissionError", "PermissionError", "PermissionError", "PermissionError", "PermissionError"]"#;
    assert!(said.contains(refused), "{said}");
}

#[test]
fn memory_refused_is_told_by_its_words() {
    // The kind of a frame is its first byte; this one has nothing in it.
    let out_of_memory = "\u{4}\0\0\0\0\0\0\0\0";
    for said in [
        python("x = [0] * 10**10"),
        node("const all = []; for (;;) all.push(new Array(1000).fill(1.5));"),
    ] {
        assert!(said.ends_with(out_of_memory), "{said:?}");
    }
}
