//! What a run of a job may use.

use common::db::Database;
use tokio::sync::{Semaphore, watch};

use crate::config::RunConfig;
use crate::outputs::Outputs;
use crate::sources::Sources;
use common::chains::Chains;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) database: Database,
    pub(crate) chains: Chains,
    pub(crate) outputs: Outputs,
    pub(crate) sources: Sources,
    pub(crate) run: RunConfig,
    /// One job at a time: memory and processors are one job's limit.
    pub(crate) places: Semaphore,
    /// How many places there are.
    pub(crate) jobs_at_once: usize,
    pub(crate) stopping: watch::Sender<bool>,
}
