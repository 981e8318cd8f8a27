//! Fetches releases of solc and makes them ready, so that no request has to wait for it.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use compiler::config::{OFFICIAL_HOST, default_cache, default_repository};
use compiler::intake::progress::Progress;
use compiler::intake::{Done, Intake, check, pin, take_in, take_in_native};
use compiler::release::Catalogue;
use compiler::{Engine, Release};
use verification::compiler::{Compiler, CompilerVersion};

#[derive(Parser)]
#[command(
    about = "Fetches releases of solc and makes them ready to be used",
    long_about = "Fetches releases of solc from 0.6.2 on and compiles their WebAssembly builds ahead of \
        time. A release comes from the repository, else from the Solidity project's host, else from \
        npm, and must have a pinned SHA-256. Making one ready takes about 20 seconds and a gigabyte \
        of memory; it is done once.",
    subcommand_negates_reqs = true,
    arg_required_else_help = true
)]
struct Arguments {
    /// Releases to make ready, as in "0.8.28 0.7.6"; "all" for all of them
    #[arg(long, value_delimiter = ' ', num_args = 1.., required_unless_present = "list")]
    versions: Vec<String>,
    /// Which engine to make them ready for [default: wasm]
    #[arg(long)]
    engine: Option<Engine>,
    /// An operator's own list of native executables, a list.json as the Solidity project publishes it
    #[arg(long)]
    native_list: Option<PathBuf>,
    /// Show which releases are known, and which of them are ready
    #[arg(long)]
    list: bool,
    /// Where soljson.js files are kept, as the Solidity project publishes them [default: compilers in the cache]
    #[arg(long, env = "SOURCERUN_COMPILERS", global = true)]
    repository: Option<PathBuf>,
    /// Where prepared compilers are kept [default: sourcerun in the user's folder for caches]
    #[arg(long, env = "SOURCERUN_CACHE", global = true)]
    cache: Option<PathBuf>,
    /// The folder of WebAssembly builds at the Solidity project's host
    #[arg(long, env = "SOURCERUN_COMPILERS_HOST", default_value = OFFICIAL_HOST)]
    official_host: String,
    /// Fetch nothing: use only what is in the repository
    #[arg(long)]
    offline: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Look at every release in the repository, without compiling it
    Check,
    /// Add releases to the pinned list, for those who maintain it
    Pin {
        /// The list to change
        #[arg(long)]
        list: PathBuf,
        /// Packages of npm's solc, as in "0.8.30 0.8.7-fixed"
        #[arg(long, value_delimiter = ' ', num_args = 0..)]
        packages: Vec<String>,
        /// A list.json of the Solidity project's WebAssembly builds
        #[arg(long)]
        official_list: Option<PathBuf>,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let cache = arguments.cache.unwrap_or_else(default_cache);
    let repository = arguments
        .repository
        .unwrap_or_else(|| default_repository(&cache));
    let intake = Intake {
        repository,
        cache,
        official_host: arguments.official_host,
        fetch: !arguments.offline,
    };
    match arguments.command {
        None if arguments.list => list(&intake),
        None => {
            let catalogue = Catalogue::open(arguments.native_list.as_deref())?;
            let engine = arguments.engine.unwrap_or(Engine::Wasm);
            let releases = wanted(&catalogue, &arguments.versions, engine)?;
            take_in_all(&intake, &releases, engine).await
        }
        Some(Command::Check) => check_all(&intake),
        Some(Command::Pin {
            list,
            packages,
            official_list,
        }) => {
            pin::add_packages(&list, &packages).await?;
            if let Some(official) = official_list {
                pin::add_official(&list, &official)?;
            }
            Ok(())
        }
    }
}

async fn take_in_all(intake: &Intake, releases: &[Release], engine: Engine) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for release in releases {
        let number = release.number().to_string();
        let progress = Progress::new(&number);
        let done = match engine {
            Engine::Native => take_in_native(intake, release, &progress).await,
            _ => take_in(intake, release, &progress).await,
        };
        match done {
            Ok(Done::Already) => progress.end("is ready"),
            Ok(Done::Now) => progress.end("made ready"),
            Err(error) => {
                progress.end(&format!("{:#}", anyhow::Error::from(error)));
                failed.push(number);
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("not ready: {}", failed.join(" "))
}

fn wanted(
    catalogue: &Catalogue,
    versions: &[String],
    engine: Engine,
) -> anyhow::Result<Vec<Release>> {
    let mut wanted = Vec::new();
    for version in versions.iter().filter(|version| !version.is_empty()) {
        if version == "all" {
            let all = catalogue.releases().iter();
            wanted.extend(
                all.filter(|release| release.engines().contains(&engine))
                    .cloned(),
            );
            continue;
        }
        let (compiler, number) = match version.strip_prefix("vyper-") {
            Some(number) => (Compiler::Vyper, number),
            None => (Compiler::Solc, version.as_str()),
        };
        let parsed: CompilerVersion = number
            .parse()
            .with_context(|| format!("`{version}` is not a version"))?;
        let release = match parsed.commit() {
            Some(_) => catalogue.find(compiler, &parsed),
            None => catalogue.find_number(compiler, parsed.number()),
        };
        wanted.push(release.with_context(|| format!("compiler {version} is not known"))?);
    }
    Ok(wanted)
}

fn list(intake: &Intake) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for release in Release::known()? {
        let state = if intake.is_ready(&release) {
            "ready"
        } else {
            ""
        };
        writeln!(
            out,
            "{:<10} {:<26} {state}",
            release.number().to_string(),
            release.to_string()
        )?;
    }
    Ok(())
}

fn check_all(intake: &Intake) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for release in Release::known()? {
        let checked = check::check(&intake.repository, &release)
            .with_context(|| format!("compiler {release}"))?;
        match checked {
            Some(checked) => writeln!(
                out,
                "{:<10} module {} bytes, merged {} bytes",
                release.number().to_string(),
                checked.module_bytes,
                checked.merged_bytes
            )?,
            None => writeln!(
                out,
                "{:<10} not in the repository",
                release.number().to_string()
            )?,
        }
    }
    Ok(())
}
