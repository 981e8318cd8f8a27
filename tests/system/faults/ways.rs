//! A system whose parts reach each other through proxies.

use local_stack::cut::{Cut, Target};
use local_stack::{Chains, Service, StackConfig};
use serde_json::Value;

use crate::support::{TestSystem, chains};

/// One proxy on each way.
pub(super) struct Ways {
    pub(super) public_db: Cut,
    pub(super) verifier_db: Cut,
    /// From public-api to the stand-in for the platform.
    pub(super) dispatch: Cut,
    /// From the verifiers, and public-api, to the chain.
    pub(super) chain: Cut,
}

impl Ways {
    pub(super) async fn system(
        adjust: impl FnOnce(StackConfig) -> StackConfig,
    ) -> (TestSystem, Self) {
        let mut made = None;
        let system = TestSystem::with(|config| adjust(Self::lay(config, &mut made))).await;
        Self::finish(system, made)
    }

    /// On a server that the test itself starts and stops.
    pub(super) async fn system_on(
        url: &str,
        adjust: impl FnOnce(StackConfig) -> StackConfig,
    ) -> (TestSystem, Self) {
        let mut made = None;
        let system = TestSystem::on(url, |config| adjust(Self::lay(config, &mut made))).await;
        Self::finish(system, made)
    }

    fn finish(system: TestSystem, made: Option<Self>) -> (TestSystem, Self) {
        let ways = made.unwrap();
        let front = Target::of_url(&system.stack.front().url()).unwrap();
        ways.dispatch.forward_to(front);
        (system, ways)
    }

    fn lay(mut config: StackConfig, made: &mut Option<Self>) -> StackConfig {
        let (public_db, url) = Cut::before_database(&config.databases.public_api).unwrap();
        config.databases.public_api = url;
        let (verifier_db, url) = Cut::before_database(&config.databases.internal_verifier).unwrap();
        config.databases.internal_verifier = url;
        let chain = Cut::before(Target::of_url(&node_of(&config)).unwrap()).unwrap();
        config.chains = Chains::Document(chains(&chain.url()));
        let dispatch = Cut::start().unwrap();
        // A chain that is silent for a while keeps a job under way, and is no fault.
        let config = config
            .with(Service::PublicApi, "VERIFIER_URL", &dispatch.url())
            .with(Service::InternalVerifier, "RPC_TIMEOUT_MS", "60000");
        *made = Some(Self {
            public_db,
            verifier_db,
            dispatch,
            chain,
        });
        config
    }
}

fn node_of(config: &StackConfig) -> String {
    let Chains::Document(document) = &config.chains else {
        panic!("the chains of a test are a document");
    };
    let chain = &document[crate::support::CHAIN_ID.to_string()];
    let url: &Value = &chain["rpc"][0]["url"];
    url.as_str().unwrap().to_owned()
}
