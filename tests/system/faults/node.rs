//! A chain's node that cannot be asked, lags or lies: "could not look" is not "no match".

use local_stack::deploy::Deployed;
use local_stack::faulty_node::{FaultyNode, NodeFault};
use local_stack::project::Project;
use local_stack::{Chains, Service};
use serde_json::{Value, json};

use crate::support::{CHAIN_ID, TestSystem, chains, job_error, until};

/// A system whose chain is asked through a node that fails by order.
async fn system() -> (TestSystem, FaultyNode) {
    let mut made = None;
    let system = TestSystem::with(|mut config| {
        let Chains::Document(document) = &config.chains else {
            panic!("the chains of a test are a document");
        };
        let url = &document[CHAIN_ID.to_string()]["rpc"][0]["url"];
        let node = FaultyNode::before(url.as_str().unwrap()).unwrap();
        config.chains = Chains::Document(chains(&node.url()));
        made = Some(node);
        config
            .with(Service::InternalVerifier, "RPC_TIMEOUT_MS", "400")
            .with(Service::InternalVerifier, "FAULT_PAUSE_MS", "300")
    })
    .await;
    (system, made.unwrap())
}

/// Fails the first attempt of a job, and gives its end after the node is well again.
async fn verified_after(
    system: &TestSystem,
    node: &FaultyNode,
    method: &str,
    fault: NodeFault,
) -> Value {
    let (project, deployed): (Project, Deployed) = system.small().await;
    let what = format!("{method}: {fault:?}");
    node.fail_method(method, fault);
    let body = project.submission(None).unwrap();
    let accepted = system.submit(&deployed.address, &body).await;
    let given_back = format!(
        "SELECT count(*) FROM verification_jobs WHERE id = '{}' AND state = 'pending' AND attempt >= 1",
        accepted.id
    );
    until(&what, async || {
        (system.count(&given_back).await == 1).then_some(())
    })
    .await;
    node.heal();
    system.end_of(&accepted).await
}

/// What one node alone says is all that is known: no code yet, says a node that lags.
#[tokio::test]
async fn what_a_lagging_node_does_not_see_yet_is_not_recorded() {
    let (system, node) = system().await;
    let (project, deployed) = system.small().await;
    let body = project.submission(Some(&deployed.transaction)).unwrap();
    node.fail(NodeFault::Lagging);
    let job = system.verify(&deployed.address, &body).await;
    assert_eq!(job_error(&job).0, "contract_not_deployed");
    node.heal();
    let job = system.verify(&deployed.address, &body).await;
    assert_eq!(job["contract"]["match"], "exact_match", "{job}");
    system.stop().await;
}

#[tokio::test]
async fn transient_fault_is_given_back() {
    let (system, node) = system().await;
    let error = |code, message: &str| NodeFault::Error {
        code,
        message: message.to_owned(),
    };
    let status = |status, retry_after_s| NodeFault::Status {
        status,
        retry_after_s,
    };
    for fault in [
        status(429, Some(1)),
        status(500, None),
        status(503, None),
        error(-32005, "limit exceeded"),
        error(3, "execution reverted"),
        NodeFault::Null,
        NodeFault::Wrong(json!({"code": "0x"})),
        NodeFault::OtherId,
        NodeFault::Malformed,
        NodeFault::Truncated,
        NodeFault::Hang,
    ] {
        let what = format!("{fault:?}");
        let job = verified_after(&system, &node, "eth_getCode", fault).await;
        assert_eq!(job["contract"]["match"], "exact_match", "{what}: {job}");
    }
    for fault in [
        status(500, None),
        error(-32000, "header not found"),
        NodeFault::Wrong(json!("no receipt")),
        NodeFault::Hang,
    ] {
        let what = format!("{fault:?}");
        let job = verified_after(&system, &node, "eth_getTransactionReceipt", fault).await;
        let creation = &job["contract"]["creationMatch"];
        assert_eq!(creation, "exact_match", "{what}: {job}");
    }
    system.stop().await;
}
