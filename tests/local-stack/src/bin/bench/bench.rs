//! Verifications on the stack, each at an address of its own.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use compiler::Compilers;
use local_stack::client::Client;
use local_stack::deploy;
use local_stack::project::Project;
use local_stack::replay_chain::ReplayChain;
use serde_json::Value;

use crate::input::{Codes, Input};
use crate::times::Times;

pub(crate) const CHAIN_ID: u64 = 31337;
const ENDED_WITHIN: Duration = Duration::from_secs(300);

/// The running system and the chain that it looks at.
pub(crate) struct Bench {
    pub(crate) client: Client,
    chain: ReplayChain,
    compilers: Compilers,
    contracts: usize,
}

/// How long a verification took for the user.
struct Verified {
    address: String,
    accept: Duration,
    total: Duration,
}

impl Bench {
    pub(crate) fn new(client: Client, chain: ReplayChain, compilers: Compilers) -> Self {
        Self {
            client,
            chain,
            compilers,
            contracts: 0,
        }
    }

    /// Each round compiles sources that are new, without any service; verifies them; and verifies
    /// them again for another address.
    ///
    /// # Errors
    /// When something is not verified as it should be.
    pub(crate) async fn measure(&mut self, input: &Input, rounds: usize) -> Result<Times> {
        let mut times = Times::default();
        // The first round warms everything and does not count.
        for round in 0..=rounds {
            let project = input.project.with_comment(&format!("round {round}"))?;
            let bare = deploy::compile_measured(&self.compilers, &project).await?;
            let codes = input.on_chain_as(&bare.contract)?;
            let first = self.verify(&project, &codes, "exact_match").await?;
            let repeat = self.verify(&project, &codes, "exact_match").await?;
            if round > 0 {
                times.accept.push(first.accept);
                times.total.push(first.total);
                times.repeat.push(repeat.total);
                times.bare.push(bare.took);
            }
            times.peak_bytes = times.peak_bytes.max(bare.peak_memory_bytes);
        }
        Ok(times)
    }

    /// One verification of sources that are new, for a contract whose metadata is another.
    ///
    /// # Errors
    /// When it does not end with a match.
    pub(crate) async fn verify_another(&mut self, input: &Input, number: usize) -> Result<()> {
        let project = input.project.with_comment(&format!("job {number}"))?;
        self.verify(&project, input.on_chain(), "match").await?;
        Ok(())
    }

    /// Verifies it as it was deployed; gives the address.
    ///
    /// # Errors
    /// When it does not end with an exact match.
    pub(crate) async fn verify_deployed(&mut self, input: &Input) -> Result<String> {
        let verified = self
            .verify(&input.project, input.on_chain(), "exact_match")
            .await?;
        Ok(verified.address)
    }

    async fn verify(&mut self, project: &Project, codes: &Codes, level: &str) -> Result<Verified> {
        self.contracts = self
            .contracts
            .checked_add(1)
            .context("counting contracts")?;
        let contract = codes.at(self.contracts);
        let address = contract.address.clone();
        let transaction = contract
            .creation
            .as_ref()
            .map(|creation| creation.hash.clone());
        self.chain.hold(contract);
        let body = project.submission(transaction.as_deref())?;
        let accepted = self.client.submit(CHAIN_ID, &address, &body).await?;
        let ended = self.client.wait(&accepted, ENDED_WITHIN).await?;
        let found = ended.job.pointer("/contract/match").and_then(Value::as_str);
        if found != Some(level) {
            bail!("{} did not end with {level}: {}", project.target, ended.job);
        }
        Ok(Verified {
            address,
            accept: accepted.took,
            total: ended.took,
        })
    }
}
