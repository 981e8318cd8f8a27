//! forge: `create`, `verify-contract` and `verify-check`, as a user types them.

mod scenarios;

use std::path::PathBuf;

use anyhow::{Context, Result};
use local_stack::deploy::Deployed;
use local_stack::run::Ran;
use serde_json::{Value, json};

use crate::packages;
use crate::stage::{CHAIN_ID, Stage};

pub(crate) use scenarios::run_all;

/// forge with a project and a home of its own.
pub(crate) struct Forge<'a> {
    stage: &'a Stage,
    program: PathBuf,
    project: PathBuf,
    compiler: PathBuf,
}

impl<'a> Forge<'a> {
    /// # Errors
    /// When forge is not installed, or its project can't be written.
    pub(crate) fn new(stage: &'a Stage) -> Result<Self> {
        let project = stage.folder().join("forge");
        packages::copy_project("forge", &project)?;
        // `verify-contract` looks for the compiler among those that it has downloaded, whatever the
        // project says.
        let compiler = stage.folder().join("home/data/svm/0.8.30/solc-0.8.30");
        packages::link(&packages::folder().join("solc.js"), &compiler)?;
        Ok(Self {
            stage,
            program: packages::forge()?,
            project,
            compiler,
        })
    }

    async fn run(&self, arguments: &[&str]) -> Result<Ran> {
        let compiler = self.compiler.to_string_lossy().into_owned();
        let environment = [("FOUNDRY_SOLC", compiler)];
        let Self {
            program, project, ..
        } = self;
        self.stage
            .run(program, arguments, project, &environment)
            .await
    }

    /// Deploys with the chain's first account.
    async fn create(
        &self,
        contract: &str,
        linked: &[&str],
        arguments: &[&str],
    ) -> Result<Deployed> {
        let accounts = self.stage.anvil.call("eth_accounts", json!([])).await?;
        let account = accounts[0].as_str().context("the chain has no accounts")?;
        let url = self.stage.anvil.url();
        let mut all = vec![
            "create",
            contract,
            "--rpc-url",
            &url,
            "--unlocked",
            "--from",
            account,
        ];
        all.extend(["--broadcast", "--json"]);
        all.extend(linked);
        if !arguments.is_empty() {
            all.push("--constructor-args");
            all.extend(arguments);
        }
        let ran = self.run(&all).await?;
        let said = &ran.succeeded()?.stdout;
        let created: Value = serde_json::from_str(said).with_context(|| said.clone())?;
        let text = |name: &str| created[name].as_str().map(str::to_owned);
        Ok(Deployed {
            address: text("deployedTo").context("forge names no address")?,
            transaction: text("transactionHash").context("forge names no transaction")?,
        })
    }

    async fn verify(&self, address: &str, contract: &str, more: &[&str]) -> Result<Ran> {
        self.ask_server("verify-contract", &[&[address, contract], more].concat())
            .await
    }

    async fn check(&self, job: &str) -> Result<Ran> {
        self.ask_server("verify-check", &[job]).await
    }

    /// It tries once more a second later, so that a failure does not take minutes to be told.
    async fn ask_server(&self, command: &str, arguments: &[&str]) -> Result<Ran> {
        let (url, chain) = (format!("{}/", self.stage.base_url()), CHAIN_ID.to_string());
        let mut all = vec![command];
        all.extend(arguments);
        all.extend([
            "--verifier",
            "sourcify",
            "--verifier-url",
            &url,
            "--chain",
            &chain,
        ]);
        all.extend(["--retries", "2", "--delay", "1"]);
        self.run(&all).await
    }
}
