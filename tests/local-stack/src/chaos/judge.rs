//! Looks at everything after the run: the table, the API, the services' logs, the processes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_postgres::NoTls;

use super::clients::Heard;
use super::report::Report;
use super::system::{CHAIN_ID, System};
use super::waits::{Story, longest};
use super::workload::Wish;
use super::{breaker::Done, waits};
use crate::cases::{Case, Expected, QUERY, Verdict, compare};
use crate::children;

/// Ends that say that nobody could look, after the last of five attempts.
const COULD_NOT_LOOK: [&str; 3] = ["internal_error", "cannot_fetch_bytecode", "job_abandoned"];
const ATTEMPTS: i16 = 5;
/// A process that was killed is gone in a moment, and an instance may still be shutting down.
const COMPILERS_END_WITHIN: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

const JOBS: &str = "SELECT id::text, '0x' || encode(contract_address, 'hex'), error_code, attempt,
    extract(epoch FROM completed_at)::float8, extract(epoch FROM started_at)::float8 FROM verification_jobs";
const STARTS: &str = "SELECT job_id::text, extract(epoch FROM happened_at)::float8
    FROM verification_job_events WHERE stage = 'started' ORDER BY job_id, number";
/// A contract's verifications are one, however often it was tried.
const CONTRACTS_TWICE: &str = "SELECT d.address FROM verified_contracts v
    JOIN contract_deployments d ON d.id = v.deployment_id GROUP BY d.address HAVING count(*) > 1";
const OPEN: &str = "SELECT count(*) FROM verification_jobs WHERE completed_at IS NULL";

/// A row of the table.
struct Job {
    id: String,
    address: String,
    error: Option<String>,
    attempt: i16,
    ended_at: Option<f64>,
    accepted_at: f64,
}

pub(super) struct Judge<'a> {
    pub(super) system: &'a System,
    pub(super) http: &'a reqwest::Client,
    pub(super) wishes: &'a [(Wish, Heard)],
    pub(super) done: &'a Done,
}

impl Judge<'_> {
    /// Returns when no job is open any more, or it is no use to wait longer.
    pub(super) async fn wait_for_all(&self, limit: Duration) -> Result<()> {
        let client = self.connect().await?;
        let began = Instant::now();
        while client.query_one(OPEN, &[]).await?.get::<_, i64>(0) > 0 && began.elapsed() < limit {
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    pub(super) async fn judge(&self) -> Result<Report> {
        let client = self.connect().await?;
        let jobs: Vec<Job> = client
            .query(JOBS, &[])
            .await?
            .iter()
            .map(|row| Job {
                id: row.get(0),
                address: row.get(1),
                error: row.get(2),
                attempt: row.get(3),
                ended_at: row.get(4),
                accepted_at: row.get(5),
            })
            .collect();
        let mut report = Report::default();
        report.compilers_left = self.compilers_left().await;
        self.count_answers(&jobs, &mut report);
        for (job, count) in ends_in_logs(self.system.stack.folder())? {
            if count > 1 {
                report.twice(format!("job {job} ended {count} times"));
            }
        }
        for row in client.query(CONTRACTS_TWICE, &[]).await? {
            let address = hex::encode(row.get::<_, Vec<u8>>(0));
            report.twice(format!("contract 0x{address} has several verifications"));
        }
        self.judge_ends(&jobs, &mut report).await?;
        let hits = self.done.hits();
        let mut stories: HashMap<String, Story> = HashMap::new();
        for row in client.query(STARTS, &[]).await? {
            let story = stories.entry(row.get(0)).or_default();
            story.starts.push(row.get(1));
        }
        for job in &jobs {
            let story = stories.entry(job.id.clone()).or_default();
            story.accepted_at = job.accepted_at;
            if let Some(ended_at) = job.ended_at {
                story.ended_at = Some(ended_at);
                story.is_abandoned = job.error.as_deref() == Some("job_abandoned");
                if story.starts.iter().any(|start| *start > ended_at) {
                    report.twice(format!("job {} was begun after its end", job.id));
                }
            }
        }
        let waits = waits::waits(&stories, &hits);
        report.cut_off = waits.iter().filter(|wait| wait.is_cut_off).count();
        report.longest_wait = longest(waits.iter());
        report.longest_wait_alone = longest(waits.iter().filter(|wait| wait.faults == 1));
        for hit in hits {
            report.fault(hit.kind);
        }
        Ok(report)
    }

    async fn connect(&self) -> Result<tokio_postgres::Client> {
        let url = self.system.database.url();
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        // Its fault is that of the statement that waits for it.
        tokio::spawn(connection);
        Ok(client)
    }

    async fn compilers_left(&self) -> usize {
        let began = Instant::now();
        loop {
            let live = self.system.stack.front().instances();
            let live = live.iter().map(|instance| instance.process.pid());
            let of_live: usize = live.map(|pid| children::descendants(pid).len()).sum();
            let left = self.done.left_compilers().saturating_add(of_live);
            if left == 0 || began.elapsed() > COMPILERS_END_WITHIN {
                return left;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    fn count_answers(&self, jobs: &[Job], report: &mut Report) {
        let ids: HashSet<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
        let addresses: HashSet<&str> = jobs.iter().map(|job| job.address.as_str()).collect();
        report.wished = self.wishes.len();
        report.rows = jobs.len();
        report.open = jobs.iter().filter(|job| job.ended_at.is_none()).count();
        for (wish, heard) in self.wishes {
            let address = &wish.case.contract.address;
            match heard {
                Heard::Accepted { id, unknown } => {
                    report.accepted = report.accepted.saturating_add(1);
                    if !ids.contains(id.as_str()) {
                        report.lost(format!("job {id} of {address} has no row"));
                    }
                    if *unknown > 0 {
                        report.lost(format!("job {id} was answered 404 {unknown} times"));
                    }
                }
                Heard::AcceptedUnheard => {
                    report.unheard = report.unheard.saturating_add(1);
                    if !addresses.contains(address.as_str()) {
                        report.lost(format!("{address} was called taken and has no row"));
                    }
                }
                Heard::Refused(why) => report.refused(why.clone()),
                Heard::GaveUp => report.refused("no answer".to_owned()),
            }
        }
    }

    async fn judge_ends(&self, jobs: &[Job], report: &mut Report) -> Result<()> {
        let wishes = self.wishes.iter();
        let cases: HashMap<&str, &Case> = wishes
            .map(|(wish, _)| (wish.case.contract.address.as_str(), &wish.case))
            .collect();
        let mut verified: HashSet<&str> = HashSet::new();
        verified.extend(successes(jobs).map(|job| job.address.as_str()));
        for job in jobs {
            let case = cases.get(job.address.as_str()).context("a foreign job")?;
            let told = self.told(job).await;
            if told["isJobCompleted"] != true {
                if job.ended_at.is_some() {
                    report.lost(format!("the API does not tell of {}: {told}", job.id));
                }
                continue;
            }
            let wrong = |what: &str| {
                let (id, case) = (&job.id, &case.id);
                format!(
                    "job {id} of {case} ended with {what} in attempt {}",
                    job.attempt
                )
            };
            match (&job.error, &case.expected) {
                (None, Expected::Match { .. }) => match self.compared(case).await {
                    Ok(Verdict::Passed) => report.completed = report.completed.saturating_add(1),
                    Ok(differs) => report.wrong(wrong(&format!("{differs:?}"))),
                    Err(error) => report.unreadable(format!("{}: {error:#}", job.address)),
                },
                (None, Expected::Failure(_)) => report.wrong(wrong("a match")),
                (Some(code), Expected::Failure(expected)) if code == expected => {
                    report.completed = report.completed.saturating_add(1);
                }
                // Its client repeated after a lost answer, when it was verified already.
                (Some(code), _)
                    if code == "already_verified" && verified.contains(job.address.as_str()) =>
                {
                    report.repeated = report.repeated.saturating_add(1);
                }
                (Some(code), _)
                    if COULD_NOT_LOOK.contains(&code.as_str()) && job.attempt >= ATTEMPTS =>
                {
                    report.failed(code.clone());
                }
                (Some(code), _) => {
                    report.wrong(wrong(&format!("{code}: {}", told["error"]["message"])));
                }
            }
        }
        Ok(())
    }

    /// What the API says of a job, or why it says nothing.
    async fn told(&self, job: &Job) -> Value {
        let url = format!("{}/v2/verify/{}", self.system.stack.base_url(), job.id);
        match self.get(&url).await {
            Ok(document) => document,
            Err(error) => Value::String(format!("{error:#}")),
        }
    }

    async fn compared(&self, case: &Case) -> Result<Verdict> {
        let (base, address) = (self.system.stack.base_url(), &case.contract.address);
        let url = format!("{base}/v2/contract/{CHAIN_ID}/{address}{QUERY}");
        Ok(compare(case, &self.get(&url).await?))
    }

    /// Some instance may still be coming to itself: asked as a client asks, not for ever.
    async fn get(&self, url: &str) -> Result<Value> {
        let mut tries = 1..=TRIES;
        loop {
            let last = tries.next() == Some(TRIES);
            let read = async {
                let response = self.http.get(url).send().await?;
                response.error_for_status()?.json().await
            };
            match read.await {
                Ok(document) => return Ok(document),
                Err(error) if last || is_final(&error) => return Err(error.into()),
                Err(_broken) => sleep(PAUSE).await,
            }
        }
    }
}

fn is_final(error: &reqwest::Error) -> bool {
    let status = error.status();
    status.is_some_and(|status| status.is_client_error() && status.as_u16() != 429)
}

fn successes(jobs: &[Job]) -> impl Iterator<Item = &Job> {
    jobs.iter()
        .filter(|job| job.ended_at.is_some() && job.error.is_none())
}

/// How often each job's end was told, by all instances there ever were.
fn ends_in_logs(folder: &Path) -> Result<BTreeMap<String, usize>> {
    let mut ends = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "log") {
            continue;
        }
        let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        for line in String::from_utf8_lossy(&text).lines() {
            // One that was cut off by a kill, or is no JSON, tells of no end.
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            if line["event"] == "job_finished" || line["event"] == "job_abandoned" {
                let job = line["job_id"].as_str().unwrap_or_default();
                let count: &mut usize = ends.entry(job.to_owned()).or_default();
                *count = count.saturating_add(1);
            }
        }
    }
    Ok(ends)
}
