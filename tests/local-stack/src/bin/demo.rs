//! `make demo`: the whole system verifies real contracts before your eyes.
//!
//! Starts Postgres, a development chain, identity and both services; deploys a token of `OpenZeppelin`,
//! a factory and its child; verifies them through the public API; prints what came out. It stays for
//! you to look around until Ctrl-C; with `--once` it ends, and its status says whether all were exact.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::U256;
use anyhow::Result;
use clap::Parser;
use compiler::Compilers;
use local_stack::anvil::Anvil;
use local_stack::children;
use local_stack::client::{Client, Ended};
use local_stack::deploy::{self, Deployed};
use local_stack::postgres::Postgres;
use local_stack::programs::Programs;
use local_stack::project::Project;
use local_stack::{Chains, Databases, Stack, StackConfig};
use serde_json::{Value, json};

const CHAIN_ID: u64 = 31337;
const ENDED_WITHIN: Duration = Duration::from_secs(300);

/// Verifies real contracts with the whole system on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// End when the contracts are verified; the exit status is 0 only if all were exact matches
    #[arg(long)]
    once: bool,
    /// Where the API listens, on 127.0.0.1; 0 takes a free port
    #[arg(long, env = "PORT", default_value_t = 5555)]
    port: u16,
    /// End when the program that started this one ends, also when that is killed
    #[arg(long)]
    end_with_parent: bool,
}

/// A contract on the chain with the project it is made from.
struct Subject {
    name: &'static str,
    project: Project,
    deployed: Deployed,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(status) => status,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    if arguments.end_with_parent {
        children::end_with_parent_of_this()?;
    }
    let mut out = std::io::stdout();
    eprintln!("starting a chain, Postgres and both services");
    let anvil = Anvil::start(CHAIN_ID, &[]).await?;
    let postgres = Postgres::start()?;
    let database = postgres.fresh_database().await?;
    let mut config = StackConfig::new(
        Chains::Document(chains(&anvil)),
        Databases::same(database.url()),
    );
    config.port = arguments.port;
    eprintln!(
        "compiling and deploying the contracts (a compiler that is new here is prepared first, once)"
    );
    let compilers = Compilers::open(Programs::beside_this_one()?.compilers()?)?;
    let subjects = deploy_all(&anvil, &compilers).await?;
    let stack = Stack::start(config).await?;
    let base_url = stack.base_url();
    let client = Client::new(&base_url)?;
    let mut all_exact = true;
    writeln!(out, "\n{}", Row::HEAD)?;
    for subject in &subjects {
        let row = verify(&client, &stack, subject).await?;
        all_exact &= row.is_exact();
        writeln!(out, "{row}")?;
    }
    writeln!(
        out,
        "\nmilliseconds; `accept` is the answer to the submission, `total` from it to the end of the job"
    )?;
    for subject in &subjects {
        let address = &subject.deployed.address;
        writeln!(
            out,
            "{base_url}/v2/contract/{CHAIN_ID}/{address}?fields=all"
        )?;
    }
    out.flush()?;
    if !arguments.once {
        eprintln!(
            "\nThe system stays at {base_url} until Ctrl-C; logs are in {}",
            stack.folder().display()
        );
        common::signals::asked_to_stop().await?;
    }
    stack.stop().await?;
    Ok(if all_exact {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn chains(anvil: &Anvil) -> Value {
    json!({CHAIN_ID.to_string(): {
        "sourcifyName": "Demo chain",
        "supported": true,
        "rpc": [{"type": "BaseRPC", "url": anvil.url(), "traceSupport": "trace_transaction"}],
    }})
}

async fn deploy_all(anvil: &Anvil, compilers: &Compilers) -> Result<Vec<Subject>> {
    let token = Project::read("Token.sol", "Token")?;
    let arguments = vec![
        DynSolValue::String("Demo Token".to_owned()),
        DynSolValue::String("DEMO".to_owned()),
        DynSolValue::Uint(U256::from(6), 8),
        DynSolValue::Uint(U256::from(1_000_000), 256),
    ];
    let deployed_token =
        deploy::deploy(anvil, &deploy::compile(compilers, &token).await?, arguments).await?;

    let factory = Project::read("Factory.sol", "Factory")?;
    let compiled = deploy::compile(compilers, &factory).await?;
    let deployed_factory = deploy::deploy(anvil, &compiled, Vec::new()).await?;
    let number = vec![DynSolValue::Uint(U256::from(42), 256)];
    let transaction =
        deploy::transact(anvil, &deployed_factory.address, "make(uint256)", number).await?;
    let address = deploy::read_address(anvil, &deployed_factory.address, "last()").await?;
    let deployed_child = Deployed {
        address,
        transaction,
    };
    let child = Project::read("Factory.sol", "Child")?;
    Ok(vec![
        Subject {
            name: "OpenZeppelin token",
            project: token,
            deployed: deployed_token,
        },
        Subject {
            name: "Factory",
            project: factory,
            deployed: deployed_factory,
        },
        Subject {
            name: "Its child",
            project: child,
            deployed: deployed_child,
        },
    ])
}

async fn verify(client: &Client, stack: &Stack, subject: &Subject) -> Result<Row> {
    let address = &subject.deployed.address;
    let body = subject
        .project
        .submission(Some(&subject.deployed.transaction))?;
    let accepted = client.submit(CHAIN_ID, address, &body).await?;
    let ended = client.wait(&accepted, ENDED_WITHIN).await?;
    Ok(Row {
        name: subject.name,
        accept: accepted.took,
        log: finished_line(stack, &accepted.id),
        ended,
    })
}

/// The verifier's own account of the job.
fn finished_line(stack: &Stack, id: &str) -> Option<Value> {
    let mut lines = stack.processes().flat_map(|process| process.lines());
    lines.find(|line| {
        let has = |name: &str, value: &str| line.get(name).and_then(Value::as_str) == Some(value);
        has("event", "job_finished") && has("job_id", id)
    })
}

struct Row {
    name: &'static str,
    accept: Duration,
    ended: Ended,
    log: Option<Value>,
}

impl Row {
    const HEAD: &'static str =
        "contract             creation      runtime         accept  compile   match    total";

    fn level(&self, side: &str) -> &str {
        let level = self
            .ended
            .job
            .get("contract")
            .and_then(|contract| contract.get(side));
        level.and_then(Value::as_str).unwrap_or("none")
    }

    fn is_exact(&self) -> bool {
        ["creationMatch", "runtimeMatch"]
            .iter()
            .all(|side| self.level(side) == "exact_match")
    }

    fn logged_ms(&self, name: &str, digits: usize) -> String {
        let value = self
            .log
            .as_ref()
            .and_then(|line| line.get(name))
            .and_then(Value::as_f64);
        value.map_or_else(
            || "?".to_owned(),
            |milliseconds| format!("{milliseconds:.digits$}"),
        )
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:<20} {:<13} {:<13} {:>8} {:>8} {:>7} {:>8}",
            self.name,
            self.level("creationMatch"),
            self.level("runtimeMatch"),
            milliseconds(self.accept),
            self.logged_ms("compile_ms", 1),
            self.logged_ms("match_ms", 2),
            milliseconds(self.ended.took),
        )?;
        match self.ended.job.get("error") {
            Some(error) => write!(f, "  {}", error.get("message").unwrap_or(error)),
            None => Ok(()),
        }
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1000.0)
}
