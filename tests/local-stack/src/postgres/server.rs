//! What is done on the server, private or not: the template, its copies, databases with a name.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use common::db::rights::{self, Process};
use common::db::{DatabaseConfig, schema};
use tokio_postgres::{Client, NoTls};

use super::cluster::{Break, Cluster, Durability};
use super::place::Place;

/// The processes that share a server make its template once.
const LOCK_TEMPLATE: &str = "SELECT pg_advisory_lock(hashtextextended('sourcerun/template', 0))";

/// The services' database users, named as the services are. What they may do is part of a template.
const USERS: [(Process, &str); 2] = [
    (Process::PublicApi, "public-api"),
    (Process::InternalVerifier, "internal-verifier"),
];

/// A server, whoever started it.
#[derive(Debug)]
pub(super) struct Server {
    /// Of any database on it, to make others from there.
    url: String,
    cluster: Option<Cluster>,
}

impl Server {
    pub(super) fn existing(url: String) -> Self {
        Self { url, cluster: None }
    }

    pub(super) fn temporary() -> Result<Self> {
        Self::private(Place::temporary()?, Durability::None)
    }

    pub(super) fn durable() -> Result<Self> {
        Self::private(Place::temporary()?, Durability::OfCommits)
    }

    pub(super) fn in_folder(folder: &std::path::Path) -> Result<Self> {
        let place = Place::at(folder)?;
        place.keep()?;
        Self::private(place, Durability::None)
    }

    fn private(place: Place, durability: Durability) -> Result<Self> {
        let cluster = Cluster::start(place, durability)?;
        let folder = cluster
            .place
            .folder
            .to_str()
            .context("the path is no text")?;
        let url = format!(
            "postgres://postgres@{}/postgres",
            folder.replace('/', "%2F")
        );
        Ok(Self {
            url,
            cluster: Some(cluster),
        })
    }

    /// A copy of the template, which is made before if it is not there.
    pub(super) async fn create_fresh(&self, name: &str) -> Result<String> {
        let template = self.template().await?;
        let copy = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy");
        self.run(&copy).await?;
        with_database(&self.url, name)
    }

    pub(super) async fn open_named(&self, name: &str) -> Result<String> {
        ensure!(
            is_plain(name),
            "`{name}` is no name for a database: lower-case letters, digits and _ only"
        );
        let admin = connect(&self.url).await?;
        if !exists(&admin, name).await? {
            admin
                .batch_execute(&format!("CREATE DATABASE {name}"))
                .await?;
        }
        let url = with_database(&self.url, name)?;
        schema::migrate(&DatabaseConfig::new(&url, "local-stack"), None).await?;
        Ok(url)
    }

    pub(super) async fn drop_database(&self, url: &str) -> Result<()> {
        let name = database_of(url)?;
        self.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
    }

    /// Blocks the thread until the server is back.
    pub(super) fn interrupt(&mut self, how: Break, lasts: Duration) -> Result<()> {
        let cluster = self.cluster.as_mut();
        let cluster = cluster.context("the server is not ours to end")?;
        cluster.interrupt(how, lasts)
    }

    /// Says where the database of a failed test is.
    pub(super) fn keep(&self, url: &str) -> Result<()> {
        match &self.cluster {
            None => eprintln!("kept the database of the failed test: {url}"),
            Some(cluster) => {
                cluster.place.keep()?;
                eprintln!(
                    "kept the database of the failed test: {} in {} (server {} runs until the tests \
                     end; its data stay for a day: start `postgres -D` on them)",
                    database_of(url)?,
                    cluster.place.data().display(),
                    cluster.process_id(),
                );
            }
        }
        Ok(())
    }

    /// Named by what is in it, so that no change of a migration meets an old template. It is renamed
    /// when it is whole, and lets nobody in: a template that is in use cannot be copied.
    async fn template(&self) -> Result<String> {
        let mut hasher = DefaultHasher::new();
        for (migration, checksum) in schema::embedded_migrations() {
            (migration.to_string(), checksum).hash(&mut hasher);
        }
        for (process, user) in USERS {
            rights::statements(process, user).hash(&mut hasher);
        }
        let name = format!("sourcerun_template_{:016x}", hasher.finish());
        let admin = connect(&self.url).await?;
        if exists(&admin, &name).await? {
            return Ok(name);
        }
        admin.batch_execute(LOCK_TEMPLATE).await?;
        if exists(&admin, &name).await? {
            return Ok(name);
        }
        let unfinished = format!("{name}_unfinished");
        admin
            .batch_execute(&format!(
                "DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)"
            ))
            .await?;
        admin
            .batch_execute(&format!("CREATE DATABASE {unfinished}"))
            .await?;
        let config = DatabaseConfig::new(with_database(&self.url, &unfinished)?, "local-stack");
        schema::migrate(&config, None).await?;
        for (process, user) in USERS {
            admin.batch_execute(&make_user(&self.url, user)?).await?;
            rights::grant(&config, process, user).await?;
        }
        admin
            .batch_execute(&format!(
                "ALTER DATABASE {unfinished} ALLOW_CONNECTIONS false"
            ))
            .await?;
        admin
            .batch_execute(&format!("ALTER DATABASE {unfinished} RENAME TO {name}"))
            .await?;
        Ok(name)
    }

    async fn run(&self, statement: &str) -> Result<()> {
        let admin = connect(&self.url).await?;
        admin
            .batch_execute(statement)
            .await
            .with_context(|| statement.to_owned())
    }
}

/// A connection that closes when the client is dropped, and an advisory lock with it.
async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("the Postgres server cannot be reached")?;
    // Its fault is that of the statement that waits for it.
    tokio::spawn(connection);
    Ok(client)
}

async fn exists(admin: &Client, name: &str) -> Result<bool> {
    let row = admin
        .query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name])
        .await?;
    Ok(row.is_some())
}

fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.len() < 64 && name.bytes().all(is_plain)
}

/// The same server's URL, for another database.
fn with_database(url: &str, name: &str) -> Result<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        // The last of several settings wins.
        return Ok(format!("{url} dbname={name}"));
    };
    ensure!(
        ["postgres", "postgresql"].contains(&scheme),
        "{scheme} is no scheme of a Postgres URL"
    );
    let (before_query, query) = match rest.split_once('?') {
        Some((before, query)) => (before, format!("?{query}")),
        None => (rest, String::new()),
    };
    let authority = before_query.split('/').next().unwrap_or_default();
    Ok(format!("{scheme}://{authority}/{name}{query}"))
}

/// The same database's URL, for another user.
pub(super) fn with_user(url: &str, user: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // The last of several settings wins.
        return format!("{url} user={user}");
    };
    let (of_user, place) = rest.split_once('@').unwrap_or(("", rest));
    let password = of_user.split_once(':').map(|(_, password)| password);
    let password = password.map_or_else(String::new, |password| format!(":{password}"));
    format!("{scheme}://{user}{password}@{place}")
}

/// The statement that makes a user, with the password of the URL's, if it is new.
fn make_user(url: &str, user: &str) -> Result<String> {
    let settings: tokio_postgres::Config = url.parse()?;
    let password = match settings.get_password() {
        Some(password) => {
            let password = std::str::from_utf8(password).context("the password is no text")?;
            format!("PASSWORD '{}'", password.replace('\'', "''"))
        }
        None => String::new(),
    };
    Ok(format!(
        "DO $do$ BEGIN CREATE ROLE \"{user}\" LOGIN {password}; EXCEPTION WHEN duplicate_object THEN NULL; END $do$"
    ))
}

fn database_of(url: &str) -> Result<String> {
    let settings: tokio_postgres::Config = url.parse()?;
    let name = settings.get_dbname().context("the URL names no database")?;
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{database_of, is_plain, with_database, with_user};

    #[test]
    fn a_url_is_changed_in_its_database_only() {
        for (url, wanted) in [
            ("postgres://u:p@h:5/a", "postgres://u:p@h:5/t"),
            ("postgresql://u@h", "postgresql://u@h/t"),
            (
                "postgres://u@%2Fx%2Fy/a?sslmode=disable",
                "postgres://u@%2Fx%2Fy/t?sslmode=disable",
            ),
            (
                "host=/x user=u dbname=a",
                "host=/x user=u dbname=a dbname=t",
            ),
        ] {
            let changed = with_database(url, "t").unwrap();
            assert_eq!(changed, wanted);
            assert_eq!(database_of(&changed).unwrap(), "t");
        }
        assert!(with_database("mysql://h/a", "t").is_err());
    }

    #[test]
    fn a_url_is_changed_in_its_user_only() {
        for (url, wanted) in [
            ("postgres://u:p@h:5/a?x=y", "postgres://api:p@h:5/a?x=y"),
            ("postgresql://h/a", "postgresql://api@h/a"),
            (
                "host=/x user=u dbname=a",
                "host=/x user=u dbname=a user=api",
            ),
        ] {
            assert_eq!(with_user(url, "api"), wanted);
        }
    }

    #[test]
    fn a_name_cannot_carry_a_statement() {
        assert!(is_plain("demo_1"));
        for name in ["", "Demo", "a-b", "a\"; DROP TABLE x", &"a".repeat(64)] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
