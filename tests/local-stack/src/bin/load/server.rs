//! A Postgres of our own that counts its statements, and what it tells.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use local_stack::postgres::{Postgres, TestDatabase};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Statements of this program are not the services'.
const OURS: &str = "/* load */";

/// Ends when dropped, in this order.
pub(crate) struct Server {
    sql: Client,
    postgres: Postgres,
    pub(crate) pid: u32,
    _folder: TempDir,
}

/// One statement of the services, over some time.
pub(crate) struct Counted {
    /// As in `sql/queries`; else its first words.
    pub(crate) name: String,
    pub(crate) calls: i64,
    pub(crate) total_ms: f64,
}

impl Server {
    /// # Errors
    /// When there are no binaries, or no `pg_stat_statements` beside them.
    pub(crate) async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("sourcerun-load-")
            .tempdir()?;
        let path = folder.path().to_str().context("the path is no text")?;
        let url = format!("host={path} user=postgres dbname=postgres");
        let first = Postgres::start_in(folder.path())?;
        let preload = "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'";
        connect(&url).await?.batch_execute(preload).await?;
        drop(first);
        let postgres = Postgres::start_in(folder.path())?;
        // Else the folder would outlive us if we are killed.
        fs::remove_file(folder.path().join("keep"))?;
        let sql = connect(&url).await?;
        sql.batch_execute("CREATE EXTENSION pg_stat_statements")
            .await
            .context("pg_stat_statements comes with Postgres's contributed modules")?;
        let file: String = sql
            .query_one("SELECT pg_read_file('postmaster.pid')", &[])
            .await?
            .try_get(0)?;
        let pid = file.lines().next().context("postmaster.pid is empty")?;
        Ok(Self {
            pid: pid.trim().parse()?,
            sql,
            postgres,
            _folder: folder,
        })
    }

    /// # Errors
    /// When the server refuses.
    pub(crate) async fn fresh_database(&self) -> Result<TestDatabase> {
        self.postgres.fresh_database().await
    }

    /// Counts from nothing.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn forget_statements(&self) -> Result<()> {
        let forget = "SELECT pg_stat_statements_reset()";
        self.sql.batch_execute(forget).await?;
        Ok(())
    }

    /// What was asked in a database since [`Self::forget_statements`], the most frequent first.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn statements(&self, database_url: &str) -> Result<Vec<Counted>> {
        let config: tokio_postgres::Config = database_url.parse()?;
        let name = config.get_dbname().context("the URL names no database")?;
        let rows = self
            .sql
            .query(
                "SELECT coalesce(substring(query FROM '-- name: ([a-z_/]+)'), \
                         left(regexp_replace(query, '\\s+', ' ', 'g'), 40)), \
                     sum(calls)::bigint, sum(total_exec_time)::float8 \
                 FROM pg_stat_statements JOIN pg_database ON oid = dbid \
                 WHERE datname = $1 AND query NOT LIKE '/* load */%' \
                 GROUP BY 1 ORDER BY 2 DESC, 1",
                &[&name],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Counted {
                    name: row.try_get(0)?,
                    calls: row.try_get(1)?,
                    total_ms: row.try_get(2)?,
                })
            })
            .collect()
    }
}

/// Looks at the jobs of one database.
pub(crate) struct Jobs {
    sql: Client,
}

/// How many jobs there are of each kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) running: i64,
    pub(crate) open: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
}

/// What was written to the database so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    pub(crate) transactions: i64,
    pub(crate) wal_bytes: i64,
}

impl Jobs {
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn of(database_url: &str) -> Result<Self> {
        Ok(Self {
            sql: connect(database_url).await?,
        })
    }

    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn count(&self) -> Result<Count> {
        let statement = format!(
            "{OURS} SELECT count(*) FILTER (WHERE state = 'running'), \
                 count(*) FILTER (WHERE completed_at IS NULL), \
                 count(*) FILTER (WHERE state = 'succeeded'), \
                 count(*) FILTER (WHERE state = 'failed') FROM verification_jobs"
        );
        let row = self.sql.query_one(&statement, &[]).await?;
        Ok(Count {
            running: row.try_get(0)?,
            open: row.try_get(1)?,
            succeeded: row.try_get(2)?,
            failed: row.try_get(3)?,
        })
    }

    /// Waits until the count is as wanted.
    ///
    /// # Errors
    /// When that takes too long, or a job did not end well.
    pub(crate) async fn wait_for(
        &self,
        limit: Duration,
        wanted: impl Fn(&Count) -> bool,
    ) -> Result<Count> {
        let began = Instant::now();
        loop {
            let count = self.count().await?;
            ensure!(count.failed == 0, "jobs failed: {}", self.failures().await?);
            if wanted(&count) {
                return Ok(count);
            }
            if began.elapsed() > limit {
                bail!("after {limit:?} there are still {count:?}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn failures(&self) -> Result<String> {
        let statement = format!(
            "{OURS} SELECT coalesce(string_agg(DISTINCT error_code, ', '), 'none') FROM verification_jobs"
        );
        Ok(self.sql.query_one(&statement, &[]).await?.try_get(0)?)
    }

    /// From the first acceptance to the last end, of the jobs that the numbers from here on name.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn took(&self, from_number: usize) -> Result<Duration> {
        let statement = format!(
            "{OURS} SELECT extract(epoch FROM max(completed_at) - min(started_at))::float8 \
             FROM verification_jobs WHERE contract_address >= decode($1, 'hex')"
        );
        let first = format!("{from_number:040x}");
        let row = self.sql.query_one(&statement, &[&first]).await?;
        Ok(Duration::try_from_secs_f64(row.try_get(0)?)?)
    }

    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn written(&self) -> Result<Written> {
        let statement = format!(
            "{OURS} SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, \
                 (pg_current_wal_insert_lsn() - '0/0')::bigint"
        );
        let row = self.sql.query_one(&statement, &[]).await?;
        Ok(Written {
            transactions: row.try_get(0)?,
            wal_bytes: row.try_get(1)?,
        })
    }

    /// The median of an empty question: what a connection that was not used for a moment is asked first.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn probe(&self) -> Result<Duration> {
        let mut times = Vec::new();
        for _ in 0..1000 {
            let began = Instant::now();
            self.sql.batch_execute("").await?;
            times.push(began.elapsed());
        }
        times.sort();
        times.get(500).copied().context("there are a thousand")
    }

    /// Fills the table with jobs that wait, those of one client a hundredth of them.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn fill(&self, rows: u32) -> Result<()> {
        let statements = format!(
            "INSERT INTO verification_jobs \
                 (chain_id, contract_address, verification_endpoint, started_at, next_attempt_at, turn) \
             SELECT 1, decode(lpad(to_hex(n), 40, '0'), 'hex'), '/', now() - make_interval(secs => 20000 - n), now(), \
                 (extract(EPOCH FROM now()) * 1000)::bigint + n / 100 * 60000 \
             FROM generate_series(1, {rows}) AS n; \
             INSERT INTO verification_job_inputs (id, kind, input, client) \
             SELECT id, 'std_json', '{{}}', set_masklen('10.0.0.0'::inet, 32) + (row_number() OVER () % 100) \
             FROM verification_jobs; ANALYZE"
        );
        Ok(self.sql.batch_execute(&statements).await?)
    }
}

/// A connection that closes when the client is dropped.
async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // Its fault is that of the statement that waits for it.
    tokio::spawn(connection);
    Ok(client)
}
