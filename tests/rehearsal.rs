//! Runs that the system tests start as processes of their own, because they are killed, fail, or need
//! an environment of their own.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use common::auth::mint::TokenSource;
use local_stack::postgres::{Postgres, TestDatabase};
use tokio_postgres::config::Host;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["print-token", audience] => print_token(audience).await?,
        ["wait-for-ever"] => {
            let (_postgres, _database) = test_database().await?;
            std::future::pending::<()>().await;
        }
        ["fail-when-asked"] => {
            let (_postgres, _database) = test_database().await?;
            // Whoever started this has looked at the server when the input ends.
            std::io::stdin().read_line(&mut String::new())?;
            #[expect(clippy::panic, reason = "a failing test is what this rehearses")]
            {
                panic!("as it should");
            }
        }
        _ => bail!("usage: rehearsal print-token AUDIENCE | wait-for-ever | fail-when-asked"),
    }
    Ok(ExitCode::SUCCESS)
}

/// With the credentials that the environment gives.
async fn print_token(audience: &str) -> Result<()> {
    let token = TokenSource::from_environment(audience)?.token().await?;
    writeln!(std::io::stdout(), "{token}")?;
    Ok(())
}

/// Says in which folder the server is.
async fn test_database() -> Result<(&'static Postgres, TestDatabase)> {
    let postgres = Postgres::shared()?;
    let database = postgres.fresh_database().await?;
    let settings: tokio_postgres::Config = database.url().parse()?;
    let Some(Host::Unix(folder)) = settings.get_hosts().first() else {
        bail!("a private server has a Unix socket");
    };
    let mut out = std::io::stdout();
    writeln!(out, "folder: {}", folder.display()).context("telling the folder")?;
    out.flush()?;
    Ok((postgres, database))
}
