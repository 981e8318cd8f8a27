//! A private cluster: made, started, stopped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::config;
use super::place::Place;
use super::reaper::Reaper;
use crate::children;

const READY_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Several tests with two pools each run at once. The machine itself is not expected to crash.
const SETTINGS: [&str; 5] = [
    "listen_addresses=",
    "fsync=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_connections=300",
];

/// What a server that is killed leaves of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// Worth nothing, and fast.
    None,
    /// All that was committed. A commit is written when it is told, and a page that was half written when
    /// the kill came is mended from the log.
    OfCommits,
}

impl Durability {
    fn settings(self) -> [&'static str; 2] {
        match self {
            Self::None => ["synchronous_commit=off", "full_page_writes=off"],
            Self::OfCommits => ["synchronous_commit=on", "full_page_writes=on"],
        }
    }
}

/// How a server is kept from its work for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// It drops its clients and writes a clean end, and is started again.
    Shutdown,
    /// SIGKILL for all of its processes at once; then it is started again.
    Kill,
    /// SIGSTOP for all of its processes, and SIGCONT: connections stay, and nobody answers.
    Freeze,
}

/// A running server. Fields are dropped in this order: the data go after the server.
#[derive(Debug)]
pub(super) struct Cluster {
    server: ServerProcess,
    _reaper: Reaper,
    durability: Durability,
    pub(super) place: Place,
}

impl Cluster {
    /// Starts a server in this place; makes its data on first use.
    ///
    /// The kernel ends the server when the calling *thread* ends.
    pub(super) fn start(place: Place, durability: Durability) -> Result<Self> {
        let binaries = installed_binaries()?;
        let reaper = Reaper::of(&place.folder)?;
        if !place.data().exists() {
            create_data(&place, &binaries)?;
        }
        let mut server = ServerProcess(spawn_server(&place, &binaries, durability)?);
        wait_until_ready(&place, &mut server.0)?;
        Ok(Self {
            server,
            _reaper: reaper,
            durability,
            place,
        })
    }

    /// A server that ended is started on the same data. Call it in the thread that started it.
    pub(super) fn interrupt(&mut self, how: Break, lasts: Duration) -> Result<()> {
        match how {
            Break::Shutdown => self.server.shut_down(),
            Break::Kill => self.server.kill()?,
            Break::Freeze => return self.server.freeze(lasts),
        }
        thread::sleep(lasts);
        let binaries = installed_binaries()?;
        self.server.0 = spawn_server(&self.place, &binaries, self.durability)?;
        wait_until_ready(&self.place, &mut self.server.0)
    }

    /// For a reader of the log: who to look for.
    pub(super) fn process_id(&self) -> u32 {
        self.server.0.id()
    }
}

#[derive(Debug)]
struct ServerProcess(Child);

impl ServerProcess {
    /// SIGINT is Postgres's fast shutdown: it drops clients and writes a clean end.
    fn shut_down(&mut self) {
        // One that was waited for has ended, and its number may be another's.
        if matches!(self.0.try_wait(), Ok(None)) {
            // It may end in this moment.
            let _ = children::signal(self.0.id(), libc::SIGINT);
        }
        // A child that cannot be waited for has ended.
        let _ = self.0.wait();
    }

    fn freeze(&self, lasts: Duration) -> Result<()> {
        let id = self.0.id();
        // The parent first: one that is stopped starts no others.
        children::freeze(id).context("the server has ended")?;
        let others = children::descendants(id);
        for other in &others {
            // It may have ended meanwhile.
            let _ = children::freeze(*other);
        }
        thread::sleep(lasts);
        for other in others {
            let _ = children::thaw(other);
        }
        children::thaw(id).context("the server has ended")
    }

    /// A server whose processes are not all gone is not started again: they share its memory.
    fn kill(&mut self) -> Result<()> {
        let id = self.0.id();
        // One that is stopped starts no others.
        children::freeze(id).context("the server has ended")?;
        let started = Instant::now();
        loop {
            let others = children::descendants(id);
            if others.is_empty() {
                break;
            }
            ensure!(started.elapsed() < READY_WITHIN, "{others:?} do not end");
            for other in others {
                // It may have ended meanwhile.
                let _ = children::signal(other, libc::SIGKILL);
            }
            thread::sleep(LOOK_EVERY);
        }
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.shut_down();
    }
}

fn installed_binaries() -> Result<PathBuf> {
    find_binaries().context(
        "no Postgres server found: run `apt install postgresql`, or set PG_BIN to the folder \
         with `initdb` and `postgres`, or DATABASE_URL to a running server",
    )
}

/// `PG_BIN`, else the newest system package, else the PATH.
pub(super) fn find_binaries() -> Option<PathBuf> {
    let is_usable =
        |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    if let Some(chosen) = config::chosen_binaries() {
        return is_usable(&chosen).then_some(chosen);
    }
    let packaged = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| is_usable(folder))
        .max();
    match packaged {
        Some((_, folder)) => Some(folder),
        None => config::path().into_iter().find(|folder| is_usable(folder)),
    }
}

fn command(place: &Place, binaries: &Path, program: &str) -> Command {
    let mut command = Command::new(binaries.join(program));
    command
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .env("PATH", binaries)
        .current_dir(&place.folder)
        .stdin(Stdio::null());
    if let Some((uid, gid)) = place.account {
        command.gid(gid).uid(uid);
    }
    command
}

/// Made beside its place and moved there, so that a killed `initdb` leaves no half of it.
fn create_data(place: &Place, binaries: &Path) -> Result<()> {
    let unfinished = place.folder.join("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    let mut initdb = command(place, binaries, "initdb");
    let output = initdb
        .args([OsStr::new("-D"), unfinished.as_os_str()])
        .args(["-U", "postgres", "-A", "trust", "-E", "UTF8"])
        .args(["--no-sync", "--no-instructions"])
        .output()
        .context("initdb cannot be started")?;
    ensure!(
        output.status.success(),
        "initdb failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::rename(&unfinished, place.data())?;
    Ok(())
}

#[expect(
    unsafe_code,
    reason = "only the child itself can ask to end with its parent"
)]
fn spawn_server(place: &Place, binaries: &Path, durability: Durability) -> Result<Child> {
    let log = File::create(place.log())?;
    let mut server = command(place, binaries, "postgres");
    server
        .arg("-D")
        .arg(place.data())
        .arg("-k")
        .arg(&place.folder)
        .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
        .args(
            durability
                .settings()
                .iter()
                .flat_map(|setting| ["-c", setting]),
        )
        .stdout(log.try_clone()?)
        .stderr(log);
    // SAFETY: `prctl` is async-signal-safe and touches nothing of the parent.
    unsafe {
        server.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGQUIT);
            Ok(())
        });
    }
    server.spawn().context("postgres cannot be started")
}

/// The socket answers before recovery is done; line 8 of the file with the process id tells.
fn wait_until_ready(place: &Place, server: &mut Child) -> Result<()> {
    let started = Instant::now();
    let status_file = place.data().join("postmaster.pid");
    let socket = place.folder.join(".s.PGSQL.5432");
    while started.elapsed() < READY_WITHIN {
        let status = fs::read_to_string(&status_file).unwrap_or_default();
        let is_ready = status
            .lines()
            .nth(7)
            .is_some_and(|line| line.trim() == "ready");
        if is_ready && UnixStream::connect(&socket).is_ok() {
            return Ok(());
        }
        if let Some(exit) = server.try_wait()? {
            let log = fs::read_to_string(place.log())?;
            bail!("postgres ended with {exit}: {log}");
        }
        thread::sleep(LOOK_EVERY);
    }
    bail!("postgres was not ready within {READY_WITHIN:?}")
}
