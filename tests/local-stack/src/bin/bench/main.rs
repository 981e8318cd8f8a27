//! `make bench`: what a verification costs, beside a bare run of the same engine on the same input.
//!
//! Each round compiles sources that nobody has compiled yet without any service, verifies them
//! through the public API, and verifies them once more for another address, so that a machine whose
//! speed drifts favours none. Contracts are deployed once for real; a replayed chain then holds them
//! at as many addresses as there are verifications.

mod bench;
mod input;
mod memory;
mod reads;
mod times;
mod wrk;

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;
use compiler::Compilers;
use local_stack::children;
use local_stack::client::Client;
use local_stack::population;
use local_stack::postgres::Postgres;
use local_stack::process::Process;
use local_stack::programs::Programs;
use local_stack::replay_chain::ReplayChain;
use local_stack::usage::Usage;
use local_stack::{Chains, Databases, Service, Stack, StackConfig};
use serde_json::{Value, json};

use crate::bench::{Bench, CHAIN_ID};
use crate::input::Input;
use crate::reads::{Reads, Subject};
use crate::times::{EXPLAINED, Times};

/// Times verifications through the whole system, and looks at its memory.
#[derive(Debug, Parser)]
struct Arguments {
    /// Verifications of each input; 0 leaves the times out
    #[arg(long, env = "ROUNDS", default_value_t = 30)]
    rounds: usize,
    /// Seconds for each question of the read path, on a database of 100,000 contracts; 0 leaves it out
    #[arg(long, env = "READS", default_value_t = 10)]
    reads: u32,
    /// Small jobs, over which the services' memory is watched
    #[arg(long, env = "JOBS", default_value_t = 0)]
    jobs: usize,
    /// What the verifier keeps of outputs, in place of its default. Memory that grows when it is full
    /// is a leak
    #[arg(long, env = "OUTPUTS_MEMORY_MIB")]
    outputs_memory_mib: Option<u32>,
    /// End when the program that started this one ends, also when that is killed
    #[arg(long)]
    end_with_parent: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    if arguments.end_with_parent {
        children::end_with_parent_of_this()?;
    }
    if arguments.rounds == 0 && arguments.jobs == 0 && arguments.reads == 0 {
        bail!("ROUNDS, JOBS or READS must be at least 1");
    }
    let mut out = std::io::stdout();
    let compilers = Compilers::open(Programs::beside_this_one()?.compilers()?)?;
    let inputs = input::all(&compilers).await?;
    let chain = ReplayChain::start(CHAIN_ID)?;
    let postgres = Postgres::start()?;
    let database = postgres.fresh_database().await?;
    let started = Instant::now();
    let mut config = StackConfig::new(
        Chains::Document(with_populated_chains(chain.chains())),
        Databases::same(database.url()),
    );
    if let Some(mib) = arguments.outputs_memory_mib {
        let verifier = Service::InternalVerifier;
        config = config.with(verifier, "OUTPUTS_MEMORY_MIB", &mib.to_string());
    }
    let stack = Stack::start(config).await?;
    eprintln!(
        "the stack was up after {} ms",
        started.elapsed().as_millis()
    );
    write_rest(&mut out, &stack)?;
    let mut bench = Bench::new(Client::new(&stack.base_url())?, chain, compilers);
    if arguments.rounds > 0 {
        writeln!(out, "\n{}", Times::head())?;
        for input in &inputs {
            let times = bench.measure(input, arguments.rounds).await?;
            writeln!(out, "{}", times.row(input.name))?;
            out.flush()?;
        }
        writeln!(out, "\n{} rounds each; {EXPLAINED}", arguments.rounds)?;
    }
    if arguments.jobs > 0 {
        let small = inputs.first().context("there is no input")?;
        memory::write_memory(&mut out, &mut bench, &stack, small, arguments.jobs).await?;
    }
    if arguments.reads > 0 {
        let reads = Reads {
            base_url: stack.base_url(),
            public_api: &stack.public_api(),
            database_url: database.url(),
            seconds: arguments.reads,
        };
        write_reads(&mut out, &mut bench, &inputs, &reads).await?;
    }
    writeln!(out)?;
    write_usage(&mut out, &stack)?;
    stack.stop().await?;
    Ok(())
}

/// The chains of the contracts that fill the database; nobody asks their nodes.
fn with_populated_chains(mut chains: Value) -> Value {
    for id in ["1", "2", "3"] {
        let name = format!("Chain {id}");
        chains[id] =
            json!({"sourcifyName": name, "supported": false, "rpc": ["http://127.0.0.1:9"]});
    }
    chains
}

/// Of a small and of a large contract, among 100,000 others.
async fn write_reads(
    out: &mut impl Write,
    bench: &mut Bench,
    inputs: &[Input],
    reads: &Reads<'_>,
) -> Result<()> {
    let mut subjects = Vec::new();
    for input in [inputs.first(), inputs.last()].into_iter().flatten() {
        subjects.push(Subject {
            name: input.name,
            chain_id: CHAIN_ID,
            address: bench.verify_deployed(input).await?,
        });
    }
    eprintln!("filling the database with 100,000 contracts");
    population::fill(reads.database_url, 100_000).await?;
    reads::write_reads(out, reads, &subjects).await
}

fn write_rest(out: &mut impl Write, stack: &Stack) -> Result<()> {
    for process in stack.processes() {
        let resident = process.usage()?.resident_bytes;
        writeln!(
            out,
            "{}: {} MB at rest, ready {} ms after its start",
            process.name(),
            resident >> 20,
            process.ready_after().as_millis()
        )?;
    }
    Ok(())
}

fn write_usage(out: &mut impl Write, stack: &Stack) -> Result<()> {
    writeln!(
        out,
        "{:<24} {:>10} {:>16} {:>14}",
        "process", "CPU ms", "children CPU ms", "peak memory MB"
    )?;
    for process in stack.processes() {
        write_row(out, &process, process.usage()?)?;
    }
    Ok(())
}

fn write_row(out: &mut impl Write, process: &Process, usage: Usage) -> Result<()> {
    writeln!(
        out,
        "{:<24} {:>10} {:>16} {:>14}",
        process.name(),
        usage.cpu.as_millis(),
        usage.cpu_of_ended_children.as_millis(),
        usage.peak_resident_bytes >> 20,
    )?;
    Ok(())
}
