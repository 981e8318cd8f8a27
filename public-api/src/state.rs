//! What every handler may use.

use std::sync::Arc;
use std::time::Duration;

use common::chains::Chains;
use common::config::chains::ChainRegistry;
use common::db::Database;
use common::db::jobs::{JobEvents, OpenJobLimits};
use tokio::sync::Semaphore;

use crate::body::Budget;
use crate::config::UpkeepConfig;
use crate::dispatch::Dispatcher;
use crate::estimates::Estimates;
use crate::explorer::Explorer;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) chains: ChainRegistry,
    pub(crate) nodes: Chains,
    /// How long the chain may be asked about one proxy.
    pub(crate) proxy_timeout: Duration,
    /// One place for each proxy about which the chain is being asked.
    pub(crate) proxy_questions: Semaphore,
    pub(crate) limits: OpenJobLimits,
    pub(crate) proxies: usize,
    pub(crate) explorer: Explorer,
    pub(crate) bodies: Budget,
    pub(crate) database: Database,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) events: JobEvents,
    pub(crate) upkeep: UpkeepConfig,
    pub(crate) estimates: Estimates,
    /// One place for each stream of events that is open.
    pub(crate) streams: Arc<Semaphore>,
}
