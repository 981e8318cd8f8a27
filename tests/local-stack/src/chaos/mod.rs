//! Chaos: clients verify real contracts while everything is killed, frozen and cut, and in the end every
//! promise is looked after.
//!
//! Which fault happens when is decided by a seed (`schedule`), and so is who submits what (`workload`). Whom a
//! fault hits among those that live at that moment is not: the machine's speed decides that, so the same seed is
//! the same weather, not the same run. A run that found a fault names its seed and keeps its logs.

mod breaker;
mod clients;
mod judge;
mod random;
mod report;
mod schedule;
mod system;
mod waits;
mod workload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::join_all;

use self::breaker::Done;
use self::clients::Api;
use self::judge::Judge;
use self::random::Random;
pub use self::report::Report;
pub use self::schedule::{
    BadAnswer, Fault, Harm, Planned, Trouble, USUAL_GAP, Victim, Way, plan as plan_faults,
};
use self::system::System;
use crate::cases::Case;

/// After the last fault jobs may wait for their turn, but not for ever.
const ENDS_WITHIN: Duration = Duration::from_secs(300);

/// What to do, and for how long.
#[derive(Debug, Clone)]
pub struct ChaosConfig {
    pub seed: u64,
    pub jobs: usize,
    /// Of the faults; clients submit during nine tenths of it.
    pub duration: Duration,
    /// Between two faults, on the mean.
    pub gap: Duration,
    /// Where the cases are.
    pub cases: PathBuf,
    /// Where logs go; `None`: a folder that is removed at the end, unless a test fails.
    pub logs: Option<PathBuf>,
}

/// In what the run differs from production.
#[must_use]
pub fn settings() -> String {
    system::settings()
}

/// Brings the system up, lets it suffer, lets it recover, and looks.
///
/// # Errors
/// When the system does not start, or Postgres does not start again.
pub async fn run(config: &ChaosConfig) -> Result<Report> {
    let cases = Case::read_all(&config.cases)?;
    let mut random = Random::new(config.seed);
    let submitting = config.duration.mul_f64(0.9);
    let wishes = workload::wishes(&cases, config.jobs, submitting, &mut random.fork());
    let planned = schedule::plan(config.seed, config.duration, config.gap);
    let system = Arc::new(System::start(config.logs.clone()).await?);
    for wish in &wishes {
        system.chain.hold(wish.case.contract.clone());
    }
    let lasts = config.duration.saturating_add(ENDS_WITHIN);
    let api = Arc::new(Api::new(system.url(), lasts)?);
    let done = Arc::new(Done::default());
    let wishes: Vec<_> = wishes.into_iter().map(Arc::new).collect();
    let clients = wishes.iter().map(|wish| {
        let pursued = clients::pursue(Arc::clone(&api), Arc::clone(wish));
        tokio::spawn(pursued)
    });
    let clients = join_all(clients.collect::<Vec<_>>());
    let breaking = breaker::carry_out(planned, &system, &done);
    let (heard, broken) = tokio::join!(clients, breaking);
    broken?;
    let heard = heard.into_iter().collect::<Result<Vec<_>, _>>()?;
    let wishes: Vec<_> = wishes
        .iter()
        .map(|wish| wish.as_ref().clone())
        .zip(heard)
        .collect();
    tell_faults(&system, &done)?;
    let judge = Judge {
        system: &system,
        http: &api.http,
        wishes: &wishes,
        done: &done,
    };
    judge.wait_for_all(ENDS_WITHIN).await?;
    let report = judge.judge().await?;
    let system = Arc::into_inner(system).context("somebody still holds the system")?;
    system.stack.stop().await?;
    Ok(report)
}

/// For whoever looks for a cause: when what happened to whom.
fn tell_faults(system: &System, done: &Done) -> Result<()> {
    let mut lines = String::new();
    for hit in done.hits() {
        let jobs = hit.jobs.unwrap_or_default().join(" ");
        lines.push_str(&format!("{:.3} {} {jobs}\n", hit.at, hit.kind));
    }
    std::fs::write(system.stack.folder().join("faults.txt"), lines)?;
    Ok(())
}
