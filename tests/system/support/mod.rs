//! A whole system for one test: its own database, its own chain, both services as processes.
//!
//! What nobody remembers to check is checked at the end of every test: no job is left open, no
//! compiler is left running, and nothing was logged that a person should look at.

pub(crate) mod event_stream;

use std::time::{Duration, Instant};

use alloy_dyn_abi::DynSolValue;
use compiler::Compilers;
use local_stack::anvil::Anvil;
use local_stack::client::{Accepted, Client};
use local_stack::deploy::{self, Deployed};
use local_stack::postgres::{Postgres, TestDatabase};
use local_stack::programs::Programs;
use local_stack::project::Project;
use local_stack::{Chains, Databases, Service, Stack, StackConfig};
use serde_json::{Value, json};

pub(crate) const CHAIN_ID: u64 = 31337;

/// Longer than anything takes on a slow machine that has to prepare a compiler first.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// Short durations in place of production's, in the same proportions.
const SETTINGS: [(Service, &str, &str); 7] = [
    (Service::PublicApi, "SWEEP_INTERVAL_MS", "100"),
    (Service::PublicApi, "DISPATCH_AGAIN_AFTER_MS", "1000"),
    (Service::PublicApi, "DISPATCH_FIRST_PAUSE_MS", "50"),
    (Service::InternalVerifier, "LEASE_MS", "2000"),
    (Service::InternalVerifier, "HEARTBEAT_MS", "400"),
    (Service::InternalVerifier, "FAULT_PAUSE_MS", "20"),
    (Service::InternalVerifier, "RPC_TIMEOUT_MS", "2000"),
];

pub(crate) struct TestSystem {
    pub(crate) stack: Stack,
    pub(crate) client: Client,
    pub(crate) anvil: Anvil,
    database: Place,
    expected_errors: Vec<&'static str>,
}

/// Where the rows are.
enum Place {
    Own(TestDatabase),
    /// On a server that the test itself starts and stops.
    Url(String),
}

impl Place {
    fn url(&self) -> &str {
        match self {
            Self::Own(database) => database.url(),
            Self::Url(url) => url,
        }
    }

    /// A server of the test's own knows one user.
    fn url_as(&self, user: &str) -> String {
        match self {
            Self::Own(database) => database.url_as(user),
            Self::Url(url) => url.clone(),
        }
    }
}

impl TestSystem {
    pub(crate) async fn start() -> Self {
        Self::with(|config| config).await
    }

    /// The chains are anvil's, and whatever else the test adds.
    pub(crate) async fn with(adjust: impl FnOnce(StackConfig) -> StackConfig) -> Self {
        let database = Postgres::shared().unwrap().fresh_database().await.unwrap();
        Self::at(Place::Own(database), adjust).await
    }

    /// On a server that the test itself starts and stops.
    pub(crate) async fn on(url: &str, adjust: impl FnOnce(StackConfig) -> StackConfig) -> Self {
        Self::at(Place::Url(url.to_owned()), adjust).await
    }

    async fn at(database: Place, adjust: impl FnOnce(StackConfig) -> StackConfig) -> Self {
        let anvil = Anvil::start(CHAIN_ID, &[]).await.unwrap();
        let databases = Databases {
            migrate: None,
            public_api: database.url_as("public-api"),
            internal_verifier: database.url_as("internal-verifier"),
        };
        let mut config = StackConfig::new(Chains::Document(chains(&anvil.url())), databases);
        for (service, name, value) in SETTINGS {
            config = config.with(service, name, value);
        }
        let stack = Stack::start(adjust(config)).await.unwrap();
        let client = Client::new(&stack.base_url()).unwrap();
        Self {
            stack,
            client,
            anvil,
            database,
            expected_errors: Vec::new(),
        }
    }

    /// A line at level ERROR of this event is part of the story.
    pub(crate) fn expect_error(&mut self, event: &'static str) {
        self.expected_errors.push(event);
    }

    /// Compiles and deploys a contract of the local stack.
    pub(crate) async fn deploy(
        &self,
        file: &str,
        contract: &str,
        arguments: Vec<DynSolValue>,
    ) -> (Project, Deployed) {
        let project = Project::read(file, contract).unwrap();
        let compiled = deploy::compile(&compilers(), &project).await.unwrap();
        let deployed = deploy::deploy(&self.anvil, &compiled, arguments)
            .await
            .unwrap();
        (project, deployed)
    }

    pub(crate) async fn small(&self) -> (Project, Deployed) {
        self.deploy("Small.sol", "Small", Vec::new()).await
    }

    pub(crate) async fn submit(&self, address: &str, body: &Value) -> Accepted {
        self.client.submit(CHAIN_ID, address, body).await.unwrap()
    }

    pub(crate) async fn end_of(&self, accepted: &Accepted) -> Value {
        self.client.wait(accepted, LIMIT).await.unwrap().job
    }

    /// Submits, waits, and gives the job's document.
    pub(crate) async fn verify(&self, address: &str, body: &Value) -> Value {
        let accepted = self.submit(address, body).await;
        self.end_of(&accepted).await
    }

    /// One value of the database.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let row = self.sql(async |client| client.query_one(sql, &[]).await);
        row.await.get(0)
    }

    /// The ids of all jobs.
    pub(crate) async fn jobs(&self) -> Vec<String> {
        let ids = "SELECT id::text FROM verification_jobs ORDER BY started_at";
        let rows = self.sql(async |client| client.query(ids, &[]).await);
        rows.await.iter().map(|row| row.get(0)).collect()
    }

    /// Does to the database what only a test would.
    pub(crate) async fn change(&self, sql: &str) {
        self.sql(async |client| client.batch_execute(sql).await)
            .await;
    }

    /// Makes whoever touches the table wait until this is dropped, as a database that hangs does.
    pub(crate) async fn lock(&self, table: &str) -> tokio_postgres::Client {
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        self.hold(&lock).await
    }

    /// Holds the lock with this key until this is dropped.
    pub(crate) async fn hold_advisory_lock(&self, key: &str) -> tokio_postgres::Client {
        self.hold(&format!("SELECT pg_advisory_lock({key})")).await
    }

    async fn hold(&self, lock: &str) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(self.database.url(), tokio_postgres::NoTls)
                .await
                .unwrap();
        tokio::spawn(connection);
        client.batch_execute(lock).await.unwrap();
        client
    }

    async fn sql<T>(
        &self,
        work: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, tokio_postgres::Error>,
    ) -> T {
        let (client, connection) =
            tokio_postgres::connect(self.database.url(), tokio_postgres::NoTls)
                .await
                .unwrap();
        let connection = tokio::spawn(connection);
        let done = work(&client).await.unwrap();
        connection.abort();
        done
    }

    /// What the services said of this event, once the end of each job that has one was read: a
    /// job's row ends before its line is written.
    pub(crate) async fn said(&self, event: &str) -> Vec<Value> {
        let ended = "SELECT count(*) FROM verification_jobs WHERE completed_at IS NOT NULL";
        until("the lines of all ends", async || {
            let ended = self.count(ended).await;
            let lines = self.stack.processes().flat_map(|process| process.lines());
            let mut lines: Vec<Value> = lines.collect();
            let ends = lines.iter().filter(|line| line["event"] == "job_finished");
            let all = i64::try_from(ends.count()).unwrap() == ended;
            lines.retain(|line| line["event"] == event);
            all.then_some(lines)
        })
        .await
    }

    /// Whatever was killed, frozen or cut: one run of each job wrote its end.
    fn no_job_has_two_ends(&self) {
        let lines = self.stack.processes().flat_map(|process| process.lines());
        let ends = lines.filter(|line| line["event"] == "job_finished");
        let mut jobs: Vec<String> = ends.map(|line| line["job_id"].to_string()).collect();
        let ends = jobs.len();
        jobs.sort_unstable();
        jobs.dedup();
        assert_eq!(jobs.len(), ends, "some jobs ended twice");
    }

    /// Checks what no test should have to remember, and ends everything.
    pub(crate) async fn stop(self) {
        let open = self
            .count("SELECT count(*) FROM verification_jobs WHERE completed_at IS NULL")
            .await;
        assert_eq!(open, 0, "jobs are left open");
        self.no_job_has_two_ends();
        for process in self.stack.processes() {
            // A compiler that was just killed takes a moment to give its memory back.
            within(
                Duration::from_secs(5),
                "the end of all compilers",
                async || (children_of(process.pid()) == 0).then_some(()),
            )
            .await;
            let unexpected: Vec<Value> = process
                .errors()
                .into_iter()
                .filter(|line| {
                    let event = line
                        .get("event")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    !self.expected_errors.contains(&event)
                })
                .collect();
            assert!(unexpected.is_empty(), "{}: {unexpected:#?}", process.name());
        }
        self.stack.stop().await.unwrap();
    }
}

pub(crate) fn compilers() -> Compilers {
    Compilers::open(Programs::beside_this_one().unwrap().compilers().unwrap()).unwrap()
}

pub(crate) fn chains(url: &str) -> Value {
    json!({
        CHAIN_ID.to_string(): {
            "sourcifyName": "Test chain",
            "supported": true,
            "rpc": [{"type": "BaseRPC", "url": url, "traceSupport": "trace_transaction"}],
        },
        "5": {"sourcifyName": "Old chain", "supported": false, "rpc": [url]},
    })
}

/// Processes of which this one is the parent and that have not ended.
pub(crate) fn children_of(pid: u32) -> usize {
    let stats = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let stat = std::fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ').map(str::to_owned);
        Some((fields.next()?, fields.next()?))
    });
    stats
        .filter(|(state, parent)| state != "Z" && *parent == pid.to_string())
        .count()
}

/// Asks until the answer suits; a condition with a limit, instead of a pause.
pub(crate) async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    within(LIMIT, what, ask).await
}

async fn within<T>(limit: Duration, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < limit, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The code and message of a problem document, whose `errorId` must be there.
pub(crate) fn problem(document: &Value) -> (&str, &str) {
    let text = |name: &str| {
        document
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    assert!(uuid::Uuid::try_parse(text("errorId")).is_ok(), "{document}");
    (text("customCode"), text("message"))
}

/// The error of a failed job, whose document must be whole.
pub(crate) fn job_error(job: &Value) -> (&str, &str) {
    assert_eq!(job["isJobCompleted"], true, "{job}");
    assert!(job["jobFinishTime"].is_string(), "{job}");
    for name in ["match", "creationMatch", "runtimeMatch"] {
        assert!(job["contract"][name].is_null(), "{job}");
    }
    problem(&job["error"])
}
