//! The schema this program was built with: applied by the `migrate` binary, checked by each service.
//!
//! A service never migrates: two that start at once would, and its role may not. It refuses a schema
//! it does not know instead, because then nothing that the code relies on is certain.

use std::path::Path;
use std::time::Duration;

use refinery::{Migration, Runner};
use tokio_postgres::Client;

use super::row::column;
use super::statement::{Statement, statement};
use super::{Database, DatabaseConfig, DatabaseError};

const HAS_HISTORY: Statement = statement!("schema/has_history");
const LIST_APPLIED: Statement = statement!("schema/list_applied");
const LOCK_MIGRATIONS: &str = include_str!("../../../sql/queries/schema/lock_migrations.sql");

mod embedded {
    refinery::embed_migrations!("../sql/migrations");
}

/// A migration by its number and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MigrationName {
    pub version: i32,
    pub name: String,
}

impl std::fmt::Display for MigrationName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "V{}__{}", self.version, self.name)
    }
}

/// Why a schema is refused, or could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the database has no schema yet: run `migrate`")]
    Empty,
    #[error("the database lacks migration {migration}: run `migrate`")]
    Missing { migration: MigrationName },
    #[error(
        "the database has migration {migration}, older than the newest of this program, which does not \
         know it: it belongs to another line; run `migrate` on a database of its own"
    )]
    Unknown { migration: MigrationName },
    #[error(
        "migration {migration} in the database is not the one this program was built with: migrations \
         are only added, never changed; run `migrate` on a database of its own"
    )]
    Differs { migration: MigrationName },
    #[error("the schema could not be looked at")]
    Fault {
        #[from]
        source: DatabaseError,
    },
}

/// Why migrations were not applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("the migrations in {path} cannot be read")]
    Read {
        path: String,
        #[source]
        source: refinery::Error,
    },
    #[error("there are no migrations in {path}")]
    NoMigrations { path: String },
    #[error(transparent)]
    Connect(#[from] DatabaseError),
    #[error("the lock that keeps two migrations apart was not given")]
    Lock {
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("the migrations were not applied; the database is as before")]
    Apply {
        #[source]
        source: refinery::Error,
    },
}

/// Compares the database's history with the embedded migrations: it must have them all, and up to the newest of
/// them no others.
///
/// It may have newer ones. Migrations come before the programs that need them and work with those before, so in a
/// deployment, and after it was rolled back, instances of the older program start on the newer schema.
///
/// # Errors
/// The schema is not one that this program can work on.
pub async fn check(database: &Database) -> Result<(), SchemaError> {
    let connection = database.connection().await?;
    let has_history: bool = column(
        &connection.query_one(HAS_HISTORY, &[]).await?,
        "has_history",
    )?;
    if !has_history {
        return Err(SchemaError::Empty);
    }
    let applied = connection
        .query(LIST_APPLIED, &[])
        .await?
        .iter()
        .map(|row| {
            let migration = MigrationName {
                version: column(row, "version")?,
                name: column(row, "name")?,
            };
            Ok((migration, column(row, "checksum")?))
        })
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    let known = fingerprints(embedded::migrations::runner().get_migrations());
    for migration in compare(&known, &applied)? {
        tracing::warn!(event = "schema_is_newer", %migration, "the schema is newer than this program");
    }
    Ok(())
}

/// The migrations this program was built with, each with a checksum of its text.
#[must_use]
pub fn embedded_migrations() -> Vec<(MigrationName, String)> {
    fingerprints(embedded::migrations::runner().get_migrations())
}

/// Applies what is missing, all in one transaction: the migrations of a folder, or the embedded ones.
///
/// # Errors
/// The database cannot be reached, or its history and the migrations contradict each other.
pub async fn migrate(
    config: &DatabaseConfig,
    folder: Option<&Path>,
) -> Result<Vec<MigrationName>, MigrateError> {
    let runner = match folder {
        Some(folder) => read_folder(folder)?,
        None => embedded::migrations::runner(),
    };
    // A migration may take its time, and so may another one that holds the lock.
    let unhurried = DatabaseConfig {
        statement_timeout: Duration::ZERO,
        ..config.clone()
    };
    let mut connection = unhurried.connect().await?;
    let applied = apply(&mut connection.client, runner).await;
    connection.close().await;
    applied
}

async fn apply(client: &mut Client, runner: Runner) -> Result<Vec<MigrationName>, MigrateError> {
    client
        .batch_execute(LOCK_MIGRATIONS)
        .await
        .map_err(|source| MigrateError::Lock { source })?;
    let report = runner
        .set_grouped(true)
        .set_abort_divergent(true)
        .set_abort_missing(true)
        .run_async(client)
        .await
        .map_err(|source| MigrateError::Apply { source })?;
    Ok(report.applied_migrations().iter().map(name_of).collect())
}

fn read_folder(folder: &Path) -> Result<Runner, MigrateError> {
    let path = folder.display().to_string();
    let migrations = match refinery::load_sql_migrations(folder) {
        Ok(migrations) => migrations,
        Err(source) => return Err(MigrateError::Read { path, source }),
    };
    if migrations.is_empty() {
        return Err(MigrateError::NoMigrations { path });
    }
    Ok(Runner::new(&migrations))
}

fn name_of(migration: &Migration) -> MigrationName {
    MigrationName {
        version: migration.version(),
        name: migration.name().to_owned(),
    }
}

fn fingerprints(migrations: &[Migration]) -> Vec<(MigrationName, String)> {
    migrations
        .iter()
        .map(|migration| (name_of(migration), migration.checksum().to_string()))
        .collect()
}

type Fingerprint = (MigrationName, String);

/// The migrations that are newer than all that are known.
fn compare(
    known: &[Fingerprint],
    applied: &[Fingerprint],
) -> Result<Vec<MigrationName>, SchemaError> {
    let of_version = |list: &[Fingerprint], version| {
        list.iter()
            .find(|(migration, _)| migration.version == version)
            .cloned()
    };
    for (migration, checksum) in known {
        let migration = migration.clone();
        match of_version(applied, migration.version) {
            None => return Err(SchemaError::Missing { migration }),
            Some((name, sum)) if name != migration || sum != *checksum => {
                return Err(SchemaError::Differs { migration });
            }
            Some(_) => {}
        }
    }
    let newest = known.iter().map(|(migration, _)| migration.version).max();
    let unknown = applied.iter().map(|(migration, _)| migration.clone());
    let unknown = unknown.filter(|migration| of_version(known, migration.version).is_none());
    let (newer, others): (Vec<_>, Vec<_>) =
        unknown.partition(|migration| Some(migration.version) > newest);
    match others.into_iter().next() {
        Some(migration) => Err(SchemaError::Unknown { migration }),
        None => Ok(newer),
    }
}
