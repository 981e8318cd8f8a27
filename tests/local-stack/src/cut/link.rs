//! One connection, from its caller to the target and back.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::target::Stream;
use super::{Direction, Mode, Shared, locked};

const CHUNK: usize = 64 * 1024;

/// The connection is to be reset: ordered, or one of its ends was.
struct Broken;

pub(super) async fn run(mut caller: TcpStream, shared: Arc<Shared>) {
    let open = Open::counted(&shared);
    let mut resets = shared.resets.subscribe();
    let relayed = tokio::select! {
        relayed = relay(&mut caller, open.number, &shared) => relayed,
        // The sender lives as long as `shared`.
        _ = resets.changed() => Err(Broken),
    };
    if relayed.is_err() {
        // Where a reset cannot be, the caller hears of the end all the same.
        let _ = caller.set_zero_linger();
    }
    drop((caller, open));
}

async fn relay(caller: &mut TcpStream, connection: usize, shared: &Shared) -> Result<(), Broken> {
    let target = locked(&shared.target).clone();
    // Nothing passes a black hole: the target never hears of such a caller.
    passable(shared, Direction::ToTarget).await;
    let connected = target.ok_or(Broken)?.connect().await;
    let target: Box<dyn Stream> = connected.map_err(broken)?;
    caller.set_nodelay(true).map_err(broken)?;
    let (from_caller, to_caller) = caller.split();
    let (from_target, to_target) = tokio::io::split(target);
    let may_answer = watch::Sender::new(true);
    let there = Pump {
        connection,
        direction: Direction::ToTarget,
        shared,
        may_answer: &may_answer,
        said: Vec::new(),
    };
    let back = Pump {
        connection,
        direction: Direction::ToCaller,
        shared,
        may_answer: &may_answer,
        said: Vec::new(),
    };
    tokio::try_join!(
        there.run(from_caller, to_target),
        back.run(from_target, to_caller)
    )?;
    Ok(())
}

/// Waits out what lets nothing pass, and what makes everything late.
async fn passable(shared: &Shared, direction: Direction) {
    let mut mode = shared.mode.subscribe();
    let late = match (shared.mode(), direction) {
        (Mode::Slow { to_target, .. }, Direction::ToTarget) => Some(to_target),
        (Mode::Slow { to_caller, .. }, Direction::ToCaller) => Some(to_caller),
        _ => None,
    };
    if let Some(late) = late {
        tokio::time::sleep(late).await;
    }
    // The sender lives as long as `shared`.
    let _ = mode
        .wait_for(|mode| !matches!(mode, Mode::Silent | Mode::BlackHole))
        .await;
}

fn broken(_seen_by_both_ends: std::io::Error) -> Broken {
    Broken
}

/// One direction of one connection.
struct Pump<'a> {
    connection: usize,
    direction: Direction,
    shared: &'a Shared,
    /// Closed while an answer is held.
    may_answer: &'a watch::Sender<bool>,
    /// The end of what passed, for texts that come in two parts.
    said: Vec<u8>,
}

impl Pump<'_> {
    /// Until the speaker has said everything, or the connection breaks.
    async fn run(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> Result<(), Broken> {
        let mut bytes = vec![0; CHUNK];
        loop {
            let length = from.read(&mut bytes).await.map_err(broken)?;
            passable(self.shared, self.direction).await;
            let mut left = bytes.get(..length).unwrap_or_default();
            if left.is_empty() {
                // The other side may have gone first; then nobody waits for this.
                let _ = to.shutdown().await;
                return Ok(());
            }
            if self.direction == Direction::ToTarget {
                left = self.stopped(left, &mut to).await?;
            } else {
                // The sender lives as long as this connection.
                let _ = self.may_answer.subscribe().wait_for(|may| *may).await;
            }
            self.pass(left, &mut to).await?;
        }
    }

    /// Stops at each text that somebody waits for. Gives what has not passed yet.
    async fn stopped<'b>(
        &mut self,
        bytes: &'b [u8],
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<&'b [u8], Broken> {
        let seen = self.said.len();
        self.said.extend_from_slice(bytes);
        let stop = self.shared.holds.find(self.connection, &self.said, seen);
        let keep = self.shared.holds.longest().saturating_sub(1);
        let surplus = self.said.len().saturating_sub(keep);
        self.said.drain(..surplus);
        let Some(mut stop) = stop else {
            return Ok(bytes);
        };
        let (before, text) = bytes.split_at(stop.at.saturating_sub(seen));
        self.pass(before, to).await?;
        if stop.is_answer {
            self.may_answer.send_replace(false);
            self.pass(text, to).await?;
            stop.tell();
            stop.over().await.then_some(()).ok_or(Broken)?;
            self.may_answer.send_replace(true);
            return Ok(&[]);
        }
        stop.tell();
        stop.over().await.then_some(()).ok_or(Broken)?;
        passable(self.shared, self.direction).await;
        Ok(text)
    }

    async fn pass(&self, bytes: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> Result<(), Broken> {
        let allowed = self.shared.allowance(self.direction, bytes.len());
        let passing = bytes.get(..allowed.unwrap_or(bytes.len()));
        let passing = passing.unwrap_or_default();
        to.write_all(passing).await.map_err(broken)?;
        self.shared.count(self.direction, passing.len());
        allowed.map_or(Ok(()), |_end| Err(Broken))
    }
}

/// Counts a connection for as long as it is open.
struct Open<'a> {
    number: usize,
    shared: &'a Shared,
}

impl<'a> Open<'a> {
    fn counted(shared: &'a Shared) -> Self {
        let mut report = locked(&shared.report);
        report.connections = report.connections.saturating_add(1);
        report.open = report.open.saturating_add(1);
        Self {
            number: report.connections,
            shared,
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut report = locked(&self.shared.report);
        report.open = report.open.saturating_sub(1);
    }
}
