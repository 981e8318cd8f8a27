//! The thread that owns the server and does what others ask for.
//!
//! It ends when the last of those that may ask is gone, and the server with it. A static never goes:
//! then the end of the process ends the thread, and the kernel and the reaper do the rest.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::sync::oneshot;

use super::cluster::Break;
use super::server::Server;

const DROP_WITHIN: Duration = Duration::from_secs(20);

/// The way to the thread. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Keeper {
    thread: Arc<Thread>,
}

#[derive(Debug)]
struct Thread {
    /// Absent only while it is dropped.
    wishes: Mutex<Option<Sender<Wish>>>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Ok(wishes) = self.wishes.get_mut() {
            drop(wishes.take());
        }
        let handle = self.handle.get_mut().ok().and_then(Option::take);
        if let Some(handle) = handle {
            // If it panicked it has said so already.
            let _ = handle.join();
        }
    }
}

#[derive(Debug)]
enum Wish {
    Fresh(oneshot::Sender<Result<String>>),
    Named(String, oneshot::Sender<Result<String>>),
    Drop(String, SyncSender<Result<()>>),
    Keep(String, SyncSender<Result<()>>),
    Interrupt(Break, Duration, oneshot::Sender<Result<()>>),
}

impl Keeper {
    /// Starts the thread, and in it the server.
    pub(super) fn start(start: impl FnOnce() -> Result<Server> + Send + 'static) -> Result<Self> {
        let (wishes, to_do) = channel();
        let (started, is_started) = sync_channel(1);
        let handle =
            thread::Builder::new()
                .name("postgres".to_owned())
                .spawn(move || match start() {
                    Ok(mut server) => {
                        // Whoever started us waits for this.
                        let _ = started.send(Ok(()));
                        serve(&mut server, &to_do);
                    }
                    Err(fault) => {
                        // As above.
                        let _ = started.send(Err(fault));
                    }
                })?;
        is_started
            .recv()
            .context("the thread of Postgres ended")??;
        Ok(Self {
            thread: Arc::new(Thread {
                wishes: Mutex::new(Some(wishes)),
                handle: Mutex::new(Some(handle)),
            }),
        })
    }

    pub(super) async fn create_fresh(&self) -> Result<String> {
        let (reply, answer) = oneshot::channel();
        self.wish(Wish::Fresh(reply))?;
        answer.await.context("the thread of Postgres ended")?
    }

    pub(super) async fn open_named(&self, name: &str) -> Result<String> {
        let (reply, answer) = oneshot::channel();
        self.wish(Wish::Named(name.to_owned(), reply))?;
        answer.await.context("the thread of Postgres ended")?
    }

    pub(super) async fn interrupt(&self, how: Break, lasts: Duration) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.wish(Wish::Interrupt(how, lasts, reply))?;
        answer.await.context("the thread of Postgres ended")?
    }

    /// Blocks until it is done, so that it can be called where nothing is awaited.
    pub(super) fn drop_database(&self, url: &str) -> Result<()> {
        let (reply, answer) = sync_channel(1);
        self.wish(Wish::Drop(url.to_owned(), reply))?;
        answer.recv_timeout(DROP_WITHIN)?
    }

    pub(super) fn keep(&self, url: &str) -> Result<()> {
        let (reply, answer) = sync_channel(1);
        self.wish(Wish::Keep(url.to_owned(), reply))?;
        answer.recv_timeout(DROP_WITHIN)?
    }

    fn wish(&self, wish: Wish) -> Result<()> {
        let wishes = self.thread.wishes.lock();
        let wishes = wishes.map_err(|_poisoned| anyhow!("a thread panicked with the server"))?;
        let wishes = wishes.as_ref().context("the server is being stopped")?;
        wishes
            .send(wish)
            .map_err(|_gone| anyhow!("the thread of Postgres ended"))
    }
}

fn serve(server: &mut Server, to_do: &Receiver<Wish>) {
    while let Ok(wish) = to_do.recv() {
        // Each wish has a runtime of its own, so that no connection stays open between two.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => runtime.block_on(grant(server, wish)),
            Err(fault) => eprintln!("no runtime for the thread of Postgres: {fault}"),
        }
    }
}

/// Who asked may be gone by now, so nobody minds an answer that is not taken.
async fn grant(server: &mut Server, wish: Wish) {
    match wish {
        Wish::Fresh(reply) => {
            let _ = reply.send(server.create_fresh(&unique_name()).await);
        }
        Wish::Named(name, reply) => {
            let _ = reply.send(server.open_named(&name).await);
        }
        Wish::Drop(url, reply) => {
            let _ = reply.send(server.drop_database(&url).await);
        }
        Wish::Keep(url, reply) => {
            let _ = reply.send(server.keep(&url));
        }
        Wish::Interrupt(how, lasts, reply) => {
            let _ = reply.send(server.interrupt(how, lasts));
        }
    }
}

/// Several processes may share a server.
fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    format!(
        "test_{}_{:x}_{number}",
        std::process::id(),
        since_1970.as_millis()
    )
}
