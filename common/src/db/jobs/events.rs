//! Waiting for what happens to a job without asking all the time.
//!
//! The transaction that moves or ends a job notifies with its id; one connection of the process listens
//! and tells everybody who waits. A notification can get lost with its connection, so it only wakes: the
//! waiter subscribes first, then reads the rows, and reads them again after each wake and each poll.
//!
//! Ends have a channel of their own: most who wait want nothing else, and programs from before there
//! was progress know it.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{AsyncMessage, Config, Notification};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

use super::wakes::{JobWakes, Wakes};
use super::{JobId, JobRecord, find_job};
use crate::db::{Database, DatabaseError};
use crate::report::with_causes;

const LISTEN_PROGRESS: &str = include_str!("../../../../sql/queries/jobs/listen_progress.sql");
const LISTEN_ENDS: &str = include_str!("../../../../sql/queries/jobs/listen_ends.sql");
const ENDS: &str = "verification_job_ended";
const POLL: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Nobody says anything while nothing happens, so somebody has to be asked now and then.
const PROOF_EVERY: Duration = Duration::from_secs(15);
const LISTENING: &str = "listening";

/// What happens to all jobs, whoever does it. It needs a connection beside the pool's. Clones share it;
/// it closes with the last of them.
#[derive(Debug, Clone)]
pub struct JobEvents {
    database: Database,
    wakes: Wakes,
    _listener: std::sync::Arc<Listener>,
}

#[derive(Debug)]
struct Listener(JoinHandle<()>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl JobEvents {
    /// Starts to listen, and goes on to try for as long as it lives. Must be called in a runtime.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn listen(database: &Database) -> Result<Self, DatabaseError> {
        let settings = database.config().connection_settings()?;
        let tls = database.config().tls(&settings)?;
        let wakes = Wakes::default();
        let listener = tokio::spawn(keep_listening(settings, tls, wakes.clone()));
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
        let mut wakes = self.subscribe(id);
        loop {
            let job = find_job(&self.database, id).await?;
            let is_open = job.as_ref().is_some_and(|job| !job.is_ended());
            if !is_open || Instant::now() >= deadline {
                return Ok(job);
            }
            wakes.end(deadline.min(Instant::now() + POLL)).await;
        }
    }

    /// Wakes for all that happens to one job. Read after this, and nothing is missed.
    #[must_use]
    pub fn subscribe(&self, id: JobId) -> JobWakes {
        self.wakes.subscribe(id)
    }
}

async fn keep_listening(settings: Config, tls: MakeRustlsConnect, wakes: Wakes) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        if let Err(fault) = listen_once(&settings, tls.clone(), &wakes).await {
            tracing::warn!(
                error = with_causes(&fault),
                "jobs are polled until the database can be listened to again"
            );
        }
        if started.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// Listens until the connection ends, or falls silent: it would look like a system where nothing happens.
async fn listen_once(
    settings: &Config,
    tls: MakeRustlsConnect,
    wakes: &Wakes,
) -> Result<(), DatabaseError> {
    let connecting = settings.connect(tls);
    let (client, mut connection) = answered(connecting).await?;
    let messages = async {
        while let Some(message) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message.map_err(failed)? {
                ring(wakes, &notification);
            }
        }
        Ok(())
    };
    let listening = async {
        answered(client.batch_execute(LISTEN_PROGRESS)).await?;
        answered(client.batch_execute(LISTEN_ENDS)).await?;
        // The connection is new: what happened before it is unknown.
        wakes.ring_all();
        loop {
            sleep(PROOF_EVERY).await;
            answered(client.simple_query("")).await?;
        }
    };
    tokio::select! {
        ended = messages => ended,
        refused = listening => refused,
    }
}

async fn answered<T>(
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, DatabaseError> {
    match timeout(ANSWERED_WITHIN, answer).await {
        Ok(answer) => answer.map_err(failed),
        Err(_elapsed) => Err(DatabaseError::NoAnswer {
            what: LISTENING,
            patience: ANSWERED_WITHIN,
        }),
    }
}

fn failed(source: tokio_postgres::Error) -> DatabaseError {
    DatabaseError::Statement {
        statement: LISTENING,
        source,
    }
}

fn ring(wakes: &Wakes, notification: &Notification) {
    let Ok(id) = Uuid::try_parse(notification.payload()) else {
        return;
    };
    match notification.channel() {
        ENDS => wakes.ring_for_end(JobId(id)),
        _ => wakes.ring_for_progress(JobId(id)),
    }
}
