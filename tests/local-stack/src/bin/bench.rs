//! `make bench`: what a verification costs, beside a bare run of the same engine on the same input.
//!
//! Each round verifies a fresh copy of the contract through the public API and then compiles the same
//! input without any service, so that a machine whose speed drifts does not favour either.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use alloy_dyn_abi::DynSolValue;
use anyhow::{Context, Result, bail};
use clap::Parser;
use compiler::{Compilers, Engine, Outcome};
use local_stack::anvil::Anvil;
use local_stack::children;
use local_stack::client::Client;
use local_stack::deploy;
use local_stack::postgres::Postgres;
use local_stack::process::Process;
use local_stack::programs::Programs;
use local_stack::project::Project;
use local_stack::usage::Usage;
use local_stack::{Chains, Databases, Stack, StackConfig};
use serde_json::{Value, json};
use verification::compiler::Compiler;
use verification::std_json::Selection;

const CHAIN_ID: u64 = 31337;
const ENDED_WITHIN: Duration = Duration::from_secs(300);

/// Times verifications through the whole system.
#[derive(Debug, Parser)]
struct Arguments {
    /// Verifications of each input
    #[arg(long, env = "ROUNDS", default_value_t = 30)]
    rounds: usize,
    /// End when the program that started this one ends, also when that is killed
    #[arg(long)]
    end_with_parent: bool,
}

/// An input and how its contract is made.
struct Input {
    name: &'static str,
    project: Project,
    arguments: Vec<DynSolValue>,
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
    if arguments.rounds == 0 {
        bail!("ROUNDS must be at least 1");
    }
    let mut out = std::io::stdout();
    let anvil = Anvil::start(CHAIN_ID, &[]).await?;
    let postgres = Postgres::start()?;
    let database = postgres.fresh_database().await?;
    let compilers = Compilers::open(Programs::beside_this_one()?.compilers()?)?;
    let started = Instant::now();
    let config = StackConfig::new(
        Chains::Document(chains(&anvil)),
        Databases::same(database.url()),
    );
    let stack = Stack::start(config).await?;
    eprintln!(
        "the stack was up after {} ms",
        started.elapsed().as_millis()
    );
    write_rest(&mut out, &stack)?;
    let client = Client::new(&stack.base_url())?;
    writeln!(
        out,
        "\n{:<24} {:>11} {:>11} {:>10} {:>10} {:>10} {:>6}",
        "input", "accept p50", "accept p95", "total p50", "total p95", "bare p50", "ratio"
    )?;
    for input in inputs(&anvil, &compilers).await? {
        let times = measure(&anvil, &compilers, &client, &input, arguments.rounds).await?;
        writeln!(out, "{}", times.row(input.name))?;
        out.flush()?;
    }
    writeln!(
        out,
        "\nmilliseconds, {} rounds each; total: submission to isJobCompleted; bare: the same",
        arguments.rounds
    )?;
    writeln!(
        out,
        "engine in the same sandbox on the same input, without any service; ratio: of the medians\n"
    )?;
    write_usage(&mut out, &stack)?;
    stack.stop().await?;
    Ok(())
}

fn chains(anvil: &Anvil) -> Value {
    json!({CHAIN_ID.to_string(): {
        "sourcifyName": "Bench chain",
        "supported": true,
        "rpc": [{"type": "BaseRPC", "url": anvil.url(), "traceSupport": "trace_transaction"}],
    }})
}

async fn inputs(anvil: &Anvil, compilers: &Compilers) -> Result<Vec<Input>> {
    let small = Project::read("Small.sol", "Small")?;
    // A governor asks its token for the time, so there must be some code.
    let compiled = deploy::compile(compilers, &small).await?;
    let token = deploy::deploy(anvil, &compiled, Vec::new()).await?;
    let token = DynSolValue::Address(token.address.parse()?);
    let account = DynSolValue::Address(alloy_primitives::Address::repeat_byte(0x11));
    let text = |text: &str| DynSolValue::String(text.to_owned());
    Ok(vec![
        Input {
            name: "small contract",
            project: small,
            arguments: Vec::new(),
        },
        Input {
            name: "OpenZeppelin ERC20 preset",
            project: Project::read("Preset.sol", "Preset")?,
            arguments: vec![account, text("Preset"), text("PRE")],
        },
        Input {
            name: "OpenZeppelin Governor",
            project: Project::read("Gov.sol", "Gov")?,
            arguments: vec![token],
        },
    ])
}

#[derive(Default)]
struct Times {
    accept: Vec<Duration>,
    total: Vec<Duration>,
    bare: Vec<Duration>,
}

async fn measure(
    anvil: &Anvil,
    compilers: &Compilers,
    client: &Client,
    input: &Input,
    rounds: usize,
) -> Result<Times> {
    let compiled = deploy::compile(compilers, &input.project).await?;
    let mut times = Times::default();
    // The first round warms both and does not count.
    for round in 0..=rounds {
        let deployed = deploy::deploy(anvil, &compiled, input.arguments.clone()).await?;
        let body = input.project.submission(Some(&deployed.transaction))?;
        let accepted = client.submit(CHAIN_ID, &deployed.address, &body).await?;
        let ended = client.wait(&accepted, ENDED_WITHIN).await?;
        if ended.job.pointer("/contract/match") != Some(&json!("exact_match")) {
            bail!("{} was not verified: {}", input.name, ended.job);
        }
        let bare = bare(compilers, &input.project).await?;
        if round > 0 {
            times.accept.push(accepted.took);
            times.total.push(ended.took);
            times.bare.push(bare);
        }
    }
    Ok(times)
}

async fn bare(compilers: &Compilers, project: &Project) -> Result<Duration> {
    let release = compilers
        .find(Compiler::Solc, &project.version)
        .context("the compiler release is not known")?;
    let selection = Selection::first(project.input.language(), &project.version);
    let text = project
        .input
        .compiler_input(&project.version, &project.target, selection);
    let started = Instant::now();
    let compilation = compilers
        .compile(&release, Engine::Wasm, text.as_bytes(), &deploy::limits())
        .await?;
    match compilation.outcome {
        Outcome::Output(_) => Ok(started.elapsed()),
        other => bail!("{}: {other:?}", project.target),
    }
}

impl Times {
    fn row(&self, name: &str) -> String {
        let total = percentile(&self.total, 50);
        let bare = percentile(&self.bare, 50);
        format!(
            "{name:<24} {:>11.1} {:>11.1} {:>10.1} {:>10.1} {bare:>10.1} {:>6.2}",
            percentile(&self.accept, 50),
            percentile(&self.accept, 95),
            total,
            percentile(&self.total, 95),
            total / bare,
        )
    }
}

/// In milliseconds, of the nearest rank.
fn percentile(times: &[Duration], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    let rank = sorted
        .len()
        .saturating_mul(percent)
        .div_ceil(100)
        .saturating_sub(1);
    sorted
        .get(rank)
        .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
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
        write_row(out, process, process.usage()?)?;
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
