//! What the clients meet: the running system, its chain, and what must be true after a verification.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use compiler::{Compilers, Engine};
use local_stack::anvil::Anvil;
use local_stack::client::Client;
use local_stack::postgres::{Postgres, TestDatabase};
use local_stack::programs::Programs;
use local_stack::run::{self, Ran};
use local_stack::{Chains, Databases, Stack, StackConfig};
use serde_json::json;
use tempfile::TempDir;
use verification::compiler::Compiler;

use crate::packages;
use crate::report::Report;
use crate::walls::Walls;

/// Hardhat refuses to verify on the usual development chains, 31337 and 1337.
pub(crate) const CHAIN_ID: u64 = 7_357_001;

/// One call of a client: it compiles, submits and asks until the job has ended.
const CLIENT_LIMIT: Duration = Duration::from_secs(180);

/// Everything that runs.
pub(crate) struct Stage {
    // Dropped in this order: the stack before what it stands on.
    stack: Stack,
    pub(crate) client: Client,
    pub(crate) anvil: Anvil,
    _database: TestDatabase,
    _postgres: Postgres,
    walls: Walls,
    folder: TempDir,
}

/// What the API must say of a contract, beside exact matches on both sides.
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    /// Kinds of what was filled in after compiling, on either side.
    pub(crate) transformations: &'a [&'a str],
}

impl Stage {
    /// # Errors
    /// When something does not start.
    pub(crate) async fn start() -> Result<Self> {
        let anvil = Anvil::start(CHAIN_ID, &[]).await?;
        let postgres = Postgres::start()?;
        let database = postgres.fresh_database().await?;
        let chains = json!({CHAIN_ID.to_string(): {
            "sourcifyName": "Development chain",
            "supported": true,
            "rpc": [{"type": "BaseRPC", "url": anvil.url(), "traceSupport": "trace_transaction"}],
        }});
        prepare_compiler().await?;
        let mut config =
            StackConfig::new(Chains::Document(chains), Databases::same(database.url()));
        config.folder = Some(Programs::beside_this_one()?.target_folder().join("clients"));
        let stack = Stack::start(config).await?;
        Ok(Self {
            client: Client::new(&stack.base_url())?,
            stack,
            anvil,
            _database: database,
            _postgres: postgres,
            walls: Walls::raise()?,
            folder: tempfile::tempdir().context("a folder for the clients")?,
        })
    }

    /// # Errors
    /// When the system does not tell how its services ended.
    pub(crate) async fn stop(self, report: &Report) -> Result<()> {
        if report.has_failures() {
            eprintln!(
                "the services' logs are in {}",
                self.stack.folder().display()
            );
        }
        self.stack.stop().await?;
        Ok(())
    }

    /// # Errors
    /// When a service has logged that a person should look.
    pub(crate) fn nothing_alarming(&self) -> Result<()> {
        for process in self.stack.processes() {
            if let Some(first) = process.errors().first() {
                bail!("{} logged {first}", process.name());
            }
        }
        Ok(())
    }

    /// Where the API is, without a slash at the end.
    pub(crate) fn base_url(&self) -> String {
        self.stack.base_url()
    }

    /// For homes and projects; it is gone at the end.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a client in a folder, with a home of its own and no network.
    ///
    /// # Errors
    /// When it does not end in time, or tried to reach the network.
    pub(crate) async fn run(
        &self,
        program: &Path,
        arguments: &[&str],
        folder: &Path,
        environment: &[(&str, String)],
    ) -> Result<Ran> {
        let home = self.folder().join("home");
        let path = format!("{}:/usr/bin:/bin", packages::node_folder()?.display());
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", path)
            .env("HOME", &home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("TMPDIR", self.folder())
            .env("NO_COLOR", "1")
            .envs(self.walls.environment())
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let ran = run::run(command, CLIENT_LIMIT).await?;
        self.walls.nobody_asked()?;
        Ok(ran)
    }

    /// Looks a contract up, all of it.
    ///
    /// # Errors
    /// When it is not what is wanted.
    pub(crate) async fn expect_verified(&self, address: &str, wanted: &Wanted<'_>) -> Result<()> {
        let contract = self
            .client
            .contract(CHAIN_ID, address, "?fields=all")
            .await?;
        let mut kinds: Vec<_> = ["/creationBytecode", "/runtimeBytecode"]
            .iter()
            .filter_map(|side| {
                contract
                    .pointer(&format!("{side}/transformations"))?
                    .as_array()
            })
            .flatten()
            .filter_map(|transformation| transformation.get("reason")?.as_str())
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        let found = json!({
            "match": contract["match"],
            "creationMatch": contract["creationMatch"],
            "runtimeMatch": contract["runtimeMatch"],
            "name": contract["compilation"]["fullyQualifiedName"],
            "compiler": contract["compilation"]["compilerVersion"],
            "transformations": kinds,
        });
        let expected = json!({
            "match": "exact_match",
            "creationMatch": "exact_match",
            "runtimeMatch": "exact_match",
            "name": wanted.name,
            "compiler": packages::COMPILER,
            "transformations": wanted.transformations,
        });
        if found != expected {
            bail!("the API shows {found} and not {expected}");
        }
        Ok(())
    }
}

/// A page that a client named, by the last such link in what it printed.
pub(crate) async fn expect_page(ran: &Ran, path: &str, text: &str) -> Result<()> {
    let printed = format!("{}{}", ran.stdout, ran.stderr);
    let words = printed.split_whitespace();
    let mut links = words.filter(|word| word.starts_with("http") && word.contains(path));
    let link = links.next_back();
    let link = link.with_context(|| format!("there is no link to {path}. {ran}"))?;
    // A sentence may end with it.
    let http = reqwest::Client::builder().no_proxy().build()?;
    let page = http.get(link.trim_end_matches(['"', '.'])).send().await?;
    let page = page.error_for_status()?.text().await?;
    if !page.starts_with("<!DOCTYPE html>") || !page.contains(text) {
        bail!("{link} does not show `{text}`: {page}");
    }
    Ok(())
}

/// A release that is new on this machine takes longer than clients wait for their first job.
async fn prepare_compiler() -> Result<()> {
    let compilers = Compilers::open(Programs::beside_this_one()?.compilers()?)?;
    let release = compilers.find(Compiler::Solc, &packages::COMPILER.parse()?);
    let release = release.context("the compiler release is not known")?;
    compilers.prepare(&release, Engine::Wasm).await?;
    Ok(())
}
