//! `make chaos`: everything dies, and nothing accepted is lost, stuck or done twice.
//!
//! What happens and what is counted is told in `local_stack::chaos`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use clap::Parser;
use local_stack::chaos::{self, ChaosConfig};
use local_stack::children;
use local_stack::programs::Programs;

/// Submits real contracts while a seeded schedule kills, freezes and cuts everything.
///
/// Exits 0 only if nothing was lost, done twice, left open or wrong, and everything can be read.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many contracts are verified
    #[arg(long, env = "JOBS", default_value_t = 500)]
    jobs: usize,
    /// For how many seconds faults happen
    #[arg(long, env = "DURATION", default_value_t = 180)]
    duration_s: u64,
    /// Seconds between two faults, on the mean; with many seconds each fault is alone
    #[arg(long, env = "GAP", default_value_t = chaos::USUAL_GAP.as_secs_f64())]
    gap_s: f64,
    /// Decides the schedule; drawn from the clock if it is not given
    #[arg(long, env = "SEED")]
    seed: Option<u64>,
    /// The contracts, as `make cases` takes them
    #[arg(long, env = "DIR", default_value = "tests/cases")]
    cases: PathBuf,
    /// End when the program that started this one ends, also when that is killed
    #[arg(long)]
    end_with_parent: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<bool> {
    if arguments.end_with_parent {
        children::end_with_parent_of_this()?;
    }
    if arguments.jobs == 0 || arguments.duration_s == 0 {
        bail!("JOBS and DURATION must be at least 1");
    }
    let gap = Duration::try_from_secs_f64(arguments.gap_s).unwrap_or_default();
    if gap < Duration::from_millis(100) {
        bail!("GAP must be at least 0.1");
    }
    let seed = arguments.seed.unwrap_or_else(seed_of_now);
    let logs = Programs::beside_this_one()?.target_folder().join("chaos");
    // What an earlier run told would be counted too.
    if logs.exists() {
        std::fs::remove_dir_all(&logs)?;
    }
    let config = ChaosConfig {
        seed,
        jobs: arguments.jobs,
        duration: Duration::from_secs(arguments.duration_s),
        gap,
        cases: arguments.cases,
        logs: Some(logs.clone()),
    };
    let mut out = std::io::stdout();
    writeln!(out, "seed {seed}")?;
    writeln!(out, "{}\n", chaos::settings())?;
    out.flush()?;
    let report = chaos::run(&config).await?;
    write!(out, "{report}")?;
    let broken = report.broken();
    for what in &broken {
        writeln!(out, "BROKEN {what}")?;
    }
    if !broken.is_empty() {
        eprintln!("seed {seed}; the services' logs are in {}", logs.display());
    }
    Ok(broken.is_empty())
}

fn seed_of_now() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    since_1970.unwrap_or_default().as_secs()
}
