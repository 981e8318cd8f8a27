//! The front of this package: find a release, compile with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use verification::compiler::{Compiler, CompilerVersion};

use crate::artefacts;
use crate::child::{self, Surroundings};
use crate::config::Config;
use crate::engine::{Engine, InputTraits};
use crate::files_of_release;
use crate::native;
use crate::node;
use crate::outcome::{Compilation, CompileError, Limits};
use crate::prepared::Prepared;
use crate::preparing::{self, Supply};
use crate::ready::{End, Evicted, Pending, ReadyReleases, key};
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
    ready: ReadyReleases,
}

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
        let ready = ReadyReleases::new(config.own_bytes);
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
        let (mut pending, begun) = self.pending(release, engine);
        let (_prepared, supply) = self.wait_for(&mut pending, release, engine).await?;
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
        // Held until the end: what is in use is not evicted.
        let (mut pending, _begun) = self.pending(release, engine);
        let was_ready = pending.has_ended();
        let (prepared, _supply) = self.wait_for(&mut pending, release, engine).await?;
        let prepare = if was_ready {
            Duration::ZERO
        } else {
            began.elapsed()
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

    async fn wait_for(
        &self,
        pending: &mut Pending,
        release: &Release,
        engine: Engine,
    ) -> Result<(Arc<Prepared>, Supply), CompileError> {
        match pending.end.wait_for(Option::is_some).await {
            Ok(ready) => match ready.as_ref() {
                Some(Ok((prepared, supply))) => Ok((Arc::clone(prepared), *supply)),
                Some(Err(failure)) => Err(failure.clone().into_error(release)),
                None => Err(CompileError::Stopping),
            },
            Err(_) => {
                // The runtime that prepared it has gone.
                self.inner.ready.forget(&key(release, engine));
                Err(CompileError::Stopping)
            }
        }
    }

    /// Somebody prepares it: and if nobody did before, this has begun it.
    fn pending(&self, release: &Release, engine: Engine) -> (Pending, bool) {
        let (pending, sender) = self.inner.ready.ask(key(release, engine));
        let Some(sender) = sender else {
            return (pending, false);
        };
        // A task of its own: a job that is given up must not stop what others wait for.
        let inner = Arc::clone(&self.inner);
        let release = release.clone();
        tokio::spawn(async move {
            let end = inner.make_ready(&release, engine).await;
            sender.send_replace(Some(end));
        });
        (pending, true)
    }
}

impl Inner {
    async fn make_ready(&self, release: &Release, engine: Engine) -> End {
        let key = key(release, engine);
        let made = preparing::prepare(&self.config, release, engine).await;
        let (prepared, supply, files) = made.inspect_err(|_| self.ready.forget(&key))?;
        let evicted = self.ready.settle(&key, supply, files);
        if !evicted.is_empty() {
            // Nobody waits for it.
            tokio::task::spawn_blocking(move || evicted.into_iter().for_each(delete));
        }
        Ok((Arc::new(prepared), supply))
    }
}

/// What stays behind takes room until the same release is taken in again; an executable of solc until somebody deletes it.
fn delete(evicted: Evicted) {
    let (engine, release) = &evicted.key;
    tracing::info!(
        event = "compiler_evicted", compiler.version = release, %engine, bytes = evicted.bytes,
        "compiler {release} was not used for longest, and gives its room to another"
    );
    for aside in evicted.aside {
        let deleted = match aside {
            Ok(path) => files_of_release::delete(&path),
            Err(not_moved) => Err(std::io::Error::other(not_moved)),
        };
        if let Err(error) = deleted {
            tracing::warn!(
                event = "compiler_not_deleted", compiler.version = release, %engine,
                error = crate::error_chain(&error), "a part of compiler {release} takes room still"
            );
        }
    }
}
