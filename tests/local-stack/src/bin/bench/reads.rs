//! What reading costs: contracts' documents over HTTP, and beside them the bare queries.
//!
//! The load comes from `wrk`, the bare queries from `pgbench`, both on this machine: they take their share
//! of its processors. Each question is asked over one connection and over 32.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local_stack::process::Process;
use local_stack::run::run;
use local_stack::usage::Usage;
use tokio_postgres::{Client, NoTls};

use crate::wrk::Wrk;

const CONNECTIONS: [u32; 2] = [1, 32];
/// How many different contracts the minimal document is asked of.
const ADDRESSES: u32 = 10_000;

/// Where and how long.
pub(crate) struct Reads<'a> {
    pub(crate) base_url: String,
    pub(crate) public_api: &'a Process,
    pub(crate) database_url: &'a str,
    pub(crate) seconds: u32,
}

/// A document to read.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) chain_id: u64,
    pub(crate) address: String,
}

/// Reads the minimal documents of many contracts, and all fields of each subject.
///
/// # Errors
/// When a program is missing, an answer is not 200, or the database is away.
pub(crate) async fn write_reads(
    out: &mut impl Write,
    reads: &Reads<'_>,
    subjects: &[Subject],
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let sql = connect(reads.database_url).await?;
    writeln!(
        out,
        "\n{:<26} {:>11} {:>9} {:>8} {:>8} {:>15} {:>13} {:>12}",
        "document",
        "connections",
        "a second",
        "p50 ms",
        "p99 ms",
        "public-api CPU",
        "Postgres CPU",
        "bare queries"
    )?;
    let script = folder.path().join("minimal.lua");
    std::fs::write(&script, minimal_script(&sql).await?)?;
    let bare = folder.path().join("minimal.sql");
    std::fs::write(&bare, MINIMAL)?;
    let minimal = Question {
        name: "minimal, of 10,000",
        url: reads.base_url.clone(),
        script: Some(script),
        bare,
    };
    minimal.write(out, reads, &sql).await?;
    for subject in subjects {
        let bare = folder.path().join("all.sql");
        std::fs::write(&bare, all_fields(&sql, subject).await?)?;
        let path = format!("v2/contract/{}/{}", subject.chain_id, subject.address);
        let question = Question {
            name: subject.name,
            url: format!("{}/{path}?fields=all", reads.base_url),
            script: None,
            bare,
        };
        question.write(out, reads, &sql).await?;
    }
    writeln!(
        out,
        "\n{} s each; CPU in milliseconds of a request; bare queries: the same statements a second, by pgbench \
         over as many connections",
        reads.seconds
    )?;
    Ok(())
}

struct Question {
    name: &'static str,
    url: String,
    /// Asks for another path each time.
    script: Option<PathBuf>,
    /// The same statements for pgbench.
    bare: PathBuf,
}

impl Question {
    async fn write(&self, out: &mut impl Write, reads: &Reads<'_>, sql: &Client) -> Result<()> {
        for connections in CONNECTIONS {
            let warm = Wrk::new(&self.url, self.script.as_deref(), connections, 1);
            warm.run().await?;
            let before = cpu(reads, sql).await?;
            let load = Wrk::new(
                &self.url,
                self.script.as_deref(),
                connections,
                reads.seconds,
            );
            let seen = load.run().await?;
            let after = cpu(reads, sql).await?;
            let each = |before: Duration, after: Duration| {
                after.saturating_sub(before).as_secs_f64() * 1000.0 / seen.requests
            };
            let bare = pgbench(reads, &self.bare, connections).await?;
            writeln!(
                out,
                "{:<26} {connections:>11} {:>9.0} {:>8.2} {:>8.2} {:>15.3} {:>13.3} {bare:>12.0}",
                self.name,
                seen.a_second,
                seen.p50_ms,
                seen.p99_ms,
                each(before.0, after.0),
                each(before.1, after.1),
            )?;
            out.flush()?;
        }
        Ok(())
    }
}

/// Of public-api, and of its connections' processes in Postgres.
async fn cpu(reads: &Reads<'_>, sql: &Client) -> Result<(Duration, Duration)> {
    let backends = "SELECT pid FROM pg_stat_activity WHERE application_name = 'public-api'";
    let mut postgres = Duration::ZERO;
    for row in sql.query(backends, &[]).await? {
        let pid: i32 = row.try_get(0)?;
        // One that was closed meanwhile has used next to nothing.
        if let Ok(usage) = Usage::of(u32::try_from(pid)?) {
            postgres = postgres.saturating_add(usage.cpu);
        }
    }
    Ok((reads.public_api.usage()?.cpu, postgres))
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // It ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

/// A script that asks for another contract each time.
async fn minimal_script(sql: &Client) -> Result<String> {
    let list = "SELECT chain_id || '/0x' || encode(address, 'hex') FROM sourcify_matches WHERE chain_id < 4 LIMIT $1";
    let mut paths = String::new();
    for row in sql.query(list, &[&i64::from(ADDRESSES)]).await? {
        let path: String = row.try_get(0)?;
        paths.push_str(&format!("\"/v2/contract/{path}\",\n"));
    }
    Ok(format!(
        "local paths = {{\n{paths}}}\nlocal at = 0\n\
         function request()\n  at = at % #paths + 1\n  return wrk.format(nil, paths[at])\nend\n"
    ))
}

const MINIMAL: &str = concat!(
    "\\set n random(1, 100000)\n",
    "SELECT id, verified_contract_id, chain_id, address, creation_match, runtime_match, created_at, updated_at\n",
    "FROM public.sourcify_matches\n",
    "WHERE chain_id = 1 + :n::int % 3\n",
    "    AND address = decode(md5('a' || :n::int) || left(md5('b' || :n::int), 8), 'hex');\n",
);

/// The statements of a document with all fields, in one script.
async fn all_fields(sql: &Client, subject: &Subject) -> Result<String> {
    let address = subject.address.trim_start_matches("0x");
    let row = sql
        .query_one(
            "SELECT matches.id, verified.id, verified.compilation_id::text
             FROM sourcify_matches AS matches
             JOIN verified_contracts AS verified ON verified.id = matches.verified_contract_id
             WHERE encode(address, 'hex') = lower($1)",
            &[&address],
        )
        .await?;
    let (matched, verified): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let compilation: String = row.try_get(2)?;
    let contract = [subject.chain_id.to_string(), format!("'\\x{address}'")];
    let statement = |text: &str, parameters: &[String]| {
        let named = parameters.iter().enumerate();
        let bound = named.fold(text.to_owned(), |text, (at, value)| {
            text.replace(&format!("${}", at + 1), value)
        });
        format!("{};\n", bound.trim_end())
    };
    let by = |id: String| vec![id];
    let compilation = || by(format!("'{compilation}'"));
    macro_rules! query {
        ($name:literal) => {
            include_str!(concat!(
                "../../../../../sql/queries/contracts/",
                $name,
                ".sql"
            ))
        };
    }
    Ok([
        statement(query!("find_match"), &contract),
        statement(query!("get_verified"), &by(verified.to_string())),
        statement(query!("get_compilation"), &compilation()),
        statement(query!("get_codes"), &by(verified.to_string())),
        statement(query!("list_sources"), &compilation()),
        statement(query!("list_signatures"), &compilation()),
        statement(query!("find_metadata"), &by(matched.to_string())),
        statement(query!("find_proxy_resolution"), &contract),
    ]
    .concat())
}

/// How often a second the script's statements are answered.
async fn pgbench(reads: &Reads<'_>, script: &Path, connections: u32) -> Result<f64> {
    let program = local_stack::postgres::binary("pgbench")
        .context("there is no pgbench: `scripts/setup bench` installs it")?;
    let mut command = Command::new(program);
    command
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=1"])
        .arg(format!("--client={connections}"))
        .arg(format!("--time={}", reads.seconds))
        .arg("--file")
        .arg(script)
        .arg(reads.database_url);
    let limit = Duration::from_secs(u64::from(reads.seconds).saturating_add(30));
    let ran = run(command, limit).await?;
    let ran = ran.succeeded()?;
    let rate = ran
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    match rate {
        Some(rate) => Ok(rate),
        None => bail!("pgbench said no rate: {}", ran.stdout),
    }
}
