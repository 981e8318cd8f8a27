//! A way between two parts that can be broken while they talk: a TCP proxy on this machine.
//!
//! What is sent passes, waits or is cut as the test says at that moment. A [`Hold`] stops one connection at
//! the very statement a test is about and tells the test so: what crash points compiled into the services
//! would do, without a line in them. It knows nothing of what is spoken, but the texts it looks for.

mod door;
mod hold;
mod holds;
mod link;
mod target;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use door::Door;
pub use hold::{Held, Hold};
use holds::Holds;
pub use target::Target;

/// What happens on the way, from now on, to connections that are open and to new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Pass,
    /// Everything arrives this much later.
    Slow {
        to_target: Duration,
        to_caller: Duration,
    },
    /// Nobody listens; open connections are reset at once.
    Refuse,
    /// A connection can be made, and then nothing is ever heard.
    Silent,
    /// The network is gone: nothing arrives, and no attempt to connect is answered.
    BlackHole,
}

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    ToTarget,
    ToCaller,
}

/// What has passed so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CutReport {
    /// Connections taken, and of these the ones that are open.
    pub connections: usize,
    pub open: usize,
    pub bytes_to_target: u64,
    pub bytes_to_caller: u64,
}

/// A running proxy; it ends when dropped, and its connections with it.
#[derive(Debug)]
pub struct Cut {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    mode: watch::Sender<Mode>,
    /// Rises when all open connections are to be reset.
    resets: watch::Sender<u64>,
    target: Mutex<Option<Target>>,
    holds: Holds,
    /// The connection that passes so many bytes more is reset there.
    ends_after: Mutex<Option<(Direction, u64)>>,
    report: Mutex<CutReport>,
}

impl Cut {
    /// Listens on a free port, inside the running tokio runtime. Who connects before there is a target is
    /// reset.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start() -> Result<Self> {
        let door = Door::reserve()?;
        let address = door.address();
        let shared = Arc::new(Shared {
            mode: watch::Sender::default(),
            resets: watch::Sender::default(),
            target: Mutex::default(),
            holds: Holds::default(),
            ends_after: Mutex::default(),
            report: Mutex::default(),
        });
        let listener = door.open()?;
        let task = tokio::spawn(door::keep(door, listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// In front of this target.
    ///
    /// # Errors
    /// As [`Cut::start`].
    pub fn before(target: Target) -> Result<Self> {
        let cut = Self::start()?;
        cut.forward_to(target);
        Ok(cut)
    }

    /// In front of the database of this URL; gives the URL of the way through here too.
    ///
    /// # Errors
    /// As [`Cut::start`]; or the URL cannot be read.
    pub fn before_database(url: &str) -> Result<(Self, String)> {
        let settings: tokio_postgres::Config = url.parse().context("reading a database's URL")?;
        let cut = Self::before(Target::of_database(&settings)?)?;
        let url = target::database_url(&settings, cut.address)?;
        Ok((cut, url))
    }

    /// New connections go there; open ones stay where they are.
    pub fn forward_to(&self, target: Target) {
        *locked(&self.shared.target) = Some(target);
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For a target that speaks HTTP.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Holds from when this returns; for new connections within a moment.
    pub fn set(&self, mode: Mode) {
        self.shared.mode.send_replace(mode);
        if mode == Mode::Refuse {
            self.cut_open();
        }
    }

    /// Resets all connections that are open now. New ones are taken as before.
    pub fn cut_open(&self) {
        self.shared
            .resets
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Resets the connection that passes this many bytes more in this direction, right there; once.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        *locked(&self.shared.ends_after) = Some((direction, bytes));
    }

    /// Stops the next connection that says this text to the target.
    ///
    /// # Errors
    /// When the text is empty.
    pub fn hold(&self, hold: Hold) -> Result<Held> {
        ensure!(!hold.is_empty(), "an empty text is in everything");
        Ok(self.shared.holds.add(hold))
    }

    #[must_use]
    pub fn report(&self) -> CutReport {
        *locked(&self.shared.report)
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// How many of these bytes may pass before the connection ends; `None`: all, and it goes on.
    fn allowance(&self, direction: Direction, bytes: usize) -> Option<usize> {
        let mut ends_after = locked(&self.ends_after);
        let (_, left) = ends_after
            .as_mut()
            .filter(|(ordered, _)| *ordered == direction)?;
        match usize::try_from(*left) {
            Ok(allowed) if allowed <= bytes => {
                *ends_after = None;
                Some(allowed)
            }
            _ => {
                *left = left.saturating_sub(count(bytes));
                None
            }
        }
    }

    fn count(&self, direction: Direction, bytes: usize) {
        let mut report = locked(&self.report);
        let counter = match direction {
            Direction::ToTarget => &mut report.bytes_to_target,
            Direction::ToCaller => &mut report.bytes_to_caller,
        };
        *counter = counter.saturating_add(count(bytes));
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Nothing that is locked here can be left half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
