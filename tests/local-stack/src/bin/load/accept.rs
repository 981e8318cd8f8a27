//! What a request waits for its 202 while all verifiers compile.
//!
//! The verifiers are kept at work by jobs that were accepted before, each of a client of its own: the requests
//! whose times are taken become rows that wait behind them.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use local_stack::replay_chain::ReplayChain;
use local_stack::times::percentile;
use local_stack::{Chains, Databases, Service, Stack, StackConfig};

use crate::contracts::{CHAIN_ID, Contract};
use crate::memory::Watch;
use crate::open_loop::{Answers, Target};
use crate::server::{Jobs, Server};

const GOAL_MS: f64 = 50.0;
const AT_WORK_WITHIN: Duration = Duration::from_secs(60);
/// Far from the addresses of those whose times are taken.
const LONG_FROM: usize = 1 << 32;
const WARMING_FROM: usize = 1 << 33;

pub(crate) struct Load {
    pub(crate) rate: u32,
    pub(crate) seconds: u32,
    pub(crate) verifiers: usize,
}

/// # Errors
/// When a request was not taken, or a job did not end well.
pub(crate) async fn write_accepts(
    out: &mut impl Write,
    server: &Server,
    [small, long]: [&Contract; 2],
    load: &Load,
) -> Result<()> {
    let chain = ReplayChain::start(CHAIN_ID)?;
    let database = server.fresh_database().await?;
    let jobs = Jobs::of(database.url()).await?;
    let stack = Stack::start(config(&chain, database.url(), load.verifiers)).await?;
    let target = Target::new(stack.base_url())?;
    let mut watch = Watch::at_rest(server, &stack)?;

    // What happens once per process, such as the first connections, is not what is asked for.
    let warming = small.requests(&chain, WARMING_FROM..WARMING_FROM + 50)?;
    target.send_all(warming).await?;
    jobs.wait_for(AT_WORK_WITHIN, |count| count.open == 0)
        .await?;
    let before = watch.compilers_cpu()?;
    let enough = long_jobs(load, long.compile);
    // One of a client: they come before all that is accepted later.
    let waiting = (LONG_FROM..).step_by(100).take(enough);
    let waiting = waiting.map(|number| long.request(&chain, number));
    target.send_all(waiting.collect::<Result<_>>()?).await?;
    let all = i64::try_from(load.verifiers)?;
    jobs.wait_for(AT_WORK_WITHIN, |count| count.running == all)
        .await?;

    let count = usize::try_from(load.rate.saturating_mul(load.seconds))?;
    let requests = small.requests(&chain, 1..count + 1)?;
    let rate = load.rate;
    let sending = tokio::spawn(async move { target.send_at_rate(requests, rate).await });
    let answers = watch.during(&jobs, sending).await???;
    let cpu = watch.compilers_cpu()?.saturating_sub(before);
    let after = jobs.count().await?;

    write_answers(out, load, &answers)?;
    writeln!(
        out,
        "meanwhile {:.2} of {} verifiers had a job on average, each {:.1} s of compiler by itself; compilers used \
         {:.1} s of processor",
        watch.mean_running(),
        load.verifiers,
        long.compile.as_secs_f64(),
        cpu.as_secs_f64(),
    )?;
    watch.write(out)?;
    let taken = i64::try_from(count + enough + 50)?;
    stack.stop().await?;
    ensure!(
        answers.refused == 0,
        "{} requests were not taken: {}",
        answers.refused,
        answers.refusal.unwrap_or_default()
    );
    ensure!(after.failed == 0, "failed: {}", jobs.failures().await?);
    ensure!(
        after.open + after.succeeded == taken,
        "{taken} requests were taken, and there are {after:?}"
    );
    Ok(())
}

fn config(chain: &ReplayChain, database_url: &str, verifiers: usize) -> StackConfig {
    let chains = Chains::Document(chain.chains());
    let mut config = StackConfig::new(chains, Databases::same(database_url));
    config.verifiers = verifiers;
    config
        .with(Service::PublicApi, "TRUSTED_PROXIES", "1")
        .with(Service::PublicApi, "MAX_OPEN_JOBS", "1000000")
        .with(
            Service::PublicApi,
            "DISPATCHES_AT_ONCE",
            &verifiers.to_string(),
        )
}

/// So many that they last until the end, whatever else goes on.
fn long_jobs(load: &Load, compile: Duration) -> usize {
    let seconds = f64::from(load.seconds) / compile.as_secs_f64();
    let each = (1..).find(|jobs| f64::from(*jobs) > seconds).unwrap_or(1);
    let each = usize::try_from(each).unwrap_or(1);
    load.verifiers.saturating_mul(each.saturating_add(2))
}

fn write_answers(out: &mut impl Write, load: &Load, answers: &Answers) -> Result<()> {
    let slowest = answers.times.iter().max().context("there are no times")?;
    let p99 = percentile(&answers.times, 99);
    writeln!(
        out,
        "{:<24} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "accept, ms", "a second", "p50", "p95", "p99", "most", "refused"
    )?;
    writeln!(
        out,
        "{:<24} {:>9.1} {:>8.1} {:>8.1} {p99:>8.1} {:>8.1} {:>8}",
        format!("{} a second, {} s", load.rate, load.seconds),
        answers.a_second,
        percentile(&answers.times, 50),
        percentile(&answers.times, 95),
        slowest.as_secs_f64() * 1000.0,
        answers.refused,
    )?;
    let is_above = if p99 < GOAL_MS { "within" } else { "above" };
    writeln!(out, "p99 is {is_above} the goal of {GOAL_MS} ms")?;
    Ok(())
}
