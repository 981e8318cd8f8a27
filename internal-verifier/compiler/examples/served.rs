//! Compiles one input many times as the verifier does, each in a process of its own, and prints
//! medians. Compare with `compiler-host bare` on the same input.
//!
//! usage: served PROGRAMS VERSION INPUT [REPEAT [REPOSITORY]]
//!
//! PROGRAMS is the folder of `compiler-host`. With a REPOSITORY, what is run are the executables that
//! its `linux-amd64/list.json` names.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use compiler::release::Catalogue;
use compiler::{Compilers, Config, Engine, Limits, Outcome};
use verification::compiler::{Compiler, CompilerVersion};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [programs, version, input, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: served PROGRAMS VERSION INPUT [REPEAT [REPOSITORY]]");
    };
    let repeat: u32 = rest.first().map_or(Ok(30), |repeat| repeat.parse())?;
    let mut config = Config::with_programs_in(Path::new(programs));
    let mut engine = Engine::Wasm;
    if let Some(repository) = rest.get(1) {
        config.repository = repository.into();
        config.native_list = Some(config.repository.join("linux-amd64/list.json"));
        engine = Engine::Native;
    }
    let version: CompilerVersion = version.parse()?;
    let catalogue = Catalogue::open(config.native_list.as_deref())?;
    let release = catalogue
        .list_numbered(Compiler::Solc, version.number())
        .next()
        .context("this release is not known")?;
    let input = std::fs::read(input)?;
    let compilers = Compilers::open(config)?;
    compilers.prepare(release, engine).await?;

    let (mut wall, mut start, mut cpu, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..repeat {
        let began = Instant::now();
        let compilation = compilers
            .compile(release, engine, &input, &Limits::default())
            .await?;
        wall.push(began.elapsed());
        anyhow::ensure!(
            matches!(compilation.outcome, Outcome::Output(_)),
            "{compilation:?}"
        );
        start.push(compilation.start);
        cpu.push(compilation.cpu);
        peak = peak.max(compilation.peak_memory_bytes);
    }
    let fastest = wall.iter().min().map_or(0.0, Duration::as_secs_f64) * 1000.0;
    writeln!(
        std::io::stdout(),
        "{release}: {repeat} times, wall min {fastest:.1} ms p50 {:.1} ms, of it until ready {:.1} ms, cpu p50 {:.1} ms, \
         peak {} MiB",
        median_ms(wall),
        median_ms(start),
        median_ms(cpu),
        peak >> 20,
    )?;
    Ok(())
}

fn median_ms(mut series: Vec<Duration>) -> f64 {
    series.sort();
    let middle = series.len().checked_div(2).unwrap_or_default();
    series.get(middle).map_or(0.0, Duration::as_secs_f64) * 1000.0
}
