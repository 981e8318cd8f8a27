//! Stands in for `compiler-host` where a compilation must take a fixed time and no processor: reads its
//! input, waits, and answers what lies beside it as `output.json`, in the frames of a compiler's process.
//!
//! How long it waits stands in `wait_ms` beside it: the verifier gives a compiler's process no environment.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

const READY: u8 = 0;
const USED: u8 = 1;
const OUTPUT: u8 = 2;

fn main() -> Result<()> {
    let beside = |name: &str| -> Result<PathBuf> {
        let this = std::env::current_exe().context("finding this program")?;
        Ok(this.with_file_name(name))
    };
    let output = std::fs::read(beside("output.json")?).context("reading the output")?;
    let wait_ms = std::fs::read_to_string(beside("wait_ms")?).context("reading the time")?;
    let mut out = io::stdout().lock();
    // No walls stand around it, and none are told of.
    write_frame(&mut out, READY, br#"{"landlock":null,"seccomp":false}"#)?;
    io::stdin()
        .lock()
        .read_exact(&mut vec![0; input_bytes()?])?;
    thread::sleep(Duration::from_millis(wait_ms.trim().parse()?));
    let used = br#"{"cpu_us":0,"peak_memory_bytes":0,"guest_memory_bytes":0}"#;
    write_frame(&mut out, USED, used)?;
    write_frame(&mut out, OUTPUT, &output)
}

/// As the verifier says it on the command line.
fn input_bytes() -> Result<usize> {
    let mut words = std::env::args().skip_while(|word| word != "--input-bytes");
    let number = words.nth(1).context("--input-bytes is missing")?;
    Ok(number.parse()?)
}

/// What it is, how long it is, and it.
fn write_frame(out: &mut impl Write, kind: u8, contents: &[u8]) -> Result<()> {
    out.write_all(&[kind])?;
    out.write_all(&u64::try_from(contents.len())?.to_le_bytes())?;
    out.write_all(contents)?;
    Ok(out.flush()?)
}
