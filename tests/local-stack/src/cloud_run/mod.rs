//! A stand-in for one service of Cloud Run: what is behind it cannot tell it from the platform.
//!
//! It starts and stops instances by the requests in flight, within the limits of the service's
//! [`Revision`]. A request waits while all instances are taken or one is starting; when that takes too
//! long it is 429, and 500 when no instance can be started. An instance that dies is 503 for its
//! requests, and is replaced. A request that takes too long gets 504 *and its instance runs on*, beside
//! the next request. A caller that goes away is not passed on. A service that is not public has its
//! caller's token checked before anything else. An instance without a request can be frozen.
//!
//! Instances may also be somebody else's ([`Source::ByHand`]): a test that kills and restarts its
//! verifiers itself. Faults can be ordered one request at a time.

mod call;
mod instances;
mod invoker;
mod place;
mod proxy;
mod report;
mod scaling;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::web;
use anyhow::{Context, Result, bail};
use futures::future::join_all;

pub use self::instances::{Instance, Phase};
pub use self::invoker::InvokerConfig;
pub use self::report::{FrontFault, FrontReport};
use self::scaling::Shared;
use crate::process::{Ended, Process, ProcessSpec};
use crate::server::Server;

/// Cloud Run's limit for a request's body over HTTP/1.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;
/// How often instances are looked after.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One service.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    pub source: Source,
    pub revision: Revision,
    /// Who may call; `None`: everybody.
    pub invoker: Option<InvokerConfig>,
}

/// Where instances come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// They are there already, and whoever started them looks after them.
    ByHand(Vec<SocketAddr>),
    /// Each is such a process, with a number behind its name and a log of its own.
    Started(ProcessSpec),
}

/// The limits of a service, by the platform's names.
#[derive(Debug, Clone)]
pub struct Revision {
    /// Requests that one instance gets at once.
    pub concurrency: usize,
    pub min_instances: usize,
    pub max_instances: usize,
    /// From a request's arrival to the last byte of its answer; then it is 504.
    pub request_timeout: Duration,
    /// How long a request waits for an instance; `None`: 3.5 times the mean start, at least 10 s.
    pub pending_limit: Option<Duration>,
    /// An instance above the minimum is stopped after so long without a request.
    pub idle_limit: Duration,
    /// What a start takes longer than the process does.
    pub start_delay: Duration,
    /// Processor time only with a request in flight: an instance without one is frozen.
    pub cpu_idle: bool,
}

impl Revision {
    /// The verifier's: one request an instance, none kept, at most four, frozen never.
    #[must_use]
    pub fn verifier() -> Self {
        Self {
            concurrency: 1,
            min_instances: 0,
            max_instances: 4,
            request_timeout: Duration::from_secs(960),
            pending_limit: None,
            idle_limit: Duration::from_secs(900),
            start_delay: Duration::ZERO,
            cpu_idle: false,
        }
    }

    /// public-api's: many requests an instance, one kept.
    #[must_use]
    pub fn public_api() -> Self {
        Self {
            concurrency: 80,
            min_instances: 1,
            request_timeout: Duration::from_secs(300),
            ..Self::verifier()
        }
    }
}

/// A running service; it and its instances end when it is dropped.
#[derive(Debug)]
pub struct CloudRun {
    shared: Arc<Shared>,
    care: tokio::task::JoinHandle<()>,
    server: Server,
}

impl CloudRun {
    /// Serves on a free port, inside the running tokio runtime, once the least instances are there.
    ///
    /// # Errors
    /// When no port is free, or an instance does not start.
    pub async fn start(config: ServiceConfig) -> Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), config).await
    }

    /// Serves there, as [`CloudRun::start`] does on a free port.
    ///
    /// # Errors
    /// When the port is taken, or an instance does not start.
    pub async fn start_at(address: SocketAddr, config: ServiceConfig) -> Result<Self> {
        let shared = Arc::new(Shared::new(config)?);
        let for_server = web::Data::from(Arc::clone(&shared));
        let server = Server::start_at(address, move |app| {
            app.app_data(for_server.clone())
                .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
                .default_service(web::to(proxy::receive));
        })?;
        let weak = Arc::downgrade(&shared);
        let care = tokio::spawn(async move {
            while let Some(shared) = weak.upgrade() {
                shared.look_after();
                drop(shared);
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
        let service = Self {
            shared,
            care,
            server,
        };
        service.until_least_instances().await?;
        Ok(service)
    }

    async fn until_least_instances(&self) -> Result<()> {
        while !self.shared.has_least_instances() {
            if let Some(error) = self.shared.start_error() {
                bail!("an instance does not start: {error}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// The service's address, as callers know it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// An instance that is looked after by hand has been started again somewhere else.
    pub fn move_instance(&self, index: usize, address: SocketAddr) {
        self.shared.move_instance(index, address);
    }

    /// Orders a fault for the next request that has none yet.
    pub fn fail_next(&self, fault: FrontFault) {
        self.shared.order(fault);
    }

    #[must_use]
    pub fn report(&self) -> FrontReport {
        self.shared.report()
    }

    /// Those that were started and have not ended, the oldest first; for whoever wants to kill or
    /// freeze one.
    #[must_use]
    pub fn instances(&self) -> Vec<Instance> {
        self.shared.instances()
    }

    /// All there ever were, also those that have ended.
    #[must_use]
    pub fn processes(&self) -> Vec<Arc<Process>> {
        self.shared.processes()
    }

    /// Stops an instance as the platform does, which may happen at any time, also during a request.
    ///
    /// # Errors
    /// When there is no such instance, or it is being stopped already.
    pub fn shut_down(&self, instance: &Instance) -> Result<()> {
        let begun = self.shared.shut_down(instance.id);
        begun
            .then_some(())
            .with_context(|| format!("{} is not serving", instance.process.name()))
    }

    /// Stops all instances as the platform does, and says of each how it ended. No others are started.
    ///
    /// # Errors
    /// When the system does not tell how.
    pub async fn stop(self) -> Result<Vec<(String, Ended)>> {
        let live = self.shared.close();
        let ended = join_all(live.iter().map(|process| process.stop())).await;
        let named = live.iter().zip(ended);
        named
            .map(|(process, ended)| Ok((process.name().to_owned(), ended?)))
            .collect()
    }
}

impl Drop for CloudRun {
    fn drop(&mut self) {
        self.care.abort();
        for process in self.shared.close() {
            process.kill();
        }
    }
}

/// Nothing that is locked here can be left half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
