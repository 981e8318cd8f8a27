//! The engine alone: one input compiled many times in one process, without a child, without walls.
//!
//! What a service takes longer than this is the service's. Only for inputs that are trusted.

use std::convert::Infallible;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use verification::compiler::{Compiler, CompilerVersion};

use crate::artefacts;
use crate::release::Release;
use crate::sandbox::resources;
use crate::wasm::engine::THREAD_STACK_BYTES;
use crate::wasm::machine::{End, Machine, NoInstance};

/// What to measure.
#[derive(Debug, Clone)]
pub struct Run {
    /// A release, as in `0.8.28`; it must have been taken in.
    pub version: String,
    /// Standard JSON.
    pub input: PathBuf,
    pub repeat: u32,
    /// Where the last output goes.
    pub output: Option<PathBuf>,
    pub cache: PathBuf,
}

/// Prints medians on stdout.
#[must_use]
pub fn run(run: &Run) -> ExitCode {
    let measured = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(THREAD_STACK_BYTES);
        let thread = thread.spawn_scoped(scope, || measure(run))?;
        thread
            .join()
            .unwrap_or_else(|_| bail!("the thread panicked"))
    });
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One way of looking at all repetitions.
#[derive(Default)]
struct Series(Vec<Duration>);

impl Series {
    fn milliseconds_at(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let last = sorted.len().saturating_sub(1);
        let place = last
            .saturating_mul(percent)
            .checked_div(100)
            .unwrap_or_default();
        sorted.get(place).map_or(0.0, Duration::as_secs_f64) * 1000.0
    }
}

fn measure(run: &Run) -> anyhow::Result<()> {
    let version: CompilerVersion = run.version.parse()?;
    let release = Release::find_number(Compiler::Solc, version.number())
        .context("this release is not known")?;
    let code = artefacts::open(&run.cache, &release)?;
    let code = code.with_context(|| format!("compiler {release} was not taken in"))?;
    let input = std::fs::read(&run.input).context("the input can't be read")?;

    let began = Instant::now();
    #[expect(unsafe_code, reason = "machine code is loaded")]
    // SAFETY: `artefacts::open` compared the file with the intake's record.
    let machine = unsafe { Machine::load(code) }.map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let load = began.elapsed();

    let (mut wall, mut cpu, mut start) = (Series::default(), Series::default(), Series::default());
    for _ in 0..run.repeat {
        let (began, cpu_before) = (Instant::now(), resources::used().0);
        let output = compile(&machine, &input, &mut start)?;
        wall.0.push(began.elapsed());
        cpu.0.push(resources::used().0.saturating_sub(cpu_before));
        if let Some(path) = &run.output {
            std::fs::write(path, &output).context("the output can't be written")?;
        }
    }
    let peak_mib = resources::used().1 >> 20;
    writeln!(
        std::io::stdout(),
        "{release}: {} times, load {:.1} ms, instantiate p50 {:.1} ms, wall min {:.1} ms p50 {:.1} ms \
         p95 {:.1} ms, cpu p50 {:.1} ms, peak {peak_mib} MiB",
        run.repeat,
        load.as_secs_f64() * 1000.0,
        start.milliseconds_at(50),
        wall.milliseconds_at(0),
        wall.milliseconds_at(50),
        wall.milliseconds_at(95),
        cpu.milliseconds_at(50),
    )?;
    Ok(())
}

fn compile(machine: &Machine, input: &[u8], start: &mut Series) -> anyhow::Result<Vec<u8>> {
    let began = Instant::now();
    let mut instance = match machine.instantiate(u64::MAX) {
        Ok(instance) => instance,
        Err(NoInstance::OutOfMemory) => bail!("out of memory"),
        Err(NoInstance::Fault(error)) => bail!("{error:#}"),
    };
    start.0.push(began.elapsed());
    let Ok(end) = instance.compile(input.len(), usize::MAX, |place| {
        place.copy_from_slice(input);
        Ok::<(), Infallible>(())
    });
    match end {
        End::Output(json) => Ok(json.to_vec()),
        other => bail!("{other:?}"),
    }
}
