//! `make load`: how the whole system bears many jobs. Speed is told in figures and fails nothing; a request
//! that is not taken or a job that does not end well does.
//!
//! Contracts are compiled once; a replayed chain then holds them at as many addresses as there are jobs. Only
//! the first part compiles: the others have a compiler that waits.

mod accept;
mod contracts;
mod memory;
mod open_loop;
mod server;
mod statements;
mod throughput;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use compiler::Compilers;
use local_stack::children;
use local_stack::programs::Programs;

use crate::accept::Load;
use crate::contracts::Contract;
use crate::server::Server;
use crate::throughput::FixedCompiler;

/// Loads the whole system, on this machine alone, for a minute or two.
#[derive(Debug, Parser)]
struct Arguments {
    /// Requests a second, while all verifiers compile
    #[arg(long, env = "RATE", default_value_t = 200, value_parser = at_most(10_000))]
    rate: u32,
    /// For how long
    #[arg(long, env = "SECONDS", default_value_t = 20, value_parser = at_most(600))]
    seconds: u32,
    /// Jobs for each verifier whose compiler waits
    #[arg(long, env = "JOBS", default_value_t = 50, value_parser = at_most(10_000))]
    jobs: u32,
    /// How long that compiler waits
    #[arg(long, env = "COMPILE_MS", default_value_t = 200, value_parser = at_most(60_000))]
    compile_ms: u32,
    /// How many verifiers in each round of those
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4])]
    verifiers: Vec<usize>,
    /// Seconds without any job
    #[arg(long, env = "IDLE", default_value_t = 30, value_parser = at_most(600))]
    idle: u32,
    /// How many rows wait when one is taken
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    rows: Vec<u32>,
    /// End when the program that started this one ends, also when that is killed
    #[arg(long)]
    end_with_parent: bool,
}

fn at_most(number: u64) -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=number)
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    if arguments.end_with_parent {
        children::end_with_parent_of_this()?;
    }
    let mut out = std::io::stdout();
    let compilers = Compilers::open(Programs::beside_this_one()?.compilers()?)?;
    let small = Contract::small(&compilers).await?;
    let long = Contract::long(&compilers).await?;
    let server = Server::start().await?;
    let load = Load {
        rate: arguments.rate,
        seconds: arguments.seconds,
        verifiers: 2,
    };
    accept::write_accepts(&mut out, &server, [&small, &long], &load).await?;
    let compiler = FixedCompiler::install(&small, u64::from(arguments.compile_ms))?;
    let jobs = usize::try_from(arguments.jobs)?;
    let load = (arguments.verifiers.as_slice(), jobs);
    let rounds = throughput::write_throughput(&mut out, &server, &small, &compiler, load).await?;
    let first = rounds.first().context("no number of verifiers was named")?;
    statements::write_per_job(&mut out, first)?;
    statements::write_idle(&mut out, &server, &compiler, arguments.idle).await?;
    statements::write_turns(&mut out, &server, &arguments.rows).await
}
