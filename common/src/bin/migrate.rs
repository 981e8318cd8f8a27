//! Brings a database to the schema of this program, or of a folder of migrations.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use common::db::{DatabaseConfig, schema};

/// Applies the migrations that a database lacks, all of them or none, and prints their names.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// A folder of migrations, `V1__name.sql` and so on [default: those this program was built with]
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,

    /// `postgres://user@host/name`, or `host=/folder/of/socket user=name dbname=name`
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Nobody is left to tell if this cannot be written.
            let _ = writeln!(io::stderr(), "migrate: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = DatabaseConfig::new(&arguments.database_url, "migrate");
    let applied = schema::migrate(&config, arguments.path.as_deref()).await?;
    let mut out = io::stdout().lock();
    for migration in &applied {
        writeln!(out, "applied {migration}").context("the result cannot be written")?;
    }
    if applied.is_empty() {
        writeln!(out, "nothing to apply").context("the result cannot be written")?;
    }
    Ok(())
}
