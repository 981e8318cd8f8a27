//! Where callers come in: open, shut, or not there at all.
//!
//! A second socket that never listens keeps the port while the door is shut, so that connecting is
//! truly refused and nobody else can take the port meanwhile. Attempts to connect go unanswered where
//! the kernel has no place left for them: a listener with room for one, and one in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::{Mode, Shared, link};

const BACKLOG: u32 = 1024;
/// On this machine a connection is made at once or not at all.
const NO_PLACE_AFTER: Duration = Duration::from_millis(50);

/// A port of ours.
#[derive(Debug)]
pub(super) struct Door {
    _reserved: TcpSocket,
    address: SocketAddr,
}

impl Door {
    pub(super) fn reserve() -> Result<Self> {
        let reserved = bound(([127, 0, 0, 1], 0).into()).context("reserving a port")?;
        let address = reserved.local_addr()?;
        Ok(Self {
            _reserved: reserved,
            address,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn open(&self) -> Result<TcpListener> {
        let socket = bound(self.address).context("opening the port again")?;
        Ok(socket.listen(BACKLOG)?)
    }

    /// Nobody gets in, and nobody is told so.
    async fn wall_up(&self) -> Result<Wall> {
        let listener = bound(self.address)?.listen(0)?;
        let mut inside = Vec::new();
        while let Ok(connected) =
            tokio::time::timeout(NO_PLACE_AFTER, TcpStream::connect(self.address)).await
        {
            inside.push(connected?);
        }
        Ok(Wall {
            _inside: inside,
            _listener: listener,
        })
    }
}

struct Wall {
    _inside: Vec<TcpStream>,
    _listener: TcpListener,
}

fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Takes callers in for as long as the proxy lives, each as the mode of that moment has it.
pub(super) async fn keep(door: Door, listener: TcpListener, shared: Arc<Shared>) {
    let mut links = JoinSet::new();
    let mut mode = shared.mode.subscribe();
    let mut listener = Some(listener);
    loop {
        let now = *mode.borrow_and_update();
        let kept = match now {
            Mode::Pass | Mode::Slow { .. } | Mode::Silent => {
                if listener.is_none() {
                    listener = Some(match door.open() {
                        Ok(open) => open,
                        Err(fault) => return tell(&fault),
                    });
                }
                None
            }
            Mode::Refuse => {
                listener = None;
                None
            }
            Mode::BlackHole => {
                listener = None;
                match door.wall_up().await {
                    Ok(wall) => Some(wall),
                    Err(fault) => return tell(&fault),
                }
            }
        };
        take_in(listener.as_ref(), &shared, &mut links, &mut mode).await;
        drop(kept);
    }
}

/// Until the mode changes.
async fn take_in(
    listener: Option<&TcpListener>,
    shared: &Arc<Shared>,
    links: &mut JoinSet<()>,
    mode: &mut tokio::sync::watch::Receiver<Mode>,
) {
    let arrivals = async {
        match listener {
            Some(listener) => loop {
                // A caller that is gone already is no fault of ours.
                if let Ok((caller, _)) = listener.accept().await {
                    links.spawn(link::run(caller, Arc::clone(shared)));
                    while links.try_join_next().is_some() {}
                }
            },
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = arrivals => {}
        // The sender lives as long as this task.
        _ = mode.changed() => {}
    }
}

/// A test sees connections fail; this says why.
fn tell(fault: &anyhow::Error) {
    eprintln!("the proxy ends: {fault:#}");
}
