//! What the database is asked: for one job from its acceptance to its end, and while nothing happens.

use std::io::Write;
use std::time::Duration;

use anyhow::{Result, ensure};
use common::db::{Database, DatabaseConfig, jobs};
use local_stack::replay_chain::ReplayChain;
use local_stack::times::percentile;

use crate::contracts::CHAIN_ID;
use crate::server::{Counted, Jobs, Server};
use crate::throughput::{FixedCompiler, Round, start};

const AGAIN_AFTER: Duration = Duration::from_secs(45);
const TAKEN: usize = 20;

/// # Errors
/// When writing fails.
pub(crate) fn write_per_job(out: &mut impl Write, round: &Round) -> Result<()> {
    let jobs = f64::from(u32::try_from(round.jobs)?);
    writeln!(
        out,
        "\n{:<42} {:>8} {:>8}",
        "statement, one verifier", "a job", "ms each"
    )?;
    let (ends, asked): (Vec<_>, Vec<_>) = round.statements.iter().partition(|one| one.is_end());
    for one in &asked {
        writeln!(
            out,
            "{:<42} {:>8.2} {:>8.3}",
            one.name,
            number(one.calls) / jobs,
            one.total_ms / number(one.calls),
        )?;
    }
    let sum = |all: &[&Counted]| all.iter().map(|one| number(one.calls)).sum::<f64>() / jobs;
    writeln!(
        out,
        "a job: {:.1} statements and {:.1} beginnings and ends of transactions, in the server {:.2} ms; {:.1} \
         transactions that write, {:.1} KB of log",
        sum(&asked),
        sum(&ends),
        round.statements.iter().map(|one| one.total_ms).sum::<f64>() / jobs,
        number(round.transactions) / jobs,
        number(round.wal_bytes) / jobs / 1024.0,
    )?;
    Ok(())
}

/// One public-api and one verifier without any job.
///
/// # Errors
/// When something does not start or answer.
pub(crate) async fn write_idle(
    out: &mut impl Write,
    server: &Server,
    compiler: &FixedCompiler,
    seconds: u32,
) -> Result<()> {
    let chain = ReplayChain::start(CHAIN_ID)?;
    let database = server.fresh_database().await?;
    let stack = start(compiler, &chain, database.url(), 1).await?;
    server.forget_statements().await?;
    tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
    let statements = server.statements(database.url()).await?;
    let probe = Jobs::of(database.url()).await?.probe().await?;
    stack.stop().await?;
    let a_second = |count: f64| count / f64::from(seconds);
    writeln!(
        out,
        "\n{:<42} {:>8} {:>8}",
        "statement, no jobs", "a second", "ms each"
    )?;
    for one in &statements {
        let calls = number(one.calls);
        let each = one.total_ms / calls;
        writeln!(out, "{:<42} {:>8.2} {each:>8.3}", one.name, a_second(calls))?;
    }
    writeln!(
        out,
        "in all {:.2} a second over {seconds} s; the empty question to a connection that was not used for 100 ms \
         takes {:.3} ms",
        a_second(number(statements.iter().map(|one| one.calls).sum())),
        probe.as_secs_f64() * 1000.0,
    )?;
    Ok(())
}

/// Taking one due row, of more and more.
///
/// # Errors
/// When the server refuses.
pub(crate) async fn write_turns(out: &mut impl Write, server: &Server, rows: &[u32]) -> Result<()> {
    writeln!(
        out,
        "\n{:<42} {:>8} {:>8}",
        "jobs/take_due, rows that wait", "p50 ms", "most ms"
    )?;
    for &count in rows {
        let fresh = server.fresh_database().await?;
        Jobs::of(fresh.url()).await?.fill(count).await?;
        let database = Database::new(DatabaseConfig::new(fresh.url(), "load"))?;
        let mut times = Vec::new();
        for _ in 0..TAKEN {
            let began = std::time::Instant::now();
            let taken = jobs::take_due(&database, 1, AGAIN_AFTER).await?;
            ensure!(taken.len() == 1, "of {count} rows none was due any more");
            times.push(began.elapsed());
        }
        writeln!(
            out,
            "{count:<42} {:>8.2} {:>8.2}",
            percentile(&times, 50),
            percentile(&times, 100)
        )?;
    }
    Ok(())
}

impl Counted {
    /// The beginning or the end of a transaction.
    fn is_end(&self) -> bool {
        let words = ["BEGIN", "START", "COMMIT", "ROLLBACK"];
        words.iter().any(|word| self.name.starts_with(word))
    }
}

fn number(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
