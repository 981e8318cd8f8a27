//! A real Postgres for tests and demonstrations, and a database of its own for each test.
//!
//! `DATABASE_URL` wins if it is set: databases are then made on that server. Else a private cluster is
//! started from the binaries of this machine, on a Unix socket only and with durability off. It ends
//! with this process, also when that is killed, and leaves no data behind. Nothing is downloaded.
//!
//! One long-lived thread owns the server. The kernel ends a child with the *thread* that started it,
//! and a test's thread ends with its test.

mod cluster;
mod config;
mod keeper;
mod place;
mod reaper;
mod server;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use cluster::Break;
use keeper::Keeper;
use server::Server;

/// A server that runs for as long as this lives.
#[derive(Debug)]
pub struct Postgres {
    keeper: Keeper,
}

/// One of Postgres's own programs.
#[must_use]
pub fn binary(name: &str) -> Option<PathBuf> {
    let path = cluster::find_binaries()?.join(name);
    path.is_file().then_some(path)
}

impl Postgres {
    /// The server of `DATABASE_URL`, or a private one whose data go with it.
    ///
    /// # Errors
    /// There is no server, and no binaries to start one; the text says what to install.
    pub fn start() -> Result<Self> {
        Self::start_with(|| match config::server_url() {
            Some(url) => Ok(Server::existing(url)),
            None => Server::temporary(),
        })
    }

    /// A private server that loses nothing that was committed when it is killed.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_durable() -> Result<Self> {
        Self::start_with(Server::durable)
    }

    /// A private server whose data stay in this folder, for a demonstration that goes on tomorrow.
    ///
    /// # Errors
    /// As [`Self::start`]; or the folder is in use, or its path too long for a socket.
    pub fn start_in(folder: &Path) -> Result<Self> {
        let folder = folder.to_owned();
        Self::start_with(move || Server::in_folder(&folder))
    }

    /// The server that all tests of this process share, started by the first that asks.
    ///
    /// # Errors
    /// As [`Self::start`], for everybody who asks.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Postgres>> = OnceLock::new();
        let shared = SHARED.get_or_init(Self::start);
        shared.as_ref().map_err(|fault| anyhow!("{fault:#}"))
    }

    /// A new database with the whole schema: a copy of a template that is migrated once.
    ///
    /// # Errors
    /// The server refuses; the migrations fail.
    pub async fn fresh_database(&self) -> Result<TestDatabase> {
        let url = self.keeper.create_fresh().await?;
        Ok(TestDatabase {
            url,
            keeper: self.keeper.clone(),
        })
    }

    /// The URL of a database of this name, made if it is new and migrated if need be.
    ///
    /// # Errors
    /// The server refuses; the migrations fail.
    pub async fn named_database(&self, name: &str) -> Result<String> {
        self.keeper.open_named(name).await
    }

    /// Ends all connections and the server, cleanly, and starts it again on the same data.
    ///
    /// # Errors
    /// The server is not ours, or does not start.
    pub async fn restart(&self, down_for: Duration) -> Result<()> {
        self.keeper.interrupt(Break::Shutdown, down_for).await
    }

    /// Kills all processes of the server, as the loss of its machine would, and starts it again on the
    /// same data.
    ///
    /// # Errors
    /// As [`Self::restart`].
    pub async fn crash(&self, down_for: Duration) -> Result<()> {
        self.keeper.interrupt(Break::Kill, down_for).await
    }

    /// Stops the processor for all processes of the server, and gives it back: connections stay, and nobody
    /// answers.
    ///
    /// # Errors
    /// The server is not ours, or has ended.
    pub async fn freeze(&self, lasts: Duration) -> Result<()> {
        self.keeper.interrupt(Break::Freeze, lasts).await
    }

    fn start_with(start: impl FnOnce() -> Result<Server> + Send + 'static) -> Result<Self> {
        Ok(Self {
            keeper: Keeper::start(start).context("no Postgres for tests")?,
        })
    }
}

/// A database of one test: dropped when the test passed, kept and named when it failed.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    keeper: Keeper,
}

impl TestDatabase {
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// For another user: the services' are `public-api` and `internal-verifier`.
    #[must_use]
    pub fn url_as(&self, user: &str) -> String {
        server::with_user(&self.url, user)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let done = if std::thread::panicking() {
            self.keeper.keep(&self.url)
        } else {
            self.keeper.drop_database(&self.url)
        };
        if let Err(fault) = done {
            eprintln!("the database {} was left as it is: {fault:#}", self.url);
        }
    }
}
