//! What the stand-in for Cloud Run does with requests, instances and faults.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod invoker;
mod limits;
mod requests;
mod scaling;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use local_stack::cloud_run::{
    CloudRun, FrontReport, Instance, InvokerConfig, Revision, ServiceConfig, Source,
};
use local_stack::process::ProcessSpec;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_secs(30);

/// A service whose instances are the small program of this package.
struct Service {
    run: CloudRun,
    folder: TempDir,
}

/// What a caller got.
struct Got {
    status: u16,
    body: Value,
}

impl Service {
    async fn start(revision: Revision) -> Self {
        Self::with(revision, None, &[]).await
    }

    async fn with(
        revision: Revision,
        invoker: Option<InvokerConfig>,
        files: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |file: &str| folder.path().join(file).display().to_string();
        let files = files.iter();
        let run = CloudRun::start(ServiceConfig {
            source: Source::Started(ProcessSpec {
                name: "instance".to_owned(),
                program: env!("CARGO_BIN_EXE_instance").into(),
                arguments: Vec::new(),
                environment: files
                    .map(|(name, file)| ((*name).to_owned(), path(file)))
                    .collect(),
                log: folder.path().join("instance.log"),
            }),
            revision,
            invoker,
        });
        let run = run.await.unwrap();
        Self { run, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets requests go on that wait for it.
    fn make(&self, name: &str) {
        std::fs::write(self.file(name), "").unwrap();
    }

    /// Of a request that lasts until this file is made.
    fn until(&self, name: &str) -> String {
        let file = self.file(name);
        format!("{}/work?until={}", self.run.url(), file.display())
    }

    async fn get(&self) -> Got {
        get(format!("{}/", self.run.url())).await
    }

    /// A request that lasts until this file is made, and its answer.
    fn begin(&self, name: &str) -> JoinHandle<Got> {
        tokio::spawn(get(self.until(name)))
    }

    /// A request that an instance has begun to work on.
    async fn begun(&self, name: &str) -> JoinHandle<Got> {
        let before = self.at_work();
        let call = self.begin(name);
        until("the request is worked on", || self.at_work() > before).await;
        call
    }

    /// Requests that reached an instance.
    fn at_work(&self) -> usize {
        let processes = self.run.processes().into_iter();
        let lines = processes.flat_map(|process| process.lines());
        lines.filter(|line| line["event"] == "request").count()
    }

    fn report(&self) -> FrontReport {
        self.run.report()
    }

    fn only_instance(&self) -> Instance {
        let mut all = self.run.instances();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }
}

/// One instance a request, as for the verifier, and none kept.
fn revision() -> Revision {
    Revision::verifier()
}

async fn get(url: String) -> Got {
    let answer = reqwest::get(url).await.unwrap();
    Got {
        status: answer.status().as_u16(),
        body: answer.json().await.unwrap_or_default(),
    }
}

async fn all(calls: Vec<JoinHandle<Got>>) -> Vec<Got> {
    let mut got = Vec::new();
    for call in calls {
        got.push(call.await.unwrap());
    }
    got
}

fn statuses(got: &[Got]) -> Vec<u16> {
    let mut statuses: Vec<_> = got.iter().map(|got| got.status).collect();
    statuses.sort_unstable();
    statuses
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The letter the kernel has for what a process does: `T` is stopped.
fn kernel_state(instance: &Instance) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", instance.process.pid()));
    let stat = stat.unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, fields)| fields.split(' ').next());
    state.unwrap_or_default().to_owned()
}
