//! Runs the whole system in the foreground until it is told to stop: `make stack CHAINS=file.json`. These are
//! the parts of `compose.yaml`, without containers.
//!
//! A service that ends is started again, as Cloud Run would do. Nothing is left behind: services
//! are stopped at SIGINT, SIGTERM and SIGHUP, and die with this program when it is killed.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use clap::builder::FalseyValueParser;
use local_stack::children;
use local_stack::postgres::Postgres;
use local_stack::programs::Programs;
use local_stack::prometheus::{Prometheus, Targets};
use local_stack::scheduler::{Scheduler, SchedulerConfig};
use local_stack::stack::ENGINES;
use local_stack::{Chains, Databases, Service, Stack, StackConfig};
use tokio::signal::unix::{Signal, SignalKind, signal};

const CHAINS_HELP: &str = "\
which chains should be verified? Give a file: make stack CHAINS=chains.json

  {\"31337\": {\"sourcifyName\": \"Dev chain\", \"supported\": true, \"rpc\": [\"http://127.0.0.1:8545\"]}}

The format is that of Sourcify's sourcify-chains.json. An endpoint that gives traces is written as
{\"url\": \"http://127.0.0.1:8545\", \"traceSupport\": \"trace_transaction\"}.";

const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Runs sourcerun on this machine: Postgres, both services, and local identity between them.
#[derive(Debug, Parser)]
struct Arguments {
    /// The chains, in the format of Sourcify's sourcify-chains.json
    #[arg(long, env = "CHAINS", value_name = "FILE")]
    chains: Option<PathBuf>,
    /// Where the API listens, on 127.0.0.1; 0 takes a free port
    #[arg(long, env = "PORT", default_value_t = 5555)]
    port: u16,
    /// How many public-apis run, on PORT and the ports behind it
    #[arg(long, env = "PUBLIC_APIS", default_value_t = 1)]
    public_apis: usize,
    /// How many verifiers run, each with one job at a time; by default one per processor, at most 4
    #[arg(long, env = "VERIFIERS", default_value_t = usual_verifiers())]
    verifiers: usize,
    /// A Postgres database to use instead of one of our own
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// What runs compilers; `native` too, if it is named
    #[arg(long, env = "COMPILER_ENGINES", default_value = ENGINES)]
    compiler_engines: String,
    /// Inputs for which `native` is the first choice: all, via-ir, large
    #[arg(long, env = "COMPILER_NATIVE_FOR")]
    compiler_native_for: Option<String>,
    /// A list.json of native executables to use in place of ours
    #[arg(long, env = "COMPILER_NATIVE_LIST", value_name = "FILE")]
    compiler_native_list: Option<String>,
    /// Run Prometheus too, which must be on this machine. Grafana is only in Compose: Debian has none
    #[arg(long, env = "MONITORING", value_parser = FalseyValueParser::new())]
    monitoring: bool,
    /// Where Prometheus listens, on 127.0.0.1
    #[arg(long, env = "PROMETHEUS_PORT", default_value_t = 9090)]
    prometheus_port: u16,
    /// Which log lines are written
    #[arg(long, env = "LOG", default_value = "info")]
    log: String,
    /// Where the logs are written
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
    /// End when the program that started this one ends, also when that is killed
    #[arg(long)]
    end_with_parent: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let mut end = End::listen()?;
    if arguments.end_with_parent {
        children::end_with_parent_of_this().context("following the parent")?;
    }
    let mut config = config(&arguments)?;
    // A cluster of our own ends with this program and leaves nothing.
    let postgres = match &arguments.database_url {
        Some(_) => None,
        None => Some(Postgres::start()?),
    };
    if let Some(postgres) = &postgres {
        config.databases = Databases::same(&postgres.named_database("sourcerun").await?);
    }
    let logs = config.folder.clone().unwrap_or_default();
    let mut stack = tokio::select! {
        started = Stack::start(config) => started?,
        () = end.asked() => return Ok(()),
    };
    eprintln!("logs are in {}", logs.display());
    let identity = stack.identity().address().to_string();
    let scheduler = SchedulerConfig::new(identity, stack.base_urls());
    let _scheduler = Scheduler::start(scheduler, tell_failed)?;
    let mut prometheus = start_prometheus(&arguments, &stack, &logs).await?;
    for url in stack.base_urls().iter().skip(1) {
        eprintln!("another public-api is {url}");
    }
    let mut out = std::io::stdout();
    writeln!(out, "ready {}", stack.base_url())?;
    out.flush()?;
    loop {
        tokio::select! {
            () = end.asked() => break,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
        match stack.restart_ended().await {
            Ok(names) => names
                .iter()
                .for_each(|name| eprintln!("{name} ended; started again")),
            Err(error) => eprintln!("{error:#}"),
        }
        if let Some(Err(error)) = prometheus.as_mut().map(|p| p.follow(&targets(&stack))) {
            eprintln!("{error:#}");
        }
    }
    for (name, ended) in stack.stop().await? {
        eprintln!("{name}: {ended:?}");
    }
    Ok(())
}

async fn start_prometheus(
    arguments: &Arguments,
    stack: &Stack,
    logs: &Path,
) -> Result<Option<Prometheus>> {
    if !arguments.monitoring {
        return Ok(None);
    }
    let folder = logs.join("prometheus");
    let prometheus = Prometheus::start(&folder, arguments.prometheus_port, &targets(stack)).await?;
    eprintln!("Prometheus is {}", prometheus.url());
    Ok(Some(prometheus))
}

/// By their programs' names, which are the names of Prometheus's jobs.
fn targets(stack: &Stack) -> Targets {
    let mut targets = Targets::new();
    for process in stack.processes() {
        let name = match process.name().starts_with("public-api") {
            true => "public-api",
            false => "internal-verifier",
        };
        targets.entry(name).or_default().push(process.address());
    }
    targets
}

fn tell_failed(url: &str, given: &Result<()>) {
    if let Err(error) = given {
        eprintln!("the scheduler's {url}: {error:#}");
    }
}

fn usual_verifiers() -> usize {
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(4)
}

fn config(arguments: &Arguments) -> Result<StackConfig> {
    let chains = arguments.chains.clone();
    let Some(chains) = chains.filter(|path| !path.as_os_str().is_empty()) else {
        bail!(CHAINS_HELP);
    };
    if !chains.is_file() {
        bail!("there is no file {}: {CHAINS_HELP}", chains.display());
    }
    for (name, number) in [
        ("VERIFIERS", arguments.verifiers),
        ("PUBLIC_APIS", arguments.public_apis),
    ] {
        if number == 0 {
            bail!("{name} must be at least 1");
        }
    }
    let database = arguments.database_url.as_deref().unwrap_or_default();
    let logs = match &arguments.logs {
        Some(folder) => folder.clone(),
        None => Programs::beside_this_one()?.target_folder().join("stack"),
    };
    let mut config = StackConfig::new(Chains::File(chains), Databases::same(database));
    config.port = arguments.port;
    config.public_apis = arguments.public_apis;
    config.verifiers = arguments.verifiers;
    config.log.clone_from(&arguments.log);
    config.folder = Some(logs);
    let settings = [
        ("COMPILER_ENGINES", Some(&arguments.compiler_engines)),
        (
            "COMPILER_NATIVE_FOR",
            arguments.compiler_native_for.as_ref(),
        ),
        (
            "COMPILER_NATIVE_LIST",
            arguments.compiler_native_list.as_ref(),
        ),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            config = config.with(Service::InternalVerifier, name, value);
        }
    }
    Ok(config)
}

/// The signals that mean: stop.
struct End([Signal; 3]);

impl End {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
