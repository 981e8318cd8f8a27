//! The stand-in for Cloud Scheduler as a program.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use local_stack::say::say;
use local_stack::scheduler::{Scheduler, SchedulerConfig, give_all};
use serde_json::json;

/// Orders upkeep as Cloud Scheduler does, with a token of local identity: a sweep each minute, and each day
/// that what is old is deleted. For local use only.
#[derive(Debug, Parser)]
struct Arguments {
    /// Each public-api, separated by commas, as in http://host:port
    #[arg(
        long,
        env = "TARGETS",
        value_delimiter = ',',
        required = true,
        value_name = "URLS"
    )]
    targets: Vec<String>,
    /// Where local identity is
    #[arg(long, env = "GCE_METADATA_HOST", value_name = "HOST:PORT")]
    identity: String,
    /// Seconds between two sweeps
    #[arg(long, env = "SWEEP_EVERY_S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    sweep_every_s: u64,
    /// Seconds until what is old is deleted again
    #[arg(long, env = "EXPIRE_EVERY_S", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..))]
    expire_every_s: u64,
    /// Give each order once, and end; with an error if one failed
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local-scheduler: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let config = SchedulerConfig {
        sweep_every: Duration::from_secs(arguments.sweep_every_s),
        expire_every: Duration::from_secs(arguments.expire_every_s),
        ..SchedulerConfig::new(arguments.identity, arguments.targets)
    };
    if arguments.once {
        let failed = give_all(&config, tell).await?;
        ensure!(failed == 0, "{failed} orders failed");
        return Ok(());
    }
    let _scheduler = Scheduler::start(config, tell)?;
    let asked = common::signals::asked_to_stop().await;
    asked.context("waiting for signals")
}

fn tell(url: &str, given: &Result<()>) {
    let (severity, message) = match given {
        Ok(()) => ("INFO", "carried out".to_owned()),
        Err(error) => ("WARNING", format!("{error:#}")),
    };
    say(&json!({"severity": severity, "event": "ordered", "url": url, "message": message}));
}
