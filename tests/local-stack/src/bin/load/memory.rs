//! Memory of everything that runs, at rest and at its most, and how busy the verifiers are meanwhile.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use local_stack::process::Process;
use local_stack::usage::{Usage, proportional_bytes};
use local_stack::{Stack, children};

use crate::server::{Jobs, Server};

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is looked at, and the most that was seen.
pub(crate) struct Watch {
    services: Vec<Service>,
    postgres: u32,
    postgres_rest_bytes: u64,
    postgres_peak_bytes: u64,
    compilers_peak_bytes: u64,
    looks: u32,
    running: i64,
}

struct Service {
    process: Arc<Process>,
    rest_bytes: u64,
}

impl Watch {
    /// Takes what there is now as rest.
    ///
    /// # Errors
    /// When a process has ended.
    pub(crate) fn at_rest(server: &Server, stack: &Stack) -> Result<Self> {
        let services = stack.processes().map(|process| {
            let rest_bytes = process.usage()?.resident_bytes;
            Ok(Service {
                process,
                rest_bytes,
            })
        });
        let rest = with_descendants(server.pid);
        Ok(Self {
            services: services.collect::<Result<_>>()?,
            postgres: server.pid,
            postgres_rest_bytes: rest,
            postgres_peak_bytes: rest,
            compilers_peak_bytes: 0,
            looks: 0,
            running: 0,
        })
    }

    /// Looks again and again until this ends.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn during<T>(
        &mut self,
        jobs: &Jobs,
        work: impl Future<Output = T>,
    ) -> Result<T> {
        let mut work = std::pin::pin!(work);
        let mut next = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                _ = next.tick() => self.look(jobs).await?,
            }
        }
    }

    async fn look(&mut self, jobs: &Jobs) -> Result<()> {
        let postgres = with_descendants(self.postgres);
        self.postgres_peak_bytes = self.postgres_peak_bytes.max(postgres);
        let started = self.services.iter().flat_map(|service| {
            let pid = service.process.pid();
            children::descendants(pid)
        });
        let compilers = started.map(proportional).fold(0, u64::saturating_add);
        self.compilers_peak_bytes = self.compilers_peak_bytes.max(compilers);
        let running = jobs.count().await?.running;
        self.running = self.running.saturating_add(running);
        self.looks = self.looks.saturating_add(1);
        Ok(())
    }

    /// How many jobs were under way, on average.
    pub(crate) fn mean_running(&self) -> f64 {
        let running = u32::try_from(self.running).unwrap_or(u32::MAX);
        f64::from(running) / f64::from(self.looks.max(1))
    }

    /// Processor time of all compilers until now.
    ///
    /// # Errors
    /// When a process has ended.
    pub(crate) fn compilers_cpu(&self) -> Result<Duration> {
        let mut all = Duration::ZERO;
        for service in &self.services {
            all = all.saturating_add(service.process.usage()?.cpu_of_ended_children);
            for pid in children::descendants(service.process.pid()) {
                // One that has ended meanwhile is counted among those the next time.
                all = all.saturating_add(Usage::of(pid).map(|usage| usage.cpu).unwrap_or_default());
            }
        }
        Ok(all)
    }

    /// # Errors
    /// When a process has ended.
    pub(crate) fn write(&self, out: &mut impl Write) -> Result<()> {
        writeln!(out, "\n{:<24} {:>8} {:>8}", "memory, MB", "at rest", "peak")?;
        for Service {
            process,
            rest_bytes,
        } in &self.services
        {
            let peak = process.usage()?.peak_resident_bytes;
            write_row(out, process.name(), *rest_bytes, peak)?;
        }
        write_row(out, "all compilers", 0, self.compilers_peak_bytes)?;
        let (rest, peak) = (self.postgres_rest_bytes, self.postgres_peak_bytes);
        write_row(out, "all of Postgres", rest, peak)?;
        writeln!(
            out,
            "services: resident; compilers and Postgres: proportional, seen every {LOOK_EVERY:?}"
        )?;
        Ok(())
    }
}

fn write_row(out: &mut impl Write, name: &str, rest: u64, peak: u64) -> Result<()> {
    writeln!(out, "{name:<24} {:>8} {:>8}", rest >> 20, peak >> 20)?;
    Ok(())
}

fn with_descendants(pid: u32) -> u64 {
    let all = children::descendants(pid).into_iter().chain([pid]);
    all.map(proportional).fold(0, u64::saturating_add)
}

/// Nothing for one that has ended.
fn proportional(pid: u32) -> u64 {
    proportional_bytes(pid).unwrap_or_default()
}
