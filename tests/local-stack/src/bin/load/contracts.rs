//! What is verified: a small contract, and one whose compilation takes seconds.

use std::time::Duration;

use anyhow::{Context, Result};
use compiler::Compilers;
use local_stack::deploy;
use local_stack::project::Project;
use local_stack::replay_chain::{HeldContract, ReplayChain};

pub(crate) const CHAIN_ID: u64 = 31337;

/// A contract as its compilation left it.
pub(crate) struct Contract {
    project: Project,
    runtime: Vec<u8>,
    creation: Vec<u8>,
    /// All that the compiler answered.
    pub(crate) output: Vec<u8>,
    /// What the compilation took by itself.
    pub(crate) compile: Duration,
}

/// A request to verify it at an address of its own.
pub(crate) struct Request {
    pub(crate) path: String,
    /// Who asks, as a proxy in front of us would tell.
    pub(crate) client: String,
    pub(crate) body: Vec<u8>,
}

/// How many requests come from one client: less than it may have open.
const OF_ONE_CLIENT: usize = 50;

impl Contract {
    /// # Errors
    /// When it does not compile.
    pub(crate) async fn small(compilers: &Compilers) -> Result<Self> {
        Self::compiled(compilers, Project::read("Small.sol", "Small")?).await
    }

    /// # Errors
    /// When it does not compile.
    pub(crate) async fn long(compilers: &Compilers) -> Result<Self> {
        let project = Project::read("Preset.sol", "Preset")?;
        Self::compiled(compilers, project.via_ir()).await
    }

    async fn compiled(compilers: &Compilers, project: Project) -> Result<Self> {
        let compiled = deploy::compile_measured(compilers, &project).await?;
        Ok(Self {
            project,
            runtime: compiled.contract.runtime.bytes().to_vec(),
            creation: compiled.contract.creation.bytes().to_vec(),
            output: compiled.output,
            compile: compiled.took,
        })
    }

    /// One with sources that no compiler has seen, at an address that the chain holds from now on.
    ///
    /// # Errors
    /// Never for contracts of ours.
    pub(crate) fn request(&self, chain: &ReplayChain, number: usize) -> Result<Request> {
        let held = HeldContract::numbered(number, &self.runtime, &self.creation);
        let transaction = held.creation.as_ref().map(|creation| creation.hash.clone());
        let path = format!("/v2/verify/{CHAIN_ID}/{}", held.address);
        chain.hold(held);
        let project = self.project.with_comment(&format!("number {number}"))?;
        let body = project.submission(transaction.as_deref())?;
        let client = number / OF_ONE_CLIENT;
        Ok(Request {
            path,
            client: format!("10.{}.{}.1", client / 256 % 256, client % 256),
            body: serde_json::to_vec(&body).context("writing a request")?,
        })
    }

    /// Many, numbered from here on.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub(crate) fn requests(
        &self,
        chain: &ReplayChain,
        numbers: std::ops::Range<usize>,
    ) -> Result<Vec<Request>> {
        let requests = numbers.map(|number| self.request(chain, number));
        requests.collect()
    }
}
