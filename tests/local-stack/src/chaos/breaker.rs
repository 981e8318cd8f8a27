//! Carries out the schedule: one fault after the other begins at its time, and ends at its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::schedule::{BadAnswer, Fault, Harm, Planned, Trouble, Victim, Way};
use super::system::System;
use crate::children;
use crate::cloud_run::{CloudRun, Instance, Phase};
use crate::cut::{Direction, Mode};
use crate::faulty_node::NodeFault;
use crate::process::Process;

/// How long a fault looks for somebody to hit.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const SLOW: Mode = Mode::Slow {
    to_target: Duration::from_millis(150),
    to_caller: Duration::from_millis(150),
};
const NODE_IS_FAR: Duration = Duration::from_millis(75);
/// Between two answers that are lost.
const ANSWERS: Duration = Duration::from_millis(100);
/// Of an answer that is lost this arrives.
const ANSWER_BYTES: u64 = 40;

/// A fault that happened.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) kind: String,
    /// When it began, in seconds since 1970: as the database tells the time.
    pub(super) at: f64,
    /// Whose attempts it may have cut off; `None`: anybody's.
    pub(super) jobs: Option<Vec<String>>,
}

/// What happened, so far.
#[derive(Debug, Default)]
pub(super) struct Done {
    hits: Mutex<Vec<Hit>>,
    compilers: Mutex<Vec<Compiler>>,
}

/// A compiler's process that must not outlive its verifier, with its start, since numbers go round.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Compiler {
    pid: u32,
    started: String,
}

impl Done {
    pub(super) fn hits(&self) -> Vec<Hit> {
        let hits = self.hits.lock();
        hits.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, fault: Fault, jobs: Option<Vec<String>>) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let hit = Hit {
            kind: fault.to_string(),
            at: since_1970.unwrap_or_default().as_secs_f64(),
            jobs,
        };
        let hits = self.hits.lock();
        hits.unwrap_or_else(PoisonError::into_inner).push(hit);
    }

    fn remember_compilers_of(&self, verifier: u32) {
        let compilers = children::descendants(verifier).into_iter();
        let known = compilers.filter_map(Compiler::find);
        let all = self.compilers.lock();
        all.unwrap_or_else(PoisonError::into_inner).extend(known);
    }

    /// Compilers that live on without the verifier that started them.
    pub(super) fn left_compilers(&self) -> usize {
        let all = self.compilers.lock();
        let all = all.unwrap_or_else(PoisonError::into_inner);
        let is_left = |one: &&Compiler| Compiler::find(one.pid).as_ref() == Some(*one);
        all.iter().filter(is_left).count()
    }
}

impl Compiler {
    fn find(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ');
        let is_over = matches!(fields.next()?, "Z" | "X");
        let started = fields.nth(18)?.to_owned();
        (!is_over).then_some(Self { pid, started })
    }
}

/// Returns when all faults have ended and everything is as it was.
///
/// # Errors
/// When Postgres does not start again.
pub(super) async fn carry_out(
    planned: Vec<Planned>,
    system: &Arc<System>,
    done: &Arc<Done>,
) -> Result<()> {
    system.heal();
    let began = Instant::now();
    let mut under_way = JoinSet::new();
    for one in planned {
        if let Some(at) = began.checked_add(one.at) {
            sleep_until(at).await;
        }
        let (system, done) = (Arc::clone(system), Arc::clone(done));
        under_way.spawn(async move { system.suffer(&one, &done).await });
    }
    while let Some(ended) = under_way.join_next().await {
        ended??;
    }
    system.heal();
    Ok(())
}

impl System {
    fn heal(&self) {
        for way in Way::ALL {
            self.way(way).set(usual(way));
        }
        self.node.heal();
    }

    async fn suffer(&self, planned: &Planned, done: &Done) -> Result<()> {
        let fault = planned.fault;
        match fault {
            Fault::Process(Victim::Compiler, harm) => {
                self.harm_compiler(planned, harm, done).await;
            }
            Fault::Process(victim, harm) => self.harm(planned, victim, harm, done).await,
            Fault::PostgresKilled { down_for } => {
                done.add(fault, None);
                self.postgres.crash(down_for).await?;
            }
            Fault::PostgresRestarted { down_for } => {
                done.add(fault, None);
                self.postgres.restart(down_for).await?;
            }
            Fault::PostgresFrozen { lasts } => {
                done.add(fault, None);
                self.postgres.freeze(lasts).await?;
            }
            Fault::Connections {
                way,
                trouble,
                lasts,
            } => {
                done.add(fault, None);
                self.trouble(way, trouble, lasts).await;
            }
            Fault::Node { answer, lasts } => {
                done.add(fault, None);
                self.answer_badly(answer);
                sleep(lasts).await;
                self.node.heal();
            }
        }
        Ok(())
    }

    async fn harm(&self, planned: &Planned, victim: Victim, harm: Harm, done: &Done) {
        let service = match (victim, self.stack.public_api_service()) {
            (Victim::PublicApi, Some(service)) => service,
            _ => self.stack.front(),
        };
        let find = || chosen(&busy_of(service), planned.choice);
        let Some(instance) = found(find).await else {
            return;
        };
        let process = &instance.process;
        let jobs = (victim == Victim::Verifier).then(|| jobs_of(process));
        if victim == Victim::Verifier && !matches!(harm, Harm::Freeze(_)) {
            done.remember_compilers_of(process.pid());
        }
        done.add(planned.fault, jobs);
        match harm {
            Harm::Kill => process.kill(),
            Harm::Terminate => {
                // It may be ending already, which is as good.
                let _ = service.shut_down(&instance);
            }
            Harm::Freeze(lasts) => {
                process.freeze_all();
                sleep(lasts).await;
                process.thaw_all();
            }
        }
    }

    async fn harm_compiler(&self, planned: &Planned, harm: Harm, done: &Done) {
        let find = || {
            let busy = busy_of(self.stack.front());
            let compilers: Vec<_> = busy.iter().flat_map(compilers_of).collect();
            chosen(&compilers, planned.choice)
        };
        let Some((process, pid)) = found(find).await else {
            return;
        };
        done.add(planned.fault, Some(jobs_of(&process)));
        let signal = match harm {
            Harm::Kill => libc::SIGKILL,
            Harm::Terminate => libc::SIGTERM,
            Harm::Freeze(_) => libc::SIGSTOP,
        };
        // It may have ended in this moment.
        let _ = children::signal(pid, signal);
        if let Harm::Freeze(lasts) = harm {
            sleep(lasts).await;
            // As above.
            let _ = children::thaw(pid);
        }
    }

    async fn trouble(&self, way: Way, trouble: Trouble, lasts: Duration) {
        let cut = self.way(way);
        let mode = match trouble {
            Trouble::Reset => return cut.cut_open(),
            Trouble::LoseAnswers => {
                let began = Instant::now();
                while began.elapsed() < lasts {
                    cut.cut_after(Direction::ToCaller, ANSWER_BYTES);
                    sleep(ANSWERS).await;
                }
                return;
            }
            Trouble::Refuse => Mode::Refuse,
            Trouble::Silence => Mode::Silent,
            Trouble::BlackHole => Mode::BlackHole,
            Trouble::Slow => SLOW,
        };
        cut.set(mode);
        sleep(lasts).await;
        cut.set(usual(way));
        // What was swallowed meanwhile never comes; some would wait for it longer than the run lasts.
        if matches!(trouble, Trouble::Silence | Trouble::BlackHole) {
            cut.cut_open();
        }
    }

    fn answer_badly(&self, answer: BadAnswer) {
        let status = |status| NodeFault::Status {
            status,
            retry_after_s: None,
        };
        match answer {
            BadAnswer::TooManyRequests => self.node.fail(status(429)),
            BadAnswer::Unavailable => self.node.fail(status(503)),
            BadAnswer::Malformed => self.node.fail(NodeFault::Malformed),
            BadAnswer::Null => self.node.fail_method("eth_getCode", NodeFault::Null),
        }
    }
}

/// A chain's node is never near.
fn usual(way: Way) -> Mode {
    match way {
        Way::ToChain => Mode::Slow {
            to_target: NODE_IS_FAR,
            to_caller: NODE_IS_FAR,
        },
        _ => Mode::Pass,
    }
}

/// Those that serve; if some have requests, only these.
fn busy_of(service: &CloudRun) -> Vec<Instance> {
    let mut serving = service.instances();
    serving.retain(|instance| instance.phase == Phase::Serving);
    if serving.iter().any(|instance| instance.in_flight > 0) {
        serving.retain(|instance| instance.in_flight > 0);
    }
    serving
}

fn compilers_of(instance: &Instance) -> Vec<(Arc<Process>, u32)> {
    let pids = children::descendants(instance.process.pid()).into_iter();
    pids.map(|pid| (Arc::clone(&instance.process), pid))
        .collect()
}

/// The jobs that a verifier has taken and not ended.
fn jobs_of(verifier: &Process) -> Vec<String> {
    let mut jobs = Vec::new();
    for line in verifier.lines() {
        let event = line["event"].as_str().unwrap_or_default();
        let job = line["job_id"].as_str().unwrap_or_default();
        match event {
            "lease_taken" => jobs.push(job.to_owned()),
            "job_finished" | "job_given_back" | "job_released" | "lease_lost" => {
                jobs.retain(|taken| taken != job);
            }
            _ => {}
        }
    }
    jobs
}

fn chosen<T: Clone>(all: &[T], choice: u64) -> Option<T> {
    let count = u64::try_from(all.len()).ok()?;
    let index = usize::try_from(choice.checked_rem(count)?).ok()?;
    all.get(index).cloned()
}

async fn found<T>(find: impl Fn() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let found = find();
        if found.is_some() || began.elapsed() > PATIENCE {
            return found;
        }
        sleep(LOOK_AGAIN).await;
    }
}
