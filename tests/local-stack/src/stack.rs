//! The whole system: database, identity, verifiers, front, public-api.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::future::{join_all, try_join_all};
use serde_json::Value;
use tempfile::TempDir;

use crate::front::{Front, FrontConfig};
use crate::identity::IdentityServer;
use crate::issuer;
use crate::process::{Ended, Process};
use crate::programs::Programs;
use crate::settings::{PUBLIC_AUDIENCE, Settings};

/// Every engine for which `scripts/setup` installs what it needs, as a service's setting.
pub const ENGINES: &str = "wasm,node,vyper";

const HEALTHY_WITHIN: Duration = Duration::from_secs(10);

/// What to bring up, and how.
#[derive(Debug, Clone)]
pub struct StackConfig {
    pub chains: Chains,
    pub databases: Databases,
    /// Of public-api; 0 takes a free one.
    pub port: u16,
    pub verifiers: usize,
    /// Which log lines the services write.
    pub log: String,
    /// Where logs go; `None`: a folder that is removed at the end, unless a test fails.
    pub folder: Option<PathBuf>,
    /// Where compilers are kept between runs.
    pub cache: PathBuf,
    /// Limits of the front; its instances are filled in.
    pub front: FrontConfig,
    /// Settings of a service beside or instead of the usual ones; the last of a name holds.
    pub settings: Vec<(Service, String, String)>,
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
    /// One verifier, a free port, a folder for the time being.
    #[must_use]
    pub fn new(chains: Chains, databases: Databases) -> Self {
        Self {
            chains,
            databases,
            port: 0,
            verifiers: 1,
            log: "info".to_owned(),
            folder: None,
            cache: compiler::config::default_cache(),
            front: FrontConfig::new(Vec::new()),
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
    public_api: Process,
    front: Front,
    verifiers: Vec<Process>,
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
        let identity = IdentityServer::start(issuer::PUBLIC_API)?;
        let settings = Settings {
            config: &config,
            programs: &programs,
            folder: folder.path(),
            chains: &chains,
            identity: &identity,
        };
        let verifiers = (0..config.verifiers)
            .map(|index| Ok(Process::start(settings.verifier(index)?)))
            .collect::<Result<Vec<_>>>()?;
        let verifiers = try_join_all(verifiers).await?;
        let mut front = config.front.clone();
        front.instances = verifiers.iter().map(Process::address).collect();
        let front = Front::start(front)?;
        let public_api = Process::start(settings.public_api(&front)?).await?;
        let stack = Self {
            public_api,
            front,
            verifiers,
            identity,
            http: reqwest::Client::builder().no_proxy().build()?,
            folder,
        };
        let all: Vec<_> = stack.processes().collect();
        try_join_all(
            all.into_iter()
                .map(|process| stack.wait_until_healthy(process)),
        )
        .await?;
        Ok(stack)
    }

    /// Where public-api listens.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.public_api.address())
    }

    #[must_use]
    pub fn public_api(&self) -> &Process {
        &self.public_api
    }

    /// One of the verifiers, from 0.
    #[must_use]
    pub fn verifier(&self, index: usize) -> Option<&Process> {
        self.verifiers.get(index)
    }

    /// public-api first, then the verifiers.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        std::iter::once(&self.public_api).chain(&self.verifiers)
    }

    #[must_use]
    pub fn front(&self) -> &Front {
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
        *verifier = Process::start(verifier.spec().clone()).await?;
        self.front.move_instance(index, verifier.address());
        let verifier = self.verifiers.get(index).context("no such verifier")?;
        self.wait_until_healthy(verifier).await
    }

    /// Starts public-api again, which may have been killed, on the same port.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart_public_api(&mut self) -> Result<()> {
        self.public_api.kill();
        let mut spec = self.public_api.spec().clone();
        let port = self.public_api.address().port();
        spec.environment.push(("PORT".to_owned(), port.to_string()));
        self.public_api = Process::start(spec).await?;
        self.wait_until_healthy(&self.public_api).await
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
        if self.public_api.has_ended()?.is_some() {
            names.push(self.public_api.name().to_owned());
            self.restart_public_api().await?;
        }
        Ok(names)
    }

    /// Ends everything as the platform does, and says of each service how it ended.
    ///
    /// # Errors
    /// When the system does not tell how.
    pub async fn stop(self) -> Result<Vec<(String, Ended)>> {
        let all: Vec<_> = self.processes().collect();
        let ended = join_all(all.iter().map(|process| process.stop())).await;
        let named = all.iter().zip(ended);
        named
            .map(|(process, ended)| Ok((process.name().to_owned(), ended?)))
            .collect()
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
