//! What each service's database user may do: read everything, and write what is its own.
//!
//! That public-api writes no result, and the verifier accepts no job, is then kept by the database, whatever a
//! program does. The schema belongs to a third user, who migrates. An operator names the users.

use std::fmt;

use tokio_postgres::Client;

use super::{DatabaseConfig, DatabaseError};

const IS_ADMINISTRATOR: &str = include_str!("../../../sql/queries/schema/is_administrator.sql");

/// Whose user it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    PublicApi,
    InternalVerifier,
}

type Rights = &'static [(&'static str, &'static str)];

const PUBLIC_API: Rights = &[
    ("INSERT, DELETE", "TABLE verification_jobs"),
    // Not what the job found.
    (
        "UPDATE (state, completed_at, error_code, error_id, error_data, lease_owner, lease_token, lease_until, \
         dispatches, next_attempt_at)",
        "TABLE verification_jobs",
    ),
    ("INSERT, DELETE", "TABLE verification_job_inputs"),
    ("INSERT, DELETE", "TABLE verification_job_events"),
    ("DELETE", "TABLE verification_jobs_ephemeral"),
    ("DELETE", "TABLE compiler_outputs"),
    ("INSERT, UPDATE", "TABLE proxy_resolutions"),
];

const INTERNAL_VERIFIER: Rights = &[
    ("UPDATE", "TABLE verification_jobs"),
    ("DELETE", "TABLE verification_job_inputs"),
    ("INSERT", "TABLE verification_job_events"),
    ("INSERT", "TABLE verification_jobs_ephemeral"),
    ("INSERT, UPDATE", "TABLE compiler_outputs"),
    ("INSERT", "TABLE code"),
    ("INSERT", "TABLE contracts"),
    ("INSERT", "TABLE contract_deployments"),
    ("INSERT", "TABLE compiled_contracts"),
    ("INSERT", "TABLE sources"),
    ("INSERT", "TABLE compiled_contracts_sources"),
    ("INSERT", "TABLE signatures"),
    ("INSERT", "TABLE compiled_contracts_signatures"),
    ("INSERT, UPDATE", "TABLE verified_contracts"),
    ("INSERT, UPDATE", "TABLE sourcify_matches"),
    ("USAGE", "SEQUENCE verified_contracts_id_seq"),
    ("USAGE", "SEQUENCE sourcify_matches_id_seq"),
];

impl Process {
    fn rights(self) -> Rights {
        match self {
            Self::PublicApi => PUBLIC_API,
            Self::InternalVerifier => INTERNAL_VERIFIER,
        }
    }
}

/// Why a user has not got its rights; it has those that it had.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    #[error(transparent)]
    Connect(#[from] DatabaseError),
    #[error("the database user `{user}` could not be given its rights")]
    Grant {
        user: String,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("the database user `{user}` could not be taken out of the group `cloudsqlsuperuser`")]
    StillAdministrator { user: String },
}

/// The statements that give a user exactly its rights, whatever it had before.
#[must_use]
pub fn statements(process: Process, user: &str) -> String {
    let user = Quoted(user);
    // Whatever the owner's own is.
    let mut text = format!(
        "SET search_path TO public;\n\
         REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {user};\n\
         REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {user};\n\
         GRANT USAGE ON SCHEMA public TO {user};\n\
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user};\n"
    );
    for (rights, object) in process.rights() {
        text.push_str(&format!("GRANT {rights} ON {object} TO {user};\n"));
    }
    text
}

/// Gives a user its rights, as the owner of the schema, in one transaction.
///
/// # Errors
/// The database cannot be reached, there is no such user, or the schema is another's.
pub async fn grant(
    config: &DatabaseConfig,
    process: Process,
    user: &str,
) -> Result<(), RightsError> {
    let connection = config.connect().await?;
    // Several statements in one message are one transaction.
    let granted = connection
        .client
        .batch_execute(&statements(process, user))
        .await;
    connection.close().await;
    granted.map_err(|source| RightsError::Grant {
        user: user.to_owned(),
        source,
    })
}

/// Takes a user out of the group that Cloud SQL puts all new users in, whose members may make others and become
/// them. Gives whether it was in it.
///
/// # Errors
/// As [`grant`]; a server may not let the owner do it.
pub async fn leave_administrators(
    config: &DatabaseConfig,
    user: &str,
) -> Result<bool, RightsError> {
    let connection = config.connect().await?;
    let left = leave(&connection.client, user).await;
    connection.close().await;
    match left {
        Ok(Left::Member) => Err(RightsError::StillAdministrator {
            user: user.to_owned(),
        }),
        Ok(left) => Ok(left == Left::Now),
        Err(source) => Err(RightsError::Grant {
            user: user.to_owned(),
            source,
        }),
    }
}

#[derive(PartialEq, Eq)]
enum Left {
    Before,
    Now,
    /// The server took the statement and did nothing.
    Member,
}

async fn leave(client: &Client, user: &str) -> Result<Left, tokio_postgres::Error> {
    let is_member = async || -> Result<bool, tokio_postgres::Error> {
        client
            .query_one(IS_ADMINISTRATOR, &[&user])
            .await?
            .try_get(0)
    };
    if !is_member().await? {
        return Ok(Left::Before);
    }
    let quoted = Quoted(user);
    client
        .batch_execute(&format!(
            "REVOKE cloudsqlsuperuser FROM {quoted}; ALTER ROLE {quoted} NOCREATEROLE NOCREATEDB"
        ))
        .await?;
    // To revoke what somebody else has granted is a warning, and no error.
    if is_member().await? {
        return Ok(Left::Member);
    }
    Ok(Left::Now)
}

/// A name as an identifier of SQL.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_carry_a_statement() {
        let text = statements(Process::PublicApi, "a\"; DROP TABLE x; --");
        let named = text.matches("\"a\"\"; DROP TABLE x; --\"").count();
        assert_eq!(named, text.lines().skip(1).count());
    }
}
