//! What every handler may use.

use common::chains::Chains;
use common::config::chains::ChainRegistry;
use common::db::Database;
use common::db::jobs::JobEnds;

use crate::dispatch::Dispatcher;
use crate::explorer::Explorer;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) chains: ChainRegistry,
    pub(crate) nodes: Chains,
    pub(crate) explorer: Explorer,
    pub(crate) database: Database,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) ends: JobEnds,
}
