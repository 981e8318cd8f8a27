//! Hardhat 3 with hardhat-verify: `verify sourcify`, as a user types it.

mod scenarios;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use local_stack::deploy::{self, Deployed};
use local_stack::run::Ran;
use serde_json::Value;

use crate::packages;
use crate::stage::{CHAIN_ID, Stage};

pub(crate) use scenarios::run_all;

/// Hardhat with a project and a home of its own.
pub(crate) struct Hardhat<'a> {
    stage: &'a Stage,
    node: PathBuf,
    program: PathBuf,
    project: PathBuf,
}

impl<'a> Hardhat<'a> {
    /// # Errors
    /// When Hardhat is not installed, or its project can't be written.
    pub(crate) fn new(stage: &'a Stage) -> Result<Self> {
        let project = stage.folder().join("hardhat");
        packages::copy_project("hardhat", &project)?;
        packages::link(&packages::node_modules(), &project.join("node_modules"))?;
        Ok(Self {
            stage,
            node: packages::node_folder()?.join("node"),
            // Hardhat insists on being installed in the project.
            program: packages::hardhat()?,
            project,
        })
    }

    async fn run(&self, arguments: &[&str]) -> Result<Ran> {
        let environment = [
            ("RPC_URL", self.stage.anvil.url()),
            ("CHAIN_ID", CHAIN_ID.to_string()),
            ("VERIFIER_URL", self.stage.base_url()),
        ];
        let program = self.program.to_string_lossy();
        let all = [&[program.as_ref()], arguments].concat();
        let Self { node, project, .. } = self;
        self.stage.run(node, &all, project, &environment).await
    }

    /// Compiles with the profile that `verify` looks at.
    async fn build(&self) -> Result<()> {
        let ran = self
            .run(&["build", "--build-profile", "production"])
            .await?;
        ran.succeeded()?;
        Ok(())
    }

    async fn verify(&self, arguments: &[&str]) -> Result<Ran> {
        let command = ["verify", "sourcify", "--network", "dev"];
        self.run(&[&command[..], arguments].concat()).await
    }

    /// Deploys what Hardhat compiled; with the library at its places, and encoded arguments behind.
    async fn deploy(
        &self,
        contract: &str,
        library: Option<&str>,
        arguments: &str,
    ) -> Result<Deployed> {
        let file = format!("artifacts/contracts/{contract}.sol/{contract}.json");
        let text = fs::read_to_string(self.project.join(&file)).with_context(|| file.clone())?;
        let artifact: Value = serde_json::from_str(&text).with_context(|| file.clone())?;
        let code = artifact["bytecode"]
            .as_str()
            .context("an artifact has no code")?;
        let code = linked(code.trim_start_matches("0x"), library)?;
        deploy::deploy_code(&self.stage.anvil, &format!("{code}{arguments}")).await
    }
}

/// Forty characters, `__$…$__`, stand at each place of the only library.
fn linked(code: &str, library: Option<&str>) -> Result<String> {
    let mut parts = code.split("__$");
    let mut linked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part
            .split_once("$__")
            .context("a place of a library has no end")?;
        let address = library.context("the code wants a library")?;
        linked.push_str(address.trim_start_matches("0x"));
        linked.push_str(rest);
    }
    Ok(linked)
}
