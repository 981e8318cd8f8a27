//! Compiles one input many times as the verifier does, each in a process of its own, and prints
//! medians. Compare with `compiler-host bare` on the same input.
//!
//! usage: served PROGRAMS VERSION INPUT [REPEAT]      PROGRAMS: the folder of `compiler-host`

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use compiler::{Compilers, Config, Engine, Limits, Outcome, Release};
use verification::compiler::{Compiler, CompilerVersion};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [programs, version, input, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: served PROGRAMS VERSION INPUT [REPEAT]");
    };
    let repeat: u32 = rest.first().map_or(Ok(30), |repeat| repeat.parse())?;
    let version: CompilerVersion = version.parse()?;
    let release = Release::find_number(Compiler::Solc, version.number())
        .context("this release is not known")?;
    let input = std::fs::read(input)?;
    let compilers = Compilers::open(Config::with_programs_in(Path::new(programs)))?;
    compilers.prepare(&release, Engine::Wasm).await?;

    let (mut wall, mut start, mut cpu, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..repeat {
        let began = Instant::now();
        let compilation = compilers
            .compile(&release, Engine::Wasm, &input, &Limits::default())
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
