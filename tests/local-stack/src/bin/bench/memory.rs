//! What the services' memory does over many small jobs.

use std::io::Write;

use anyhow::Result;
use local_stack::Stack;
use local_stack::process::Process;
use local_stack::usage::proportional_bytes;

use crate::bench::Bench;
use crate::input::Input;

/// After how many jobs memory is looked at; and at the end.
const LOOKED_AT: [usize; 4] = [100, 250, 500, 1000];

/// Memory of one process at one moment.
#[derive(Clone, Copy)]
struct Memory {
    resident_bytes: u64,
    proportional_bytes: u64,
}

/// Runs the jobs one after the other and writes a line at each look.
///
/// # Errors
/// When a job does not end with a match, or a process has ended.
pub(crate) async fn write_memory(
    out: &mut impl Write,
    bench: &mut Bench,
    stack: &Stack,
    input: &Input,
    jobs: usize,
) -> Result<()> {
    write!(out, "\n{:<14}", "small jobs")?;
    for process in stack.processes() {
        write!(out, " {:>24}", process.name())?;
    }
    writeln!(out)?;
    let mut looks: Vec<(usize, Vec<Memory>)> = Vec::new();
    for number in 1..=jobs {
        bench.verify_another(input, number).await?;
        if LOOKED_AT.contains(&number) || number == jobs {
            let memory: Vec<Memory> = stack
                .processes()
                .map(|process| Memory::of(&process))
                .collect::<Result<_>>()?;
            write_line(out, &number.to_string(), &memory)?;
            looks.push((number, memory));
        }
    }
    if let [(first, before), .., (last, after)] = looks.as_slice() {
        write!(out, "{:<14}", format!("{first} to {last}"))?;
        for (before, after) in before.iter().zip(after) {
            let resident = growth(before.resident_bytes, after.resident_bytes);
            let proportional = growth(before.proportional_bytes, after.proportional_bytes);
            write!(out, " {resident:>+11.1} /{proportional:>+11.1}")?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "\nmegabytes: resident / proportional (pages that are shared count in parts)"
    )?;
    Ok(())
}

fn write_line(out: &mut impl Write, name: &str, memory: &[Memory]) -> Result<()> {
    write!(out, "{name:<14}")?;
    for one in memory {
        let (resident, proportional) = (one.resident_bytes, one.proportional_bytes);
        write!(
            out,
            " {:>11.1} /{:>11.1}",
            megabytes(resident),
            megabytes(proportional)
        )?;
    }
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

impl Memory {
    fn of(process: &Process) -> Result<Self> {
        Ok(Self {
            resident_bytes: process.usage()?.resident_bytes,
            proportional_bytes: proportional_bytes(process.pid())?,
        })
    }
}

fn growth(before: u64, after: u64) -> f64 {
    megabytes(after) - megabytes(before)
}

/// To a tenth.
fn megabytes(bytes: u64) -> f64 {
    let tenths = u32::try_from(bytes.saturating_mul(10) >> 20).unwrap_or(u32::MAX);
    f64::from(tenths) / 10.0
}
