//! Words that the stories of this folder share.

use std::time::Duration;

use common::db::jobs::{
    self, Acceptance, Evidence, JobFailure, JobId, JobKind, JobRecord, LeasedJob, NewJob,
    OpenJobLimits, Progress, Worker,
};
use common::db::matches::{
    CreationTransaction, NewCompilation, NewDeployment, NewMatch, SideMatch,
};
use common::db::{Database, DatabaseConfig};
use local_stack::postgres::{Postgres, TestDatabase};
use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use verification::chain::{Address, ChainId, TransactionHash};
use verification::signatures::{Signature, SignatureKind};
use verification::verdict::MatchStatus;

pub(crate) const LONG: Duration = Duration::from_secs(60);
pub(crate) const SHORT: Duration = Duration::from_millis(400);
pub(crate) const NOW: Duration = Duration::ZERO;

/// A database with our pool on it, and a connection for what only a test does.
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) sql: Client,
    // Last, so that the connections above are gone when it is dropped.
    pub(crate) place: TestDatabase,
}

impl World {
    pub(crate) async fn new() -> Self {
        let place = Postgres::shared().unwrap().fresh_database().await.unwrap();
        let config = DatabaseConfig::new(place.url(), "system-tests");
        Self {
            database: Database::new(config).unwrap(),
            sql: connect(place.url()).await,
            place,
        }
    }

    /// A number that a statement gives.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.sql.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// A new job of this contract, accepted.
    pub(crate) async fn accepted(&self, contract: Contract) -> JobId {
        let job = new_job(contract);
        let accepted = jobs::accept(&self.database, &job).await.unwrap();
        assert_eq!(accepted, Acceptance::Accepted);
        job.id
    }

    pub(crate) async fn lease(&self, job: JobId, duration: Duration) -> Option<LeasedJob> {
        jobs::lease(&self.database, job, &worker(), duration)
            .await
            .unwrap()
    }

    /// A new job of this contract, accepted and leased.
    pub(crate) async fn leased(&self, contract: Contract) -> jobs::Lease {
        let job = self.accepted(contract).await;
        self.lease(job, LONG).await.unwrap().lease
    }

    pub(crate) async fn job(&self, id: JobId) -> JobRecord {
        jobs::find_job(&self.database, id).await.unwrap().unwrap()
    }

    /// The end of a lease, without waiting for it.
    pub(crate) async fn let_lease_lapse(&self, job: JobId) {
        let lapse = "UPDATE verification_jobs SET lease_until = now() - interval '1 s', \
                     next_attempt_at = now() - interval '1 s' WHERE id = $1 AND state = 'running'";
        assert_eq!(self.sql.execute(lapse, &[&job.0]).await.unwrap(), 1);
    }

    pub(crate) async fn failed_with(&self, id: JobId) -> String {
        match self.job(id).await.progress {
            Progress::Failed { error_code, .. } => error_code,
            other => panic!("the job did not fail: {other:?}"),
        }
    }
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Waits for a condition; a story that never gets there fails.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(tokio::time::Instant::now() < limit, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A contract on the test's chain, told from others by a number.
#[derive(Clone, Copy)]
pub(crate) struct Contract(pub(crate) u8);

impl Contract {
    pub(crate) fn chain_id(self) -> ChainId {
        ChainId::try_from(31337).unwrap()
    }

    pub(crate) fn address(self) -> Address {
        Address::from([self.0; 20])
    }
}

pub(crate) fn worker() -> Worker {
    Worker {
        owner: "test".to_owned(),
        hardware: "unknown".to_owned(),
    }
}

pub(crate) fn new_job(contract: Contract) -> NewJob {
    NewJob {
        id: JobId::random(),
        chain_id: contract.chain_id(),
        address: contract.address(),
        endpoint: format!("/v2/verify/31337/{}", contract.address()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        kind: JobKind::StdJson,
        input: json!({"stdJsonInput": {"language": "Solidity", "sources": {"ü\n": {"content": "☃"}}}}),
        client: None,
        limits: OpenJobLimits {
            in_all: 1000,
            per_client: 100,
        },
        due_after: LONG,
    }
}

pub(crate) fn failure(error_code: &str) -> JobFailure {
    JobFailure {
        error_code: error_code.to_owned(),
        error_id: Uuid::new_v4(),
        error_data: None,
        compilation_time_ms: None,
        evidence: Evidence::default(),
    }
}

/// A match of both sides: exact at run time, `creation` at creation.
pub(crate) fn new_match(creation: Option<MatchStatus>, runtime: Option<MatchStatus>) -> NewMatch {
    let side = |level| SideMatch {
        level,
        transformations: json!([]),
        values: json!({}),
    };
    NewMatch {
        deployment: NewDeployment {
            onchain_creation_code: Some(vec![0x60, 1, 2, 3]),
            onchain_runtime_code: vec![0x60, 9],
            creation_transaction: Some(creation_transaction()),
        },
        compilation: compilation(),
        creation_match: creation.map(side),
        runtime_match: runtime.map(side),
        metadata: Some(r#"{"z": 1,  "a": {"b": [1.0, "☃"]}}"#.to_owned()),
        compilation_time_ms: 1333,
    }
}

pub(crate) fn creation_transaction() -> CreationTransaction {
    CreationTransaction {
        hash: TransactionHash::try_from([7; 32].as_slice()).unwrap(),
        block_number: u64::MAX,
        transaction_index: 0,
        deployer: Address::from([0xdd; 20]),
    }
}

fn compilation() -> NewCompilation {
    NewCompilation {
        compiler: "solc".to_owned(),
        version: "0.8.30+commit.73712a01".to_owned(),
        language: "solidity".to_owned(),
        name: "C".to_owned(),
        fully_qualified_name: "src/C.sol:C".to_owned(),
        settings: json!({"optimizer": {"enabled": true, "runs": 200}}),
        artifacts: json!({
            "abi": [], "sources": {"src/C.sol": {"id": 0}}, "userdoc": null, "devdoc": null,
            "storageLayout": null, "transientStorageLayout": null
        }),
        creation_code: vec![0x60, 1, 2],
        creation_code_artifacts: code_artifacts(),
        runtime_code: vec![0x60, 9],
        runtime_code_artifacts: runtime_code_artifacts(),
        additional_input: None,
        sources: [
            ("src/C.sol", "contract C {}"),
            ("src/Copy.sol", "contract C {}"),
            ("src/ü.sol", "// ☃"),
        ]
        .map(|(path, content)| (path.to_owned(), content.to_owned()))
        .into(),
        signatures: vec![
            signature(SignatureKind::Function, "transfer(address,uint256)"),
            signature(SignatureKind::Event, "Transfer(address,address,uint256)"),
            signature(SignatureKind::Error, "transfer(address,uint256)"),
        ],
    }
}

pub(crate) fn signature(kind: SignatureKind, signature: &str) -> Signature {
    Signature::new(kind, signature.to_owned())
}

fn code_artifacts() -> Value {
    json!({"sourceMap": "1:2:3", "linkReferences": {}, "cborAuxdata": {}})
}

fn runtime_code_artifacts() -> Value {
    json!({
        "sourceMap": "1:2:3", "linkReferences": {}, "immutableReferences": {}, "cborAuxdata": {}
    })
}
