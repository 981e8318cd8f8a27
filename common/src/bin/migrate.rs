//! Brings a database to the schema of this program, or of a folder of migrations.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::builder::Resettable;
use clap::{Arg, CommandFactory, FromArgMatches, Parser};
use common::config::{Secret, authority, check_database_url};
use common::db::rights::{self, Process};
use common::db::{DatabaseConfig, schema};
use common::report::with_causes;

/// Applies the migrations that a database lacks, all of them or none, and prints their names.
///
/// Then it gives the services' own database users what they may do, if they are named: each may read everything
/// and write what is its own. They must exist; the user of the URL owns the schema.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// A folder of migrations, `V1__name.sql` and so on [default: those this program was built with]
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,

    /// `postgres://user@host/name`, or `host=/folder/of/socket user=name dbname=name`
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,

    /// The password, instead of one in the URL
    #[arg(long, env = "DATABASE_PASSWORD", hide_env_values = true)]
    database_password: Option<String>,

    /// Certificates of the authority of Postgres's own certificate, PEM or a file of it; then only over TLS
    #[arg(long, env = "DATABASE_CA", hide_env_values = true, value_name = "PEM")]
    database_ca: Option<String>,

    /// The database user of public-api
    #[arg(long, env = "PUBLIC_ROLE", value_name = "USER")]
    public_role: Option<String>,

    /// The database user of internal-verifier
    #[arg(long, env = "VERIFIER_ROLE", value_name = "USER")]
    verifier_role: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Arguments::command().mut_args(unless_empty);
    let arguments = Arguments::from_arg_matches(&command.get_matches());
    let arguments = arguments.unwrap_or_else(|error| error.exit());
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Nobody is left to tell if this cannot be written.
            let _ = writeln!(io::stderr(), "migrate: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

/// A variable that is set to nothing is not given, as for the services.
fn unless_empty(argument: Arg) -> Arg {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    match argument.get_env().is_some_and(is_empty) {
        true => argument.env(Resettable::Reset),
        false => argument,
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    check_database_url(&arguments.database_url).map_err(anyhow::Error::msg)?;
    let authority = arguments.database_ca.as_deref().map(authority);
    let config = DatabaseConfig {
        password: arguments.database_password.clone().map(Secret::new),
        authority: authority.transpose().map_err(anyhow::Error::msg)?,
        ..DatabaseConfig::new(&arguments.database_url, "migrate")
    };
    let applied = schema::migrate(&config, arguments.path.as_deref()).await?;
    let mut out = io::stdout().lock();
    for migration in &applied {
        writeln!(out, "applied {migration}").context("the result cannot be written")?;
    }
    if applied.is_empty() {
        writeln!(out, "nothing to apply").context("the result cannot be written")?;
    }
    let roles = [
        (Process::PublicApi, &arguments.public_role),
        (Process::InternalVerifier, &arguments.verifier_role),
    ];
    for (process, role) in roles {
        let Some(role) = role else { continue };
        rights::grant(&config, process, role).await?;
        writeln!(out, "rights given to {role}").context("the result cannot be written")?;
        match rights::leave_administrators(&config, role).await {
            Ok(false) => {}
            Ok(true) => writeln!(out, "{role} is no administrator any more")?,
            // It works with more rights than it needs; a deployment that stops would be worse.
            Err(fault) => writeln!(
                io::stderr(),
                "migrate: {role} is still in Cloud SQL's group of administrators: {}",
                with_causes(&fault)
            )?,
        }
    }
    Ok(())
}
