//! The whole system: database, identity, verifiers, front, public-api.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::future::{join_all, try_join_all};
use serde_json::Value;
use tempfile::TempDir;

use crate::cloud_run::{CloudRun, Revision, ServiceConfig, Source};
use crate::identity::{Accounts, IdentityServer};
use crate::issuer;
use crate::process::{Ended, Process};
use crate::programs::Programs;
use crate::public_api::PublicApi;
use crate::settings::{PUBLIC_AUDIENCE, Settings};

/// Every engine for which `scripts/setup` installs what it needs, as a service's setting.
pub const ENGINES: &str = "wasm,node,vyper";

const HEALTHY_WITHIN: Duration = Duration::from_secs(10);

/// What to bring up, and how.
#[derive(Debug, Clone)]
pub struct StackConfig {
    pub chains: Chains,
    pub databases: Databases,
    /// Of public-api, of several the first: the others have those behind it. 0 takes free ones.
    pub port: u16,
    /// How many, where they are started by hand.
    pub public_apis: usize,
    /// How many, where they are started by hand.
    pub verifiers: usize,
    pub platform: Platform,
    /// Which log lines the services write.
    pub log: String,
    /// Where logs go; `None`: a folder that is removed at the end, unless a test fails.
    pub folder: Option<PathBuf>,
    /// Where compilers are kept between runs.
    pub cache: PathBuf,
    /// Limits of the verifier's service; where instances are started by hand, their number is not one.
    pub verifier: Revision,
    /// Limits of public-api's service, if it has one.
    pub public_api: Revision,
    /// Settings of a service beside or instead of the usual ones; the last of a name holds.
    pub settings: Vec<(Service, String, String)>,
}

/// Who starts and restarts the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// This program does: public-api without anything in front, and verifiers behind a service
    /// that starts none. [`Stack::restart_verifier`] and the like bring back what has ended.
    ByHand,
    /// Each of both is behind a service that starts and stops instances by itself.
    Autoscaled,
}

/// Which chains the services know.
#[derive(Debug, Clone)]
pub enum Chains {
    File(PathBuf),
    Document(Value),
}

/// Where each process finds the database, each in its own role.
#[derive(Debug, Clone)]
pub struct Databases {
    /// The role that owns the schema; `None`: the database has its schema already.
    pub migrate: Option<String>,
    pub public_api: String,
    pub internal_verifier: String,
}

impl Databases {
    /// One role for all, who must own the schema.
    #[must_use]
    pub fn same(url: &str) -> Self {
        Self {
            migrate: Some(url.to_owned()),
            public_api: url.to_owned(),
            internal_verifier: url.to_owned(),
        }
    }
}

/// The two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    PublicApi,
    InternalVerifier,
}

impl Service {
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::PublicApi => "public-api",
            Self::InternalVerifier => "internal-verifier",
        }
    }
}

impl StackConfig {
    /// One of each service, a free port, a folder for the time being.
    #[must_use]
    pub fn new(chains: Chains, databases: Databases) -> Self {
        Self {
            chains,
            databases,
            port: 0,
            public_apis: 1,
            verifiers: 1,
            platform: Platform::ByHand,
            log: "info".to_owned(),
            folder: None,
            cache: compiler::config::default_cache(),
            verifier: Revision::verifier(),
            public_api: Revision::public_api(),
            settings: Vec::new(),
        }
    }

    /// Adds a setting of one service.
    #[must_use]
    pub fn with(mut self, service: Service, name: &str, value: &str) -> Self {
        self.settings
            .push((service, name.to_owned(), value.to_owned()));
        self
    }
}

/// The running system. Dropping it kills it; [`Stack::stop`] ends it as the platform would.
#[derive(Debug)]
pub struct Stack {
    // Dropped in this order: who calls goes before whom it calls.
    public_api: PublicApi,
    front: CloudRun,
    /// Those started by hand.
    verifiers: Vec<Arc<Process>>,
    identity: IdentityServer,
    http: reqwest::Client,
    folder: Folder,
}

#[derive(Debug)]
enum Folder {
    Named(PathBuf),
    Temporary(TempDir),
}

impl Stack {
    /// Brings everything up and waits until both services are healthy.
    ///
    /// # Errors
    /// When a program has not been built, or something does not start. Nothing is left running.
    pub async fn start(config: StackConfig) -> Result<Self> {
        let programs = Programs::beside_this_one()?;
        let folder = Folder::make(config.folder.as_deref())?;
        let chains = config.chains.file(folder.path())?;
        if let Some(url) = &config.databases.migrate {
            migrate(&programs, url).await?;
        }
        let accounts = Accounts {
            default: issuer::PUBLIC_API.to_owned(),
            others: vec![issuer::SWEEPER.to_owned()],
        };
        let identity = IdentityServer::start_at((Ipv4Addr::LOCALHOST, 0).into(), accounts)?;
        let settings = Settings {
            config: &config,
            programs: &programs,
            folder: folder.path(),
            chains: &chains,
            identity: &identity,
        };
        let (front, verifiers) = start_verifiers(&settings).await?;
        let public_api = PublicApi::start(&settings, &front).await?;
        let stack = Self {
            public_api,
            front,
            verifiers,
            identity,
            http: reqwest::Client::builder().no_proxy().build()?,
            folder,
        };
        let all = stack.by_hand();
        try_join_all(all.iter().map(|process| stack.wait_until_healthy(process))).await?;
        Ok(stack)
    }

    /// Where public-api is reached; of several the first.
    #[must_use]
    pub fn base_url(&self) -> String {
        let urls = self.public_api.urls();
        urls.into_iter().next().unwrap_or_default()
    }

    /// Where each public-api is reached that was started by hand, or all of the service's at once.
    #[must_use]
    pub fn base_urls(&self) -> Vec<String> {
        self.public_api.urls()
    }

    /// public-api's process; of several the oldest.
    #[must_use]
    pub fn public_api(&self) -> Arc<Process> {
        self.public_api.oldest()
    }

    /// The service in front of public-api; none where it is started by hand.
    #[must_use]
    pub fn public_api_service(&self) -> Option<&CloudRun> {
        self.public_api.service()
    }

    /// One of the verifiers that were started by hand, from 0.
    #[must_use]
    pub fn verifier(&self, index: usize) -> Option<&Process> {
        self.verifiers.get(index).map(|process| &**process)
    }

    /// All there are, and those a service has started that have ended: public-api first, then the
    /// verifiers.
    pub fn processes(&self) -> impl Iterator<Item = Arc<Process>> {
        let public_api = self.public_api.processes().into_iter();
        let verifiers = self.front.processes().into_iter();
        let verifiers = verifiers.chain(self.verifiers.iter().cloned());
        public_api.chain(verifiers)
    }

    fn by_hand(&self) -> Vec<Arc<Process>> {
        let public_api = self.public_api.by_hand().into_iter();
        public_api.chain(self.verifiers.iter().cloned()).collect()
    }

    /// The service in front of the verifiers.
    #[must_use]
    pub fn front(&self) -> &CloudRun {
        &self.front
    }

    #[must_use]
    pub fn identity(&self) -> &IdentityServer {
        &self.identity
    }

    /// Where the logs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A token that public-api's sweep route lets in, as the scheduler sends it.
    ///
    /// # Errors
    /// When signing fails.
    pub fn sweep_token(&self) -> Result<String> {
        let issuer = self.identity.issuer();
        issuer.token(issuer::SWEEPER, PUBLIC_AUDIENCE)
    }

    /// Starts a verifier again, which may have been killed, on another port.
    ///
    /// # Errors
    /// When there is no such verifier, or it does not start.
    pub async fn restart_verifier(&mut self, index: usize) -> Result<()> {
        let verifier = self.verifiers.get_mut(index).context("no such verifier")?;
        verifier.kill();
        *verifier = Arc::new(Process::start(verifier.spec().clone()).await?);
        self.front.move_instance(index, verifier.address());
        let verifier = self.verifiers.get(index).context("no such verifier")?;
        self.wait_until_healthy(verifier).await
    }

    /// Starts public-api again, which may have been killed, on the same port; of several the first.
    ///
    /// # Errors
    /// When it does not start, or is not ours to start.
    pub async fn restart_public_api(&mut self) -> Result<()> {
        self.restart_public_api_number(0).await
    }

    async fn restart_public_api_number(&mut self, index: usize) -> Result<()> {
        let process = self.public_api.restart(index).await?;
        self.wait_until_healthy(&process).await
    }

    /// Does what Cloud Run does about instances that have ended: starts them again. Gives the names
    /// of those.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn restart_ended(&mut self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for index in 0..self.verifiers.len() {
            let verifier = self.verifiers.get(index).context("no such verifier")?;
            if verifier.has_ended()?.is_some() {
                names.push(verifier.name().to_owned());
                self.restart_verifier(index).await?;
            }
        }
        for (index, process) in self.public_api.by_hand().iter().enumerate() {
            if process.has_ended()?.is_some() {
                names.push(process.name().to_owned());
                self.restart_public_api_number(index).await?;
            }
        }
        Ok(names)
    }

    /// Ends everything as the platform does, and says of each service how it ended.
    ///
    /// # Errors
    /// When the system does not tell how.
    pub async fn stop(self) -> Result<Vec<(String, Ended)>> {
        let by_hand = self.by_hand();
        let by_hand = join_all(by_hand.iter().map(async |process| {
            let ended = process.stop().await?;
            Ok((process.name().to_owned(), ended))
        }));
        let public_api = async {
            match self.public_api {
                PublicApi::ByHand { .. } => Ok(Vec::new()),
                PublicApi::Service { service, .. } => service.stop().await,
            }
        };
        let (by_hand, public_api, verifiers) = tokio::join!(by_hand, public_api, self.front.stop());
        let mut all = by_hand.into_iter().collect::<Result<Vec<_>>>()?;
        all.extend(public_api?);
        all.extend(verifiers?);
        Ok(all)
    }

    async fn wait_until_healthy(&self, process: &Process) -> Result<()> {
        let url = format!("http://{}/health", process.address());
        let deadline = Instant::now().checked_add(HEALTHY_WITHIN);
        loop {
            let answer = self.http.get(&url).send().await;
            if answer.as_ref().is_ok_and(|answer| answer.status() == 200) {
                return Ok(());
            }
            if process.has_ended()?.is_some() || deadline.is_none_or(|at| Instant::now() > at) {
                let log = process.log().display();
                bail!("{} is not healthy: {answer:?}; see {log}", process.name());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The verifier's service, and the instances behind it that were started by hand.
async fn start_verifiers(settings: &Settings<'_>) -> Result<(CloudRun, Vec<Arc<Process>>)> {
    let config = settings.config;
    let mut by_hand = Vec::new();
    let source = match config.platform {
        Platform::Autoscaled => Source::Started(settings.verifier("internal-verifier")?),
        Platform::ByHand => {
            let specs = (0..config.verifiers)
                .map(|index| settings.verifier(&format!("internal-verifier-{index}")))
                .collect::<Result<Vec<_>>>()?;
            let started = try_join_all(specs.into_iter().map(Process::start)).await?;
            by_hand.extend(started.into_iter().map(Arc::new));
            Source::ByHand(by_hand.iter().map(|process| process.address()).collect())
        }
    };
    let service = CloudRun::start(ServiceConfig {
        source,
        revision: config.verifier.clone(),
        invoker: Some(settings.invoker()),
    });
    Ok((service.await?, by_hand))
}

impl Folder {
    fn make(named: Option<&Path>) -> Result<Self> {
        let Some(path) = named else {
            return Ok(Self::Temporary(
                tempfile::tempdir().context("a folder for logs")?,
            ));
        };
        fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
        let path = path.canonicalize()?;
        Ok(Self::Named(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let (Self::Temporary(folder), true) = (self, std::thread::panicking()) {
            folder.disable_cleanup(true);
            eprintln!("the logs are kept in {}", folder.path().display());
        }
    }
}

impl Chains {
    fn file(&self, folder: &Path) -> Result<PathBuf> {
        match self {
            Self::File(path) => path
                .canonicalize()
                .with_context(|| format!("finding the chains file {}", path.display())),
            Self::Document(document) => {
                let path = folder.join("chains.json");
                fs::write(&path, document.to_string()).context("writing the chains file")?;
                Ok(path)
            }
        }
    }
}

async fn migrate(programs: &Programs, database_url: &str) -> Result<()> {
    let mut command = Command::new(programs.find("migrate")?);
    command.env_clear().env("DATABASE_URL", database_url);
    let output = tokio::task::spawn_blocking(move || command.output()).await?;
    let output = output.context("starting migrate")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let wrote = String::from_utf8_lossy(&output.stdout);
        bail!("migrate ended with {}: {wrote}{said}", output.status);
    }
    Ok(())
}
