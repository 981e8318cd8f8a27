//! The front of this package: find a release, compile with it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use verification::compiler::{CompilerVersion, ReleaseNumber};

use crate::artefacts::Prepared;
use crate::child::{self, Surroundings};
use crate::config::Config;
use crate::outcome::{Compilation, CompileError, Limits};
use crate::preparing::{self, Failure};
use crate::release::{NotAList, Release};
use crate::spawner::Spawner;

/// All compilers of this machine. Cheap to clone; every clone shares what was prepared.
#[derive(Debug, Clone)]
pub struct Compilers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    empty_folder: PathBuf,
    spawner: Spawner,
    releases: Mutex<HashMap<ReleaseNumber, Pending>>,
}

type Ready = Result<Arc<Prepared>, Failure>;

/// Empty until the release is prepared, or preparing failed.
type Pending = watch::Receiver<Option<Ready>>;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
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
    List(#[from] NotAList),
}

impl Compilers {
    /// Looks at nothing but the two programs and the folders: takes no time and little memory.
    ///
    /// # Errors
    ///
    /// When a program is missing, or the cache can't be written to.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        Release::known()?;
        for program in [&config.host_program, &config.intake_program] {
            if !program.is_file() {
                return Err(OpenError::NoProgram(program.clone()));
            }
        }
        // Children stand in a folder where there is nothing, and the cache must be writable anyway.
        let empty_folder = config.cache.join("empty");
        std::fs::create_dir_all(&empty_folder).map_err(|source| OpenError::Folder {
            path: empty_folder.clone(),
            source,
        })?;
        let spawner = Spawner::start().map_err(OpenError::Thread)?;
        let releases = Mutex::default();
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                empty_folder,
                spawner,
                releases,
            }),
        })
    }

    /// The release of that number and commit; `None` for nightlies and everything we don't know.
    #[must_use]
    pub fn find(&self, version: &CompilerVersion) -> Option<Release> {
        Release::find(version)
    }

    /// Every release that can be asked for, oldest first.
    #[must_use]
    pub fn releases(&self) -> Vec<Release> {
        // `open` has looked at the list.
        Release::known().unwrap_or_default()
    }

    /// Fetches a release and compiles it ahead of time, unless that was done. Compiling does so by
    /// itself; this is for warming up.
    ///
    /// # Errors
    ///
    /// When it can't be had, or what was prepared is not what it was.
    pub async fn prepare(&self, release: &Release) -> Result<(), CompileError> {
        self.prepared(release).await.map(drop)
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
        input: &[u8],
        limits: &Limits,
    ) -> Result<Compilation, CompileError> {
        let began = Instant::now();
        let known = self.find_ready(release);
        let waited = known.is_none();
        let prepared = match known {
            Some(prepared) => prepared,
            None => self.prepared(release).await?,
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

    fn find_ready(&self, release: &Release) -> Option<Arc<Prepared>> {
        let releases = self
            .inner
            .releases
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let pending = releases.get(&release.number())?;
        pending.borrow().as_ref()?.as_ref().ok().cloned()
    }

    /// Waits for whoever prepares it, or starts doing so.
    async fn prepared(&self, release: &Release) -> Result<Arc<Prepared>, CompileError> {
        let mut pending = self.pending(release);
        match pending.wait_for(Option::is_some).await {
            Ok(ready) => match ready.as_ref() {
                Some(Ok(prepared)) => Ok(Arc::clone(prepared)),
                Some(Err(failure)) => Err(failure.clone().into_error(release)),
                None => Err(CompileError::Stopping),
            },
            Err(_) => {
                // The runtime that prepared it has gone.
                self.inner.forget(release);
                Err(CompileError::Stopping)
            }
        }
    }

    fn pending(&self, release: &Release) -> Pending {
        let mut releases = self
            .inner
            .releases
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = releases.get(&release.number()) {
            return pending.clone();
        }
        let (sender, pending) = watch::channel(None);
        releases.insert(release.number(), pending.clone());
        // A task of its own: a job that is given up must not stop what others wait for.
        let inner = Arc::clone(&self.inner);
        let release = release.clone();
        tokio::spawn(async move {
            let ready = preparing::prepare(&inner.config, &release)
                .await
                .map(Arc::new);
            if ready.is_err() {
                // The next one to ask tries again.
                inner.forget(&release);
            }
            sender.send_replace(Some(ready));
        });
        pending
    }
}

impl Inner {
    fn forget(&self, release: &Release) {
        let mut releases = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        releases.remove(&release.number());
    }
}
