//! The system that is broken: every part, and a proxy between any two.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::cloud_run::Revision;
use crate::cut::{Cut, Target};
use crate::faulty_node::FaultyNode;
use crate::postgres::{Postgres, TestDatabase};
use crate::replay_chain::ReplayChain;
use crate::stack::ENGINES;
use crate::{Chains, Databases, Platform, Service, Stack, StackConfig};

use super::schedule::Way;

pub(super) const CHAIN_ID: u64 = 1;

/// Production's durations divided by ten, so that a run of minutes has room for many of each.
const SCALED: [(Service, &str, &str); 14] = [
    (Service::InternalVerifier, "LEASE_MS", "4000"),
    (Service::InternalVerifier, "HEARTBEAT_MS", "1000"),
    (Service::InternalVerifier, "HEARTBEAT_PATIENCE_MS", "8000"),
    (Service::InternalVerifier, "FAULT_PAUSE_MS", "200"),
    (Service::InternalVerifier, "RPC_TIMEOUT_MS", "1000"),
    (Service::InternalVerifier, "JOB_DEADLINE_MS", "90000"),
    (Service::InternalVerifier, "REQUEST_TIMEOUT_MS", "96000"),
    (Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "4500"),
    (Service::PublicApi, "DISPATCH_FIRST_PAUSE_MS", "200"),
    (Service::PublicApi, "REQUEST_TIMEOUT_MS", "96000"),
    (Service::PublicApi, "DISPATCH_TIMEOUT_MS", "97000"),
    (Service::PublicApi, "SWEEP_INTERVAL_MS", "1000"),
    (Service::PublicApi, "RPC_TIMEOUT_MS", "1000"),
    (Service::PublicApi, "PROXY_TIMEOUT_MS", "1000"),
];
pub(super) const MAX_VERIFIERS: usize = 4;
const LEAST_PUBLIC_APIS: usize = 2;
const MOST_PUBLIC_APIS: usize = 3;

/// All of it. Dropping it ends everything.
#[derive(Debug)]
pub(super) struct System {
    // Dropped in this order: who calls goes before whom it calls.
    pub(super) stack: Stack,
    pub(super) node: FaultyNode,
    pub(super) chain: ReplayChain,
    pub(super) database: TestDatabase,
    pub(super) postgres: Postgres,
    public_api: Cut,
    public_database: Cut,
    verifier_database: Cut,
    dispatch: Cut,
    to_chain: Cut,
}

impl System {
    /// Everything up and well.
    pub(super) async fn start(logs: Option<PathBuf>) -> Result<Self> {
        let postgres = Postgres::start_durable()?;
        let database = postgres.fresh_database().await?;
        let chain = ReplayChain::start(CHAIN_ID)?;
        let node = FaultyNode::before(&chain.url())?;
        let to_chain = Cut::before(Target::of_url(&node.url())?)?;
        let (public_database, public_url) = Cut::before_database(database.url())?;
        let (verifier_database, verifier_url) = Cut::before_database(database.url())?;
        let dispatch = Cut::start()?;
        let databases = Databases {
            migrate: None,
            public_api: public_url,
            internal_verifier: verifier_url,
        };
        let chains = Chains::Document(chain.chains_at(&to_chain.url()));
        let mut config = StackConfig::new(chains, databases)
            .with(Service::PublicApi, "VERIFIER_URL", &dispatch.url())
            // The platform, and whoever stands before it and names the client.
            .with(Service::PublicApi, "TRUSTED_PROXIES", "2")
            .with(
                Service::PublicApi,
                "DISPATCHES_AT_ONCE",
                &MAX_VERIFIERS.to_string(),
            )
            .with(Service::InternalVerifier, "COMPILER_ENGINES", ENGINES);
        for (service, name, value) in SCALED {
            config = config.with(service, name, value);
        }
        config.platform = Platform::Autoscaled;
        config.folder = logs;
        config.public_api = Revision {
            concurrency: 200,
            min_instances: LEAST_PUBLIC_APIS,
            max_instances: MOST_PUBLIC_APIS,
            request_timeout: Duration::from_secs(30),
            ..scaled(Revision::public_api())
        };
        config.verifier = Revision {
            max_instances: MAX_VERIFIERS,
            request_timeout: Duration::from_secs(96),
            cpu_idle: true,
            ..scaled(Revision::verifier())
        };
        let stack = Stack::start(config).await?;
        dispatch.forward_to(Target::of_url(&stack.front().url())?);
        let public_api = Cut::before(Target::of_url(&stack.base_url())?)?;
        Ok(Self {
            stack,
            node,
            chain,
            database,
            postgres,
            public_api,
            public_database,
            verifier_database,
            dispatch,
            to_chain,
        })
    }

    /// Where clients find public-api.
    pub(super) fn url(&self) -> String {
        self.public_api.url()
    }

    pub(super) fn way(&self, way: Way) -> &Cut {
        match way {
            Way::ClientToPublic => &self.public_api,
            Way::PublicToDatabase => &self.public_database,
            Way::VerifierToDatabase => &self.verifier_database,
            Way::PublicToVerifier => &self.dispatch,
            Way::ToChain => &self.to_chain,
        }
    }
}

/// Instances come and go within seconds.
fn scaled(revision: Revision) -> Revision {
    Revision {
        pending_limit: Some(Duration::from_secs(1)),
        idle_limit: Duration::from_secs(3),
        start_delay: Duration::from_millis(200),
        ..revision
    }
}

/// For whoever reads the figures.
pub(super) fn settings() -> String {
    let names = SCALED.map(|(_, name, value)| format!("{name}={value}"));
    format!(
        "Durations are production's divided by ten: {}. Up to {MAX_VERIFIERS} verifiers and \
         {LEAST_PUBLIC_APIS} to {MOST_PUBLIC_APIS} public-apis; an instance starts 200 ms late and is \
         stopped after 3 s without a request, a request waits 1 s for one.",
        names.join(" ")
    )
}
