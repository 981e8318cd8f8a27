//! Waiting for the end of a job without asking all the time.
//!
//! The transaction that ends a job notifies with its id; one connection of the process listens and
//! tells everybody who waits. A notification can get lost with its connection, so it only wakes: the
//! waiter subscribes first, then reads the row, and reads it again after each wake and each poll.

use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::{AsyncMessage, Config};
use uuid::Uuid;

use super::{JobId, JobRecord, find_job};
use crate::db::{Database, DatabaseError, connect};

const LISTEN: &str = include_str!("../../../../sql/queries/jobs/listen.sql");
const POLL: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// More ends than this at one moment, and a slow waiter reads its row again: no harm.
const REMEMBERED_ENDS: usize = 1024;

/// The ends of all jobs, whoever ends them. It needs a connection beside the pool's. Clones share it;
/// it closes with the last of them.
#[derive(Debug, Clone)]
pub struct JobEnds {
    database: Database,
    wakes: broadcast::Sender<Wake>,
    _listener: std::sync::Arc<Listener>,
}

#[derive(Debug, Clone, Copy)]
enum Wake {
    Ended(JobId),
    /// The connection is new: what happened before it is unknown.
    Reconnected,
}

#[derive(Debug)]
struct Listener(JoinHandle<()>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl JobEnds {
    /// Starts to listen, and goes on to try for as long as it lives. Must be called in a runtime.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn listen(database: &Database) -> Result<Self, DatabaseError> {
        let settings = database.config().connection_settings()?;
        let (wakes, _) = broadcast::channel(REMEMBERED_ENDS);
        let listener = tokio::spawn(keep_listening(settings, wakes.clone()));
        Ok(Self {
            database: database.clone(),
            wakes,
            _listener: std::sync::Arc::new(Listener(listener)),
        })
    }

    /// The job once it ended, or as it is after `limit`; `None` if there is no such job.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn wait_for_end(
        &self,
        id: JobId,
        limit: Duration,
    ) -> Result<Option<JobRecord>, DatabaseError> {
        let deadline = Instant::now() + limit;
        let mut wakes = self.wakes.subscribe();
        loop {
            let job = find_job(&self.database, id).await?;
            let is_open = job.as_ref().is_some_and(|job| !job.is_ended());
            if !is_open || Instant::now() >= deadline {
                return Ok(job);
            }
            wake_for(&mut wakes, id, deadline.min(Instant::now() + POLL)).await;
        }
    }
}

/// Returns when the row is worth another look.
async fn wake_for(wakes: &mut broadcast::Receiver<Wake>, id: JobId, at_latest: Instant) {
    loop {
        match timeout_at(at_latest, wakes.recv()).await {
            Ok(Ok(Wake::Ended(other))) if other != id => {}
            Ok(Ok(Wake::Ended(_) | Wake::Reconnected)) => return,
            Ok(Err(RecvError::Lagged(_))) => return,
            // Cannot be while we hold a sender; a poll is then all that is left.
            Ok(Err(RecvError::Closed)) => return tokio::time::sleep_until(at_latest).await,
            Err(_elapsed) => return,
        }
    }
}

async fn keep_listening(settings: Config, wakes: broadcast::Sender<Wake>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        if let Err(fault) = listen_once(&settings, &wakes).await {
            tracing::warn!(
                error = %fault,
                "the ends of jobs are polled until the database can be listened to again"
            );
        }
        if started.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// Listens until the connection ends.
async fn listen_once(
    settings: &Config,
    wakes: &broadcast::Sender<Wake>,
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = settings.connect(connect::tls()).await?;
    let messages = async {
        while let Some(message) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message?
                && let Ok(id) = Uuid::try_parse(notification.payload())
            {
                // Nobody waits: nobody needs to know.
                let _ = wakes.send(Wake::Ended(JobId(id)));
            }
        }
        Ok(())
    };
    let listening = async {
        client.batch_execute(LISTEN).await?;
        // As above.
        let _ = wakes.send(Wake::Reconnected);
        // The client keeps the connection open.
        std::future::pending::<()>().await;
        Ok(())
    };
    tokio::select! {
        ended = messages => ended,
        refused = listening => refused,
    }
}
