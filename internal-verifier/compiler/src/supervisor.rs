//! One compilation by a program of its own: what the binary `compiler-host` does for Node, Python and
//! solc's own builds.
//!
//! A program has no WebAssembly around it, so the kernel's walls are all that holds it. This process
//! puts itself behind them, starts the program there, and then only carries: the program reads the
//! input itself, and its answer goes to the parent in the frames that every compiler's process uses.
//! Where a wall is missing, nothing is started.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::frame::{self, Kind, Used};
pub use crate::prepared::MemoryRule;
use crate::sandbox::files::WallError;
use crate::sandbox::{self, FilterError, Level, ProgramCalls, resources};

mod end;
mod kernel_kills;
mod watch;

use end::End;
use kernel_kills::KernelKills;

/// What the parent asks of this process.
#[derive(Debug, Clone)]
pub struct Order {
    /// Process id of the parent; this process and the program end with it.
    pub parent: u32,
    /// Absolute.
    pub program: PathBuf,
    /// The open file to start in place of what lies at that path.
    pub program_fd: Option<u32>,
    pub arguments: Vec<OsString>,
    /// Files and folders that the program may read besides itself.
    pub readable: Vec<PathBuf>,
    pub time: Duration,
    pub memory_bytes: u64,
    pub memory_rule: MemoryRule,
    pub output_bytes: u64,
}

#[derive(Debug, thiserror::Error)]
enum SupervisorError {
    #[error("{doing}: {source}")]
    Io {
        doing: &'static str,
        source: io::Error,
    },
    #[error("a program runs only behind landlock and seccomp; this kernel has {0}")]
    NoWall(Level),
    #[error("the walls can't be put up: {0}")]
    Wall(#[from] WallError),
    #[error("`{}` can't be started: {source}", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("a frame can't be written: {0}")]
    Frame(#[from] serde_json::Error),
}

fn io(doing: &'static str) -> impl FnOnce(io::Error) -> SupervisorError {
    move |source| SupervisorError::Io { doing, source }
}

/// Does what was ordered. Everything is said on stdout; the exit code only says that it was said.
#[must_use]
pub fn run(order: &Order) -> ExitCode {
    let said = match supervise(order) {
        Ok(()) => Ok(()),
        Err(error) => say(&frame::whole(Kind::Fault, error.to_string().as_bytes())),
    };
    if said.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn supervise(order: &Order) -> Result<(), SupervisorError> {
    resources::die_with(order.parent).map_err(io("watching the parent"))?;
    resources::no_new_privileges().map_err(io("giving up privileges"))?;
    let kept = order.program_fd.unwrap_or_default();
    resources::close_all_but(kept).map_err(io("closing files"))?;
    let has = sandbox::probe();
    if has.landlock.is_none() || !has.seccomp {
        return Err(SupervisorError::NoWall(has));
    }
    // Where this is refused, the kernel chooses as it likes.
    drop(resources::be_first_to_go());
    let mut kernel_kills = KernelKills::watch();
    let file = program_file(order)?;
    let landlock = sandbox::files::allow_only(&file, &order.readable)?;
    if landlock.is_none() {
        return Err(SupervisorError::NoWall(Level {
            landlock,
            seccomp: true,
        }));
    }
    let mut program = start(order, &file)?;
    // It reads its input itself.
    let deadline = Instant::now().checked_add(order.time);
    let seccomp = true;
    say(&frame::ready(Level { landlock, seccomp })?).map_err(io("saying ready"))?;

    let watched = watch::watch(&mut program, deadline, order.output_bytes)
        .map_err(io("watching the program"))?;
    let (status, cpu, peak_memory_bytes) =
        resources::wait_for(program.id()).map_err(io("waiting for the program"))?;
    let end = End {
        stop: watched.stop,
        status,
        killed_by_kernel: kernel_kills.has_more(),
        output: watched.output,
        words: watched.words,
    };
    let cpu_us = u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX);
    let used = frame::used(Used {
        cpu_us,
        peak_memory_bytes,
        guest_memory_bytes: 0,
    })?;
    answer(&used, &end).map_err(io("answering"))
}

fn answer(used: &[u8], end: &End) -> io::Result<()> {
    say(used)?;
    match end.verdict() {
        Kind::Output => {
            let length = u64::try_from(end.output.len()).unwrap_or(u64::MAX);
            say(&frame::header(Kind::Output, length))?;
            say(&end.output)
        }
        kind @ (Kind::Crashed | Kind::Killed) => say(&frame::whole(kind, end.tell().as_bytes())),
        kind => say(&frame::whole(kind, &[])),
    }
}

fn program_file(order: &Order) -> Result<File, SupervisorError> {
    let opening = io("opening the program");
    let Some(fd) = order.program_fd else {
        return File::open(&order.program).map_err(opening);
    };
    let Ok(fd) = i32::try_from(fd) else {
        return Err(opening(io::Error::from(io::ErrorKind::InvalidInput)));
    };
    #[expect(unsafe_code, reason = "the parent hands over an open file")]
    // SAFETY: nothing else in this process owns the descriptor: it was left open for this purpose. If
    // it is no open file, what is done with it fails.
    let file = unsafe { File::from_raw_fd(fd) };
    // The program itself doesn't get it.
    set_close_on_exec(&file).map_err(opening)?;
    Ok(file)
}

fn set_close_on_exec(file: &File) -> io::Result<()> {
    #[expect(unsafe_code, reason = "std can't change an open file's flags")]
    // SAFETY: takes numbers only.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// In our session and process group, with nothing but its streams. It stands behind its own walls
/// before its first instruction.
fn start(order: &Order, file: &File) -> Result<Child, SupervisorError> {
    // The name leads to the open file, whatever lies at the path by now.
    let open_file = format!("/proc/self/fd/{}", file.as_raw_fd());
    let path: &Path = match order.program_fd {
        Some(_) => Path::new(&open_file),
        None => &order.program,
    };
    let mut command = Command::new(path);
    command
        .arg0(&order.program)
        .args(&order.arguments)
        .env_clear()
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let supervisor = std::process::id();
    let (time, memory_bytes, rule) = (order.time, order.memory_bytes, order.memory_rule);
    #[expect(unsafe_code, reason = "a program can't be held back otherwise")]
    // SAFETY: this process has no second thread, so no lock can be held by one that is gone, and the
    // child may allocate between fork and exec.
    unsafe {
        command.pre_exec(move || hold(supervisor, time, memory_bytes, rule).map_err(into_io));
    }
    command.spawn().map_err(|source| SupervisorError::Start {
        program: order.program.clone(),
        source,
    })
}

/// What a process that is about to turn into a program does to itself.
pub(crate) fn hold(
    parent: u32,
    time: Duration,
    memory_bytes: u64,
    rule: MemoryRule,
) -> Result<(), HoldError> {
    resources::die_with(parent)?;
    // Made before the limits: it takes memory. Held after them: then no limit can be changed.
    let calls = ProgramCalls::of_this_process()?;
    resources::limit_program(time, memory_bytes, rule)?;
    Ok(calls.hold()?)
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum HoldError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// Between fork and exec only a number reaches the other side.
fn into_io(error: HoldError) -> io::Error {
    match error {
        HoldError::Io(error) => error,
        HoldError::Filter(_) => io::Error::from_raw_os_error(libc::ENOSYS),
    }
}

fn say(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}
