//! Every file of `tests/cases` over the real services: a new case is a new file, no new Rust.

use std::path::Path;

use futures::StreamExt;
use local_stack::cases::{Case, Report, Runner};
use local_stack::replay_chain::ReplayChain;
use local_stack::stack::ENGINES;
use local_stack::{Chains, Service};

use crate::support::{CHAIN_ID, LIMIT, TestSystem};

#[tokio::test]
async fn every_case_ends_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let cases = Case::read_all(&folder).unwrap();
    assert!(cases.len() >= 50, "only {} cases were read", cases.len());
    for case in &cases {
        assert!(
            case.expected.is_complete(),
            "{} leaves a side open",
            case.id
        );
    }
    let chain = ReplayChain::start(CHAIN_ID).unwrap();
    for case in &cases {
        chain.hold(case.contract.clone());
    }
    let system = TestSystem::with(|mut config| {
        config.chains = Chains::Document(chain.chains());
        config.verifiers = 2;
        config.with(Service::InternalVerifier, "COMPILER_ENGINES", ENGINES)
    })
    .await;
    let runner = Runner {
        client: system.client.clone(),
        chain_id: CHAIN_ID,
        limit: LIMIT,
    };
    let mut report = Report::default();
    let mut outcomes = futures::stream::iter(&cases)
        .map(|case| runner.run(case))
        .buffer_unordered(2);
    let mut differing = Vec::new();
    while let Some(outcome) = outcomes.next().await {
        // What is skipped was not seen, and everything must be.
        differing.extend(report.add(&outcome));
    }
    assert!(differing.is_empty(), "{report}\n{}", differing.join("\n"));
    system.stop().await;
}
