//! The front of this package: find a release, compile with it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use verification::compiler::{Compiler, CompilerVersion};

use crate::artefacts;
use crate::child::{self, Surroundings};
use crate::config::Config;
use crate::engine::{Engine, InputTraits};
use crate::native;
use crate::node;
use crate::outcome::{Compilation, CompileError, Limits};
use crate::prepared::Prepared;
use crate::preparing::{self, Failure, Supply};
use crate::release::{Catalogue, CatalogueError, Release};
use crate::spawner::Spawner;
use crate::vyper;
use crate::wasm;

/// All compilers of this machine. Cheap to clone; every clone shares what was prepared.
#[derive(Debug, Clone)]
pub struct Compilers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    catalogue: Catalogue,
    empty_folder: PathBuf,
    spawner: Spawner,
    ready: Mutex<HashMap<Key, Pending>>,
}

/// One release, run by one engine.
type Key = (Engine, String);

type Ready = Result<(Arc<Prepared>, Supply), Failure>;

/// Empty until the release is prepared, or preparing failed.
type Pending = watch::Receiver<Option<Ready>>;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the current folder can't be told, from which relative paths start")]
    Paths(#[source] std::io::Error),
    #[error("`{0}` is not a program")]
    NoProgram(PathBuf),
    #[error("the folder `{path}` can't be made")]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("no thread can be started")]
    Thread(#[source] std::io::Error),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl Compilers {
    /// Looks at nothing but the two programs, the lists and the folders: takes no time and little memory.
    ///
    /// # Errors
    ///
    /// When a program is missing, a list can't be read, or the cache can't be written to.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        // Children stand in another folder.
        let config = config.with_absolute_paths().map_err(OpenError::Paths)?;
        let catalogue = Catalogue::open(config.native_list.as_deref())?;
        for program in [&config.host_program, &config.intake_program] {
            if !program.is_file() {
                return Err(OpenError::NoProgram(program.clone()));
            }
        }
        // Children stand in a folder where there is nothing, and the cache must be writable anyway.
        let empty_folder = config.empty_folder();
        std::fs::create_dir_all(&empty_folder).map_err(|source| OpenError::Folder {
            path: empty_folder.clone(),
            source,
        })?;
        let spawner = Spawner::start().map_err(OpenError::Thread)?;
        let ready = Mutex::default();
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                catalogue,
                empty_folder,
                spawner,
                ready,
            }),
        })
    }

    /// The release of that number and commit; `None` for what we don't know, and for what no engine
    /// that is switched on can run.
    #[must_use]
    pub fn find(&self, compiler: Compiler, version: &CompilerVersion) -> Option<Release> {
        let mut fitting = self.inner.catalogue.list_fitting(compiler, version);
        let can_run =
            |release: &&Release| !self.engines(release, InputTraits::default()).is_empty();
        fitting.find(can_run).cloned()
    }

    /// Which engines can compile such an input with a release, the one to use first at the front.
    #[must_use]
    pub fn engines(&self, release: &Release, input: InputTraits) -> Vec<Engine> {
        let engines = &self.inner.config.engines;
        engines.in_order(&release.engines(), input)
    }

    /// Everything but the input that an output follows from: the engine and what of it is ours, the
    /// release, the pinned hashes of its files. Not the version of Node or Python: compilers' answers
    /// don't follow from that.
    #[must_use]
    pub fn fingerprint(&self, release: &Release, engine: Engine) -> String {
        let made_by = match engine {
            Engine::Wasm => format!("{} host {}", artefacts::maker(), wasm::HOST_FORMAT),
            Engine::Node => node::maker(),
            Engine::Vyper => vyper::maker(),
            Engine::Native => native::maker(release),
        };
        let files = release.pinned_hashes(engine).join(",");
        format!("{engine}|{made_by}|{release}|{files}")
    }

    /// Every release that can be asked for, oldest first.
    #[must_use]
    pub fn releases(&self) -> Vec<Release> {
        let mut known = self.inner.catalogue.releases().to_vec();
        known.retain(|release| !self.engines(release, InputTraits::default()).is_empty());
        known
    }

    /// Fetches a release and compiles it ahead of time, unless that was done. Compiling does so by
    /// itself; this is for warming up. Nothing is answered where it was ready, or somebody else made it so.
    ///
    /// # Errors
    ///
    /// When it can't be had, or what was prepared is not what it was.
    pub async fn prepare(
        &self,
        release: &Release,
        engine: Engine,
    ) -> Result<Option<Supply>, CompileError> {
        let (pending, begun) = self.pending(release, engine);
        let (_prepared, supply) = self.wait_for(pending, release, engine).await?;
        Ok(begun.then_some(supply))
    }

    /// Compiles standard JSON, exactly as given, in a process of its own. Any number may run at once.
    ///
    /// Dropping the future ends the process, and all it started, at once.
    ///
    /// # Errors
    ///
    /// When nothing was learned about the input, so that the caller may try again.
    pub async fn compile(
        &self,
        release: &Release,
        engine: Engine,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Compilation, CompileError> {
        let began = Instant::now();
        let known = self.find_ready(release, engine);
        let waited = known.is_none();
        let prepared = match known {
            Some(prepared) => prepared,
            None => {
                let (pending, _begun) = self.pending(release, engine);
                self.wait_for(pending, release, engine).await?.0
            }
        };
        let prepare = if waited {
            began.elapsed()
        } else {
            Duration::ZERO
        };
        let surroundings = Surroundings {
            spawner: &self.inner.spawner,
            program: &self.inner.config.host_program,
            empty_folder: &self.inner.empty_folder,
        };
        let compilation = child::compile(&surroundings, &prepared, input, limits).await?;
        Ok(Compilation {
            prepare,
            ..compilation
        })
    }

    fn find_ready(&self, release: &Release, engine: Engine) -> Option<Arc<Prepared>> {
        let ready = self.inner.lock_ready();
        let pending = ready.get(&key(release, engine))?;
        let ready = pending.borrow();
        let (prepared, _supply) = ready.as_ref()?.as_ref().ok()?;
        Some(Arc::clone(prepared))
    }

    async fn wait_for(
        &self,
        mut pending: Pending,
        release: &Release,
        engine: Engine,
    ) -> Result<(Arc<Prepared>, Supply), CompileError> {
        match pending.wait_for(Option::is_some).await {
            Ok(ready) => match ready.as_ref() {
                Some(Ok((prepared, supply))) => Ok((Arc::clone(prepared), *supply)),
                Some(Err(failure)) => Err(failure.clone().into_error(release)),
                None => Err(CompileError::Stopping),
            },
            Err(_) => {
                // The runtime that prepared it has gone.
                self.inner.forget(release, engine);
                Err(CompileError::Stopping)
            }
        }
    }

    /// Somebody prepares it: and if nobody did before, this has begun it.
    fn pending(&self, release: &Release, engine: Engine) -> (Pending, bool) {
        let mut ready = self.inner.lock_ready();
        if let Some(pending) = ready.get(&key(release, engine)) {
            return (pending.clone(), false);
        }
        let (sender, pending) = watch::channel(None);
        ready.insert(key(release, engine), pending.clone());
        // A task of its own: a job that is given up must not stop what others wait for.
        let inner = Arc::clone(&self.inner);
        let release = release.clone();
        tokio::spawn(async move {
            let ready = preparing::prepare(&inner.config, &release, engine)
                .await
                .map(|(prepared, supply)| (Arc::new(prepared), supply));
            if ready.is_err() {
                // The next one to ask tries again.
                inner.forget(&release, engine);
            }
            sender.send_replace(Some(ready));
        });
        (pending, true)
    }
}

impl Inner {
    fn lock_ready(&self) -> MutexGuard<'_, HashMap<Key, Pending>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, release: &Release, engine: Engine) {
        self.lock_ready().remove(&key(release, engine));
    }
}

fn key(release: &Release, engine: Engine) -> Key {
    (engine, release.to_string())
}
