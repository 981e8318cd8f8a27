//! What `scripts/images` runs: cases verified through the services' images, and how fast they start.
//!
//! The services are those beside this program, as for all programs here: `scripts/images` puts scripts
//! there that enter an image. The database and everything else is this machine's.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use local_stack::cases::{Case, Outcome, Report, Runner};
use local_stack::client::Client;
use local_stack::process::{Process, ProcessSpec};
use local_stack::replay_chain::ReplayChain;
use local_stack::times::percentile;
use local_stack::{Chains, Databases, Stack, StackConfig};

const CHAIN_ID: u64 = 1;
const LIMIT: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_millis(1);
const STARTS: usize = 5;

/// Verifies cases with the programs beside this one, and times their start.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder of cases
    #[arg(long)]
    cases: PathBuf,
    /// Only those of these releases, the ones in the image: "0.8.28 vyper-0.4.0"
    #[arg(long, value_delimiter = ' ', num_args = 1..)]
    releases: Vec<String>,
    /// Where logs are written; the services read from it
    #[arg(long)]
    folder: PathBuf,
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(report) if report.has_failures() => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("images: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<Report> {
    let mut cases = Case::read_all(&arguments.cases)?;
    cases.retain(|case| is_of(case, &arguments.releases));
    if cases.is_empty() {
        bail!("no case is of these releases");
    }
    let chain = ReplayChain::start(CHAIN_ID)?;
    for case in &cases {
        chain.hold(case.contract.clone());
    }
    let mut config = StackConfig::new(
        Chains::Document(chain.chains()),
        Databases::same(&arguments.database_url),
    );
    config.folder = Some(arguments.folder);
    let stack = Stack::start(config).await?;
    let mut out = std::io::stdout();
    let runner = Runner {
        client: Client::new(&stack.base_url())?,
        chain_id: CHAIN_ID,
        limit: LIMIT,
    };
    let report = verify_all(&runner, &cases, &mut out).await?;
    tell_starts(&stack, &mut out).await?;
    stack.stop().await.context("stopping the stack")?;
    Ok(report)
}

fn is_of(case: &Case, releases: &[String]) -> bool {
    let version = case.compiler_version.as_str();
    releases.iter().any(|release| {
        let number = release.strip_prefix("vyper-").unwrap_or(release);
        version
            .strip_prefix(number)
            .is_some_and(|rest| rest.starts_with('+'))
    })
}

/// One after another, as one instance does; the first finds a verifier that has just started.
async fn verify_all(runner: &Runner, cases: &[Case], out: &mut impl Write) -> Result<Report> {
    let mut report = Report::default();
    let mut took = Vec::new();
    for case in cases {
        let outcome: Outcome<'_> = runner.run(case).await;
        took.push(outcome.took);
        if let Some(line) = report.add(&outcome) {
            writeln!(out, "{line}")?;
        }
    }
    if let Some((first, others)) = took.split_first() {
        writeln!(
            out,
            "verification: the first {:.0} ms, median of {} others {:.0} ms",
            first.as_secs_f64() * 1000.0,
            others.len(),
            percentile(others, 50)
        )?;
    }
    writeln!(out, "{report}")?;
    Ok(report)
}

/// From the start of the process, in an image whose files the system has read before.
async fn tell_starts(stack: &Stack, out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "{:<18} {:>8} {:>8}   milliseconds from the start, median of {STARTS}",
        "", "/health", "/ready"
    )?;
    let verifier = stack.verifier(0).context("there is no verifier")?;
    for process in [&*stack.public_api(), verifier] {
        let mut health = Vec::new();
        let mut ready = Vec::new();
        for _ in 0..STARTS {
            let started = Instant::now();
            let instance = Process::start(another(process.spec())).await?;
            health.extend(answered(&instance, "/health", started).await?);
            ready.extend(answered(&instance, "/ready", started).await?);
            instance.stop().await?;
        }
        // A service without such a route has no time for it.
        let ready = match ready.is_empty() {
            true => "-".to_owned(),
            false => format!("{:.0}", percentile(&ready, 50)),
        };
        let health = percentile(&health, 50);
        writeln!(out, "{:<18} {health:>8.0} {ready:>8}", process.name())?;
    }
    Ok(())
}

/// The same on a free port.
fn another(spec: &ProcessSpec) -> ProcessSpec {
    let mut spec = spec.clone();
    spec.environment.push(("PORT".to_owned(), "0".to_owned()));
    spec
}

/// How long after the start it was; `None` if there is no such route.
async fn answered(instance: &Process, path: &str, started: Instant) -> Result<Option<Duration>> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://{}{path}", instance.address());
    loop {
        let answer = http.get(&url).send().await;
        match answer.map(|answer| answer.status().as_u16()) {
            Ok(200) => return Ok(Some(started.elapsed())),
            Ok(404) => return Ok(None),
            other if started.elapsed() > LIMIT => bail!("{url} was answered {other:?}"),
            _ => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}
