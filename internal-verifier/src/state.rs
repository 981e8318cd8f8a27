//! What a run of a job may use.

use common::db::Database;
use compiler::Compilers;
use tokio::sync::{Semaphore, watch};

use crate::chains::Chains;
use crate::config::RunConfig;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) database: Database,
    pub(crate) chains: Chains,
    pub(crate) compilers: Compilers,
    pub(crate) run: RunConfig,
    /// One job at a time: memory and processors are one job's limit.
    pub(crate) places: Semaphore,
    pub(crate) stopping: watch::Sender<bool>,
}
