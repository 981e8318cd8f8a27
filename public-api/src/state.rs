//! What every handler may use.

use std::sync::Arc;

use common::config::chains::ChainRegistry;
use common::db::Database;
use common::db::jobs::JobEvents;
use tokio::sync::Semaphore;

use crate::dispatch::Dispatcher;
use crate::estimates::Estimates;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) chains: ChainRegistry,
    pub(crate) database: Database,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) events: JobEvents,
    pub(crate) estimates: Estimates,
    /// One place for each stream of events that is open.
    pub(crate) streams: Arc<Semaphore>,
}
