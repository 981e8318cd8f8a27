//! Starts child processes from one thread that lives as long as the service.
//!
//! The kernel ends a child when the *thread* that started it ends (`PR_SET_PDEATHSIG`). An async
//! runtime's threads come and go, so a thread of our own does the starting.

use std::io;
use std::sync::mpsc;

use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Cheap to clone; the thread ends when the last one is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Spawner {
    requests: mpsc::Sender<Request>,
}

#[derive(Debug)]
struct Request {
    command: Command,
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Running>>,
}

impl Spawner {
    pub(crate) fn start() -> io::Result<Self> {
        let (requests, received) = mpsc::channel::<Request>();
        std::thread::Builder::new()
            .name("compiler spawner".to_owned())
            .spawn(move || {
                for Request {
                    mut command,
                    runtime,
                    answer,
                } in received
                {
                    let guard = runtime.enter();
                    let running = command.spawn().map(|child| Running {
                        child: Some(child),
                        runtime: runtime.clone(),
                    });
                    drop(guard);
                    // If nobody waits any more, dropping ends the child.
                    drop(answer.send(running));
                }
            })?;
        Ok(Self { requests })
    }

    /// `None` when the service is stopping.
    pub(crate) async fn spawn(&self, command: Command) -> Option<io::Result<Running>> {
        let (answer, answered) = oneshot::channel();
        let runtime = Handle::current();
        self.requests
            .send(Request {
                command,
                runtime,
                answer,
            })
            .ok()?;
        answered.await.ok()
    }
}

/// A child that leads its own session and process group. Dropping it ends the whole group at once;
/// the runtime then takes its exit status, so that it doesn't stay a zombie.
#[derive(Debug)]
pub(crate) struct Running {
    child: Option<Child>,
    runtime: Handle,
}

/// The ends we hold of a child's standard streams.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

impl Running {
    /// `None` if they were taken before.
    pub(crate) fn take_pipes(&mut self) -> Option<Pipes> {
        let child = self.child.as_mut()?;
        Some(Pipes {
            stdin: child.stdin.take()?,
            stdout: child.stdout.take()?,
            stderr: child.stderr.take()?,
        })
    }

    pub(crate) async fn wait(&mut self) -> io::Result<std::process::ExitStatus> {
        match self.child.as_mut() {
            Some(child) => child.wait().await,
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    pub(crate) fn kill_group(&self) {
        // A child that was waited for has no id any more: its number may belong to somebody else.
        let Some(id) = self.child.as_ref().and_then(Child::id) else {
            return;
        };
        let Ok(group) = i32::try_from(id) else { return };
        #[expect(unsafe_code, reason = "std kills single processes only")]
        // SAFETY: takes numbers only. The child was not waited for, so its number is still its own.
        unsafe {
            libc::kill(group.saturating_neg(), libc::SIGKILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_group();
        if let Some(mut child) = self.child.take() {
            // Nobody minds how a killed child ended.
            self.runtime.spawn(async move { drop(child.wait().await) });
        }
    }
}
