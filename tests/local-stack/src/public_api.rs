//! public-api as it runs in a stack: some instances started by hand, or a service that starts them.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;

use crate::cloud_run::{CloudRun, ServiceConfig, Source};
use crate::process::Process;
use crate::settings::Settings;
use crate::stack::Platform;

#[derive(Debug)]
pub(crate) enum PublicApi {
    ByHand {
        first: Arc<Process>,
        others: Vec<Arc<Process>>,
    },
    Service {
        service: CloudRun,
        /// That there is always one to show.
        first: Arc<Process>,
    },
}

impl PublicApi {
    pub(crate) async fn start(settings: &Settings<'_>, verifier: &CloudRun) -> Result<Self> {
        let config = settings.config;
        let url = verifier.url();
        if config.platform == Platform::ByHand {
            let others = (1..config.public_apis)
                .map(|index| settings.public_api(index, &url))
                .collect::<Result<Vec<_>>>()?;
            let others = try_join_all(others.into_iter().map(Process::start));
            let first = Process::start(settings.public_api(0, &url)?);
            let (first, others) = tokio::try_join!(first, others)?;
            return Ok(Self::ByHand {
                first: Arc::new(first),
                others: others.into_iter().map(Arc::new).collect(),
            });
        }
        let service = CloudRun::start(ServiceConfig {
            source: Source::Started(settings.public_api(0, &url)?),
            revision: config.public_api.clone(),
            invoker: None,
        });
        let service = service.await?;
        let first = service.processes().into_iter().next();
        let first = first.context("public-api must have an instance from the start")?;
        Ok(Self::Service { service, first })
    }

    /// Where clients reach it: the first is the one that is meant where one is.
    pub(crate) fn urls(&self) -> Vec<String> {
        match self {
            Self::ByHand { .. } => {
                let by_hand = self.by_hand();
                let url = |process: &Arc<Process>| format!("http://{}", process.address());
                by_hand.iter().map(url).collect()
            }
            Self::Service { service, .. } => vec![service.url()],
        }
    }

    pub(crate) fn oldest(&self) -> Arc<Process> {
        match self {
            Self::ByHand { first, .. } => Arc::clone(first),
            Self::Service { service, first } => {
                let oldest = service.instances().into_iter().next();
                oldest.map_or_else(|| Arc::clone(first), |instance| instance.process)
            }
        }
    }

    pub(crate) fn service(&self) -> Option<&CloudRun> {
        match self {
            Self::ByHand { .. } => None,
            Self::Service { service, .. } => Some(service),
        }
    }

    pub(crate) fn by_hand(&self) -> Vec<Arc<Process>> {
        match self {
            Self::ByHand { first, others } => {
                std::iter::once(first).chain(others).cloned().collect()
            }
            Self::Service { .. } => Vec::new(),
        }
    }

    /// All there are, and those a service has started that have ended.
    pub(crate) fn processes(&self) -> Vec<Arc<Process>> {
        match self {
            Self::ByHand { .. } => self.by_hand(),
            Self::Service { service, .. } => service.processes(),
        }
    }

    /// Starts one again, which may have been killed, on the same port.
    pub(crate) async fn restart(&mut self, index: usize) -> Result<Arc<Process>> {
        let Self::ByHand { first, others } = self else {
            bail!("public-api's service starts it again");
        };
        let mut all = std::iter::once(first).chain(others);
        let process = all.nth(index).context("no such public-api")?;
        process.kill();
        let mut spec = process.spec().clone();
        let port = process.address().port();
        spec.environment.push(("PORT".to_owned(), port.to_string()));
        *process = Arc::new(Process::start(spec).await?);
        Ok(Arc::clone(process))
    }
}
