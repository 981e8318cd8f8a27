//! Jobs a second, with a compiler that takes a fixed time and no processor: what the way around it costs,
//! and whether more verifiers do more.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use local_stack::replay_chain::ReplayChain;
use local_stack::{Chains, Databases, Service, Stack, StackConfig};
use tempfile::TempDir;

use crate::contracts::{CHAIN_ID, Contract};
use crate::open_loop::Target;
use crate::server::{Counted, Jobs, Server, Written};

const ENDED_WITHIN: Duration = Duration::from_secs(120);
const MEASURED_FROM: usize = 1 << 20;

/// The stand-in, installed with what it answers.
pub(crate) struct FixedCompiler {
    folder: TempDir,
    wait_ms: u64,
}

/// One round.
pub(crate) struct Round {
    pub(crate) jobs: usize,
    pub(crate) a_second: f64,
    pub(crate) statements: Vec<Counted>,
    pub(crate) transactions: i64,
    pub(crate) wal_bytes: i64,
}

impl FixedCompiler {
    /// # Errors
    /// When it has not been built.
    pub(crate) fn install(contract: &Contract, wait_ms: u64) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let built = std::env::current_exe()?.with_file_name("fixed-compiler");
        let installed = folder.path().join("fixed-compiler");
        fs::copy(&built, installed).with_context(|| format!("copying {}", built.display()))?;
        fs::write(folder.path().join("output.json"), &contract.output)?;
        fs::write(folder.path().join("wait_ms"), wait_ms.to_string())?;
        Ok(Self { folder, wait_ms })
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("fixed-compiler")
    }
}

/// A stack whose compiler is the stand-in.
pub(crate) async fn start(
    compiler: &FixedCompiler,
    chain: &ReplayChain,
    database_url: &str,
    verifiers: usize,
) -> Result<Stack> {
    let chains = Chains::Document(chain.chains());
    let mut config = StackConfig::new(chains, Databases::same(database_url));
    config.verifiers = verifiers;
    let program = compiler.program();
    let public_api = Service::PublicApi;
    let config = config
        .with(
            Service::InternalVerifier,
            "COMPILER_HOST",
            &program.to_string_lossy(),
        )
        .with(public_api, "TRUSTED_PROXIES", "1")
        .with(public_api, "MAX_OPEN_JOBS", "1000000")
        .with(public_api, "DISPATCHES_AT_ONCE", &verifiers.to_string());
    Stack::start(config).await
}

/// Gives the rounds, one for each number of verifiers.
///
/// # Errors
/// When a job did not end well.
pub(crate) async fn write_throughput(
    out: &mut impl Write,
    server: &Server,
    small: &Contract,
    compiler: &FixedCompiler,
    (verifiers, jobs_each): (&[usize], usize),
) -> Result<Vec<Round>> {
    writeln!(
        out,
        "\n{:<24} {:>8} {:>9} {:>10} {:>9} {:>12}",
        "verifiers", "jobs", "a second", "of 1", "of ideal", "beside, ms"
    )?;
    let mut rounds: Vec<Round> = Vec::new();
    for &count in verifiers {
        let round = run(server, small, compiler, count, jobs_each).await?;
        let at_once = f64::from(u32::try_from(count)?);
        let wait = Duration::from_millis(compiler.wait_ms).as_secs_f64();
        let first = rounds.first().unwrap_or(&round);
        writeln!(
            out,
            "{count:<24} {:>8} {:>9.2} {:>10.2} {:>8.0}% {:>12.1}",
            round.jobs,
            round.a_second,
            round.a_second / first.a_second,
            round.a_second * wait / at_once * 100.0,
            (at_once / round.a_second - wait) * 1000.0,
        )?;
        out.flush()?;
        rounds.push(round);
    }
    writeln!(
        out,
        "a compiler that waits {} ms; of 1: in relation to the first line; ideal: nothing but compiling; beside: \
         what a verifier spends on a job besides",
        compiler.wait_ms
    )?;
    Ok(rounds)
}

async fn run(
    server: &Server,
    small: &Contract,
    compiler: &FixedCompiler,
    verifiers: usize,
    jobs_each: usize,
) -> Result<Round> {
    let chain = ReplayChain::start(CHAIN_ID)?;
    let database = server.fresh_database().await?;
    let sql = Jobs::of(database.url()).await?;
    let stack = start(compiler, &chain, database.url(), verifiers).await?;
    let target = Target::new(stack.base_url())?;
    // Each verifier gets some: what is done once per process is not asked for.
    let warming = small.requests(&chain, 0..verifiers * 2)?;
    target.send_all(warming).await?;
    sql.wait_for(ENDED_WITHIN, |count| count.open == 0).await?;

    let jobs = verifiers * jobs_each;
    let measured = small.requests(&chain, MEASURED_FROM..MEASURED_FROM + jobs)?;
    server.forget_statements().await?;
    let before = sql.written().await?;
    target.send_all(measured).await?;
    sql.wait_for(ENDED_WITHIN, |count| count.open == 0).await?;
    let took = sql.took(MEASURED_FROM).await?;
    let Written {
        transactions,
        wal_bytes,
    } = sql.written().await?;
    let statements = server.statements(database.url()).await?;
    stack.stop().await?;
    Ok(Round {
        jobs,
        a_second: f64::from(u32::try_from(jobs)?) / took.as_secs_f64(),
        statements,
        transactions: transactions - before.transactions,
        wal_bytes: wal_bytes - before.wal_bytes,
    })
}
