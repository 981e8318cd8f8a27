//! How a connection is made: whom we ask, what is said to the server at its start, and how long we wait.
//!
//! The limits keep a cut network from holding row locks, or a heartbeat, for minutes: the server
//! ends long statements and idle transactions, the kernel ends silent connections. A connection that lay
//! in the pool shows that somebody is there before a statement is trusted to it, and one that does not
//! takes along all that were last used before: the way is gone for them too, and nobody waits for each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::DatabaseError;
use super::tls::{self, Trust};
use crate::config::{DatabaseSettings, Secret};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// For a place in the pool. It ends before [`HAD_WITHIN`], to say that all were taken.
const POOL_WAIT: Duration = Duration::from_secs(3);
/// For a connection that can be used, with all that is tried: whoever waits gets an answer in five seconds.
pub(super) const HAD_WITHIN: Duration = Duration::from_millis(3500);
/// After its last use a connection needs no proof for that long: a busy pool asks for none.
const TRUSTED_FOR: Duration = Duration::from_millis(100);
const PROOF_WITHIN: Duration = Duration::from_secs(1);
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(15);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
const UNACKNOWLEDGED_DATA: Duration = Duration::from_secs(10);

/// Where the database is and how it is used.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// `postgres://user@host/name`, or `host=/var/tmp/x user=postgres dbname=name`. In the first
    /// form the folder of a Unix socket is written with `%2F` for each slash.
    pub url: String,
    /// Instead of the one in the URL.
    pub password: Option<Secret>,
    /// PEM certificates: every connection is over TLS, to a server with a certificate of this authority.
    pub authority: Option<String>,
    /// The most connections this process holds, without the one that listens.
    pub pool_size: usize,
    /// Shown in `pg_stat_activity`.
    pub application_name: String,
    /// The server ends a statement after this; a second later we stop to wait for its answer.
    pub statement_timeout: Duration,
}

impl DatabaseConfig {
    /// The usual limits: ten connections, ten seconds for a statement.
    #[must_use]
    pub fn new(url: impl Into<String>, application_name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            authority: None,
            pool_size: 10,
            application_name: application_name.into(),
            statement_timeout: Duration::from_secs(10),
        }
    }

    /// As a service is told, with the usual limits.
    #[must_use]
    pub fn of_service(settings: DatabaseSettings, application_name: &str) -> Self {
        Self {
            password: settings.password,
            authority: settings.authority,
            pool_size: settings.connections,
            ..Self::new(settings.url, application_name)
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.statement_timeout
            .saturating_add(Duration::from_secs(1))
    }

    /// Everything said at the start of each connection.
    pub(super) fn connection_settings(&self) -> Result<Config, DatabaseError> {
        let mut settings: Config = self
            .url
            .parse()
            .map_err(|source| DatabaseError::Url { source })?;
        let given = settings.get_options().unwrap_or_default().to_owned();
        let options = format!(
            "{given} -c TimeZone=UTC -c statement_timeout={} -c idle_in_transaction_session_timeout={}",
            self.statement_timeout.as_millis(),
            IDLE_IN_TRANSACTION.as_millis(),
        );
        let ssl_mode = self.ssl_mode(&settings);
        settings
            .application_name(&self.application_name)
            .options(options.trim_start())
            .ssl_mode(ssl_mode)
            .connect_timeout(CONNECT_WITHIN)
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES)
            .tcp_user_timeout(UNACKNOWLEDGED_DATA);
        if let Some(password) = &self.password {
            settings.password(password.expose());
        }
        Ok(settings)
    }

    /// TLS with a server that nobody vouches for shows nothing: there is none unless we are told whom to trust,
    /// or that it must be.
    fn ssl_mode(&self, settings: &Config) -> SslMode {
        if self.authority.is_some() || settings.get_ssl_mode() == SslMode::Require {
            SslMode::Require
        } else {
            SslMode::Disable
        }
    }

    pub(super) fn tls(&self, settings: &Config) -> Result<MakeRustlsConnect, DatabaseError> {
        let trust = match (&self.authority, settings.get_ssl_mode()) {
            (Some(pem), _) => Trust::Authority(pem),
            (None, SslMode::Disable) => Trust::Nobody,
            (None, _) => Trust::Machine,
        };
        tls::connector(trust).map_err(|source| DatabaseError::Tls { source })
    }

    /// A connection beside the pool.
    pub(super) async fn connect(&self) -> Result<OwnConnection, DatabaseError> {
        let settings = self.connection_settings()?;
        let connected = settings.connect(self.tls(&settings)?).await;
        let (client, connection) =
            connected.map_err(|source| DatabaseError::ConnectOnce { source })?;
        Ok(OwnConnection {
            client,
            driver: tokio::spawn(connection),
        })
    }

    pub(super) fn pool(&self) -> Result<Pool, DatabaseError> {
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let settings = self.connection_settings()?;
        let tls = self.tls(&settings)?;
        let manager = Manager::from_config(settings, tls, recycling);
        Pool::builder(manager)
            .max_size(self.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(CONNECT_WITHIN))
            .recycle_timeout(Some(CONNECT_WITHIN))
            .pre_recycle(proof_of_life())
            .build()
            .map_err(|source| DatabaseError::Pool { source })
    }
}

/// A connection that belongs to nobody's pool.
pub(super) struct OwnConnection {
    pub(super) client: Client,
    driver: JoinHandle<Result<(), tokio_postgres::Error>>,
}

impl OwnConnection {
    /// Nobody is connected after this.
    pub(super) async fn close(self) {
        drop(self.client);
        // Its fault, if any, was the statements' fault before.
        let _ = self.driver.await;
    }
}

/// What a connection of the pool has to show before it is used again.
fn proof_of_life() -> Hook {
    let silent_at: Arc<Mutex<Option<Instant>>> = Arc::default();
    Hook::async_fn(move |client, metrics| {
        let silent_at = Arc::clone(&silent_at);
        let used_at = metrics.recycled.unwrap_or(metrics.created);
        Box::pin(async move {
            let silent = HookError::message("the way to the database is silent");
            if lock(&silent_at).is_some_and(|silent_at| used_at < silent_at) {
                return Err(silent);
            }
            if used_at.elapsed() < TRUSTED_FOR {
                return Ok(());
            }
            let asked_at = Instant::now();
            match tokio::time::timeout(PROOF_WITHIN, client.simple_query("")).await {
                Ok(answer) => answer.map(drop).map_err(HookError::Backend),
                Err(_elapsed) => {
                    *lock(&silent_at) = Some(asked_at);
                    Err(silent)
                }
            }
        })
    })
}

/// A moment is never half written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A URL holds a password; what is printed does not.
impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("pool_size", &self.pool_size)
            .field("application_name", &self.application_name)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseConfig;

    #[test]
    fn what_a_url_says_is_kept_beside_what_we_say() {
        for url in [
            "postgres://u@%2Fvar%2Ftmp%2Fx/d?options=-csearch_path%3D",
            "host=/var/tmp/x user=u dbname=d options=-csearch_path=",
        ] {
            let settings = DatabaseConfig::new(url, "test")
                .connection_settings()
                .unwrap();
            assert_eq!(
                settings.get_options(),
                Some(
                    "-csearch_path= -c TimeZone=UTC -c statement_timeout=10000 \
                     -c idle_in_transaction_session_timeout=15000"
                )
            );
            assert_eq!(settings.get_hosts().len(), 1);
            assert_eq!(settings.get_dbname(), Some("d"));
        }
    }
}
