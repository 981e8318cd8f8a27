//! `make cases`: contracts of a folder, verified through the whole system and compared.
//!
//! Starts Postgres, a chain that holds the contracts, identity and both services with every engine
//! of compilers. What a case is, and what is compared, is told in `docs/cases.md`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use futures::StreamExt;
use local_stack::cases::{Case, Report, Runner};
use local_stack::children;
use local_stack::client::Client;
use local_stack::postgres::Postgres;
use local_stack::programs::Programs;
use local_stack::replay_chain::ReplayChain;
use local_stack::stack::ENGINES;
use local_stack::{Chains, Databases, Service, Stack, StackConfig};

const CHAIN_ID: u64 = 1;

/// Verifies the contracts of a folder and compares what came out with what must.
///
/// The last line is `N passed, M failed`, with `, K skipped` if releases were not available; the exit
/// status is 0 only if none failed.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder: cases/*.json in it, or *.json if it has no such folder
    #[arg(env = "DIR", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Only cases whose id holds this text
    #[arg(long, env = "ONLY", default_value = "", hide_default_value = true)]
    only: String,
    /// How many cases are under way at once
    #[arg(long, env = "JOBS", default_value_t = 2)]
    jobs: usize,
    /// How many verifiers run, each with one job at a time
    #[arg(long, env = "VERIFIERS", default_value_t = 2)]
    verifiers: usize,
    /// How long one case may take, preparing its compiler included
    #[arg(long, env = "LIMIT_S", default_value_t = 300)]
    limit_s: u64,
    /// Which log lines the services write
    #[arg(long, env = "LOG", default_value = "info")]
    log: String,
    /// End when the program that started this one ends, also when that is killed
    #[arg(long)]
    end_with_parent: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(report) if report.has_failures() => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cases: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<Report> {
    if arguments.end_with_parent {
        children::end_with_parent_of_this()?;
    }
    if arguments.jobs == 0 || arguments.verifiers == 0 {
        bail!("JOBS and VERIFIERS must be at least 1");
    }
    let Some(folder) = &arguments.folder else {
        bail!("which cases should be run? Give a folder: make cases DIR=tests/cases");
    };
    let mut cases = Case::read_all(folder)?;
    cases.retain(|case| case.id.contains(&arguments.only));
    if cases.is_empty() {
        bail!("no case's id holds `{}`", arguments.only);
    }
    let chain = ReplayChain::start(CHAIN_ID)?;
    for case in &cases {
        chain.hold(case.contract.clone());
    }
    let postgres = Postgres::start()?;
    let database = postgres.fresh_database().await?;
    let mut config = StackConfig::new(
        Chains::Document(chain.chains()),
        Databases::same(database.url()),
    )
    .with(Service::InternalVerifier, "COMPILER_ENGINES", ENGINES);
    config.verifiers = arguments.verifiers;
    config.log.clone_from(&arguments.log);
    config.folder = Some(Programs::beside_this_one()?.target_folder().join("cases"));
    let stack = Stack::start(config).await?;
    let runner = Runner {
        client: Client::new(&stack.base_url())?,
        chain_id: CHAIN_ID,
        limit: Duration::from_secs(arguments.limit_s),
    };
    let report = run_all(&runner, &cases, arguments.jobs).await?;
    if report.has_failures() {
        eprintln!("the services' logs are in {}", stack.folder().display());
    }
    stack.stop().await.context("stopping the stack")?;
    Ok(report)
}

async fn run_all(runner: &Runner, cases: &[Case], jobs: usize) -> Result<Report> {
    let started = Instant::now();
    let mut out = std::io::stdout();
    let mut report = Report::default();
    let progress = Progress::of(cases.len());
    let mut outcomes = futures::stream::iter(cases)
        .map(|case| runner.run(case))
        .buffer_unordered(jobs);
    let mut ended = 0_usize;
    while let Some(outcome) = outcomes.next().await {
        ended = ended.saturating_add(1);
        progress.clear();
        if let Some(line) = report.add(&outcome) {
            writeln!(out, "{line}")?;
            out.flush()?;
        }
        progress.show(ended, &outcome.case.id);
    }
    progress.clear();
    writeln!(out, "{}", report.groups())?;
    writeln!(out, "{:.1} s", started.elapsed().as_secs_f64())?;
    writeln!(out, "{report}")?;
    Ok(report)
}

/// One line that is written over and over, for a person who waits.
struct Progress {
    total: usize,
    is_watched: bool,
}

impl Progress {
    fn of(total: usize) -> Self {
        let is_watched = std::io::stderr().is_terminal();
        Self { total, is_watched }
    }

    fn show(&self, ended: usize, last: &str) {
        if self.is_watched {
            eprint!("{ended} of {}, last {last}", self.total);
        }
    }

    fn clear(&self) {
        if self.is_watched {
            eprint!("\r\x1b[K");
        }
    }
}
