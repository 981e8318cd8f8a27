//! `make clients`: programs that people verify with, unmodified, against the whole system.
//!
//! Starts Postgres, a development chain, identity and both services; then forge and Hardhat deploy
//! contracts of ours and verify them as their users do. Each scenario is a line, and its time; after
//! a success the public API must show what was verified. The clients come from npm with pinned
//! versions, because a new one may send something else. Each has a home and a project in a folder
//! that is removed at the end, and no way to the network.

mod forge;
mod hardhat;
mod packages;
mod report;
mod stage;
mod walls;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use local_stack::children;

use crate::forge::Forge;
use crate::hardhat::Hardhat;
use crate::report::Report;
use crate::stage::Stage;

/// Runs forge and Hardhat, as users have them, against the whole system on this machine.
///
/// The last line is `N passed, M failed`; the exit status is 0 only if none failed.
#[derive(Debug, Parser)]
struct Arguments {
    /// End when the program that started this one ends, also when that is killed
    #[arg(long)]
    end_with_parent: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Whatever ends it early, nothing of it is left: the future is dropped with all that it holds.
    let ended = tokio::select! {
        ended = run(&arguments) => ended,
        stopped = common::signals::asked_to_stop() => match stopped {
            Ok(()) => return ExitCode::FAILURE,
            Err(error) => Err(error.into()),
        },
    };
    match ended {
        Ok(report) if report.has_failures() => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clients: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Report> {
    if arguments.end_with_parent {
        children::end_with_parent_of_this()?;
    }
    eprintln!("starting a chain, Postgres and both services");
    let stage = Stage::start().await?;
    let mut report = Report::default();
    forge::run_all(&Forge::new(&stage)?, &mut report).await?;
    hardhat::run_all(&Hardhat::new(&stage)?, &mut report).await?;
    let services = async { stage.nothing_alarming() };
    report
        .show("services: nothing alarming logged", services)
        .await?;
    report.close()?;
    stage.stop(&report).await?;
    Ok(report)
}
