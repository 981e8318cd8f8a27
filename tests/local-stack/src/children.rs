//! Child processes that end with this one, also when it is killed.
//!
//! The kernel's parent-death signal fires when the *thread* that started the child ends, so all
//! children are started by one thread that never does.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread;

type Order = (Command, SyncSender<io::Result<Child>>);

static STARTER: OnceLock<Sender<Order>> = OnceLock::new();

/// Starts the command in a process group of its own; it is killed when this process ends.
///
/// # Errors
/// When the program cannot be started.
pub fn spawn(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    end_with_parent(&mut command)?;
    let (answer, started) = sync_channel(1);
    let starter = STARTER.get_or_init(start_starter);
    if starter.send((command, answer)).is_err() {
        return Err(io::Error::other("the thread that starts children is gone"));
    }
    started
        .recv()
        .unwrap_or_else(|_gone| Err(io::Error::other("the thread that starts children is gone")))
}

/// The child and all of its process group, which ends with it, as a container ends with its first
/// process.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Child,
    /// From then on its number may be another's.
    is_over: bool,
}

impl Group {
    /// From `children::spawn`.
    pub(crate) fn led_by(leader: Child) -> Self {
        Self {
            leader,
            is_over: false,
        }
    }

    pub(crate) fn has_ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.leader.try_wait()?;
        if status.is_some() {
            self.end();
        }
        Ok(status)
    }

    pub(crate) fn end(&mut self) {
        if !self.is_over {
            self.is_over = true;
            // A leader that has just been waited for has lost its number, but numbers go round: it
            // is not another's yet. An empty group is what we want, and a child of ours can always
            // be waited for.
            let _ = signal_group(self.leader.id(), libc::SIGKILL);
            let _ = self.leader.wait();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

fn start_starter() -> Sender<Order> {
    let (sender, orders) = channel::<Order>();
    thread::spawn(move || {
        for (mut command, answer) in orders {
            // An error is the asker's to report; one that no longer waits has ended.
            let _ = answer.send(command.spawn());
        }
    });
    sender
}

#[expect(
    unsafe_code,
    reason = "only the child itself can ask for its parent-death signal"
)]
fn end_with_parent(command: &mut Command) -> io::Result<()> {
    let parent = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    // SAFETY: `prctl` and `getppid` are async-signal-safe and touch nothing of the parent.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            // The parent may have ended before the signal was asked for.
            if libc::getppid() == parent {
                Ok(())
            } else {
                Err(io::Error::from_raw_os_error(libc::ESRCH))
            }
        });
    }
    Ok(())
}

/// Has this process told to end, by SIGTERM, when the one that started it ends or is killed. Call it
/// first in `main`.
///
/// # Errors
/// When the kernel refuses.
#[expect(unsafe_code, reason = "std does not know parent-death signals")]
pub fn end_with_parent_of_this() -> io::Result<()> {
    // SAFETY: a plain number; it changes nothing but what the kernel does at the parent's end.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The processes that this one started, and those that they did, as far as they have not ended.
#[must_use]
pub fn descendants(pid: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten();
    let parents: Vec<(u32, u32)> = processes.filter_map(with_parent).collect();
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        let children = parents.iter().filter(|(_, of)| *of == parent);
        found.extend(children.map(|(child, _)| *child));
        at = at.saturating_add(1);
    }
    found.split_off(1)
}

/// A process and the one that started it.
fn with_parent(entry: io::Result<std::fs::DirEntry>) -> Option<(u32, u32)> {
    let path = entry.ok()?.path();
    let pid = path.file_name()?.to_str()?.parse().ok()?;
    let stat = std::fs::read_to_string(path.join("stat")).ok()?;
    // The program's name is in brackets and may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let is_over = fields.next()? == "Z";
    let parent = fields.next()?.parse().ok()?;
    (!is_over).then_some((pid, parent))
}

/// Sends a signal to one process.
///
/// # Errors
/// When there is no such process.
pub fn signal(pid: u32, signal: i32) -> io::Result<()> {
    send(i32::try_from(pid).map_err(io::Error::other)?, signal)
}

/// Stops the processor for a process that is no child of ours, such as a compiler.
///
/// # Errors
/// When there is no such process.
pub fn freeze(pid: u32) -> io::Result<()> {
    signal(pid, libc::SIGSTOP)
}

/// Ends what [`freeze`] began.
///
/// # Errors
/// When there is no such process.
pub fn thaw(pid: u32) -> io::Result<()> {
    signal(pid, libc::SIGCONT)
}

/// Sends a signal to all processes of a child's group.
///
/// # Errors
/// When the group is empty.
pub fn signal_group(pid: u32, signal: i32) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    send(pid.checked_neg().unwrap_or(pid), signal)
}

#[expect(unsafe_code, reason = "std can send no signal but SIGKILL")]
fn send(target: i32, signal: i32) -> io::Result<()> {
    // SAFETY: plain numbers; that they still name a child of ours is the caller's care.
    match unsafe { libc::kill(target, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
