//! Fetches releases of compilers and makes them ready, so that no request has to wait for it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::builder::Resettable;
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};
use compiler::config::{NODE, OFFICIAL_HOST, PYTHON, default_cache, default_repository};
use compiler::corpus::Corpus;
use compiler::engine::parse_engines;
use compiler::intake::progress::Progress;
use compiler::intake::{
    Done, Intake, Making, Published, Report, check, is_published, pin, pin_vyper, publish, take_in,
};
use compiler::release::Catalogue;
use compiler::store::Store;
use compiler::{Compilers, Config, Engine, Release};
use verification::compiler::{Compiler, CompilerVersion};

#[derive(Parser)]
#[command(
    about = "Fetches releases of solc and Vyper and makes them ready to be used",
    long_about = "Fetches releases of solc and Vyper and makes them ready to be used, once.\n\n\
        solc from 0.6.2 on is WebAssembly, which is compiled ahead of time: 20 seconds and a gigabyte of \
        memory for each. Releases before it are asm.js, which runs under Node. They come from the \
        repository, else from the Solidity project's host, else from npm. Vyper's wheels come from the \
        repository, else from where pip finds them, and are unpacked for this machine's Python. \
        Everything must have a pinned SHA-256.",
    subcommand_negates_reqs = true,
    arg_required_else_help = true
)]
struct Arguments {
    /// Releases to make ready, as in "0.8.28 0.5.16 vyper-0.4.3"; "all" for all that an engine runs
    #[arg(long, value_delimiter = ' ', num_args = 1.., required_unless_present = "list")]
    versions: Vec<String>,
    /// Which engine to make them ready for: wasm, node, native, vyper [default: the first that has a release; for "all": wasm]
    #[arg(long)]
    engine: Option<Engine>,
    /// An operator's own list of native executables, a list.json as the Solidity project publishes it
    #[arg(long, env = "COMPILER_NATIVE_LIST")]
    native_list: Option<PathBuf>,
    /// Show which releases are known, which engines run them, and where they are ready
    #[arg(long)]
    list: bool,
    /// Where soljson.js files are kept, as the Solidity project publishes them [default: compilers in the cache]
    #[arg(long, env = "COMPILER_REPOSITORY", global = true)]
    repository: Option<PathBuf>,
    /// Where prepared compilers are kept [default: sourcerun in the user's folder for caches]
    #[arg(long, env = "SOURCERUN_CACHE", global = true)]
    cache: Option<PathBuf>,
    /// A folder with prepared compilers that many machines share; what is there is copied, not made
    #[arg(long, env = "COMPILER_STORE", global = true)]
    store: Option<PathBuf>,
    /// Put into the store what it lacks, made for machines like this one; "all" is then for all of `COMPILER_ENGINES`
    #[arg(long, requires = "versions")]
    publish: bool,
    /// Which engines "all" is for, with --publish
    #[arg(long, env = "COMPILER_ENGINES", default_value = "wasm,vyper")]
    engines: String,
    /// The folder of WebAssembly builds at the Solidity project's host
    #[arg(long, env = "COMPILER_OFFICIAL_HOST", default_value = OFFICIAL_HOST)]
    official_host: String,
    /// Fetch nothing: use only what is in the repository
    #[arg(long)]
    offline: bool,
    /// Make nothing: only what is ready, here or in the store
    #[arg(long, conflicts_with = "publish")]
    only_ready: bool,
    /// Say on stdout what became of each release, as lines of JSON
    #[arg(long, conflicts_with = "publish")]
    report: bool,
    /// The program that runs releases of solc before 0.6.2
    #[arg(long, env = "COMPILER_NODE", default_value = NODE, global = true)]
    node: PathBuf,
    /// The program that runs Vyper
    #[arg(long, env = "COMPILER_PYTHON", default_value = PYTHON, global = true)]
    python: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Look at every release of WebAssembly in the repository, without compiling it
    Check,
    /// Compare solc from 0.6.2 on, in our engine, with Node: all releases, or those given
    Corpus {
        /// As in "0.8.28 0.7.6"
        #[arg(long, value_delimiter = ' ', num_args = 0..)]
        versions: Vec<String>,
        /// The folder of npm's package @openzeppelin/contracts 5.1; without it there is one input less
        #[arg(long)]
        openzeppelin: Option<PathBuf>,
    },
    /// Add releases to a pinned list, for those who maintain it
    Pin {
        /// The list to change
        #[arg(long)]
        list: PathBuf,
        /// Packages of npm's solc, as in "0.8.30 0.8.7-fixed"; "0.1.5:bin/x.js" names a file in one,
        /// "0.3.5=0.3.5+commit.5f97274a" tells what the compiler can't
        #[arg(long, value_delimiter = ' ', num_args = 0..)]
        packages: Vec<String>,
        /// Releases of Vyper, as in "0.4.3 0.4.1b1"; the list is Vyper's then
        #[arg(long, value_delimiter = ' ', num_args = 0..)]
        vyper: Vec<String>,
        /// A list.json of the Solidity project's WebAssembly builds
        #[arg(long)]
        official_list: Option<PathBuf>,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Arguments::command().mut_args(unless_empty);
    let arguments = Arguments::from_arg_matches(&command.get_matches());
    match run(arguments.unwrap_or_else(|error| error.exit())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
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

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let catalogue = Catalogue::open(arguments.native_list.as_deref())?;
    let cache = arguments.cache.unwrap_or_else(default_cache);
    let repository = arguments
        .repository
        .unwrap_or_else(|| default_repository(&cache));
    let intake = Intake {
        repository,
        cache,
        official_host: arguments.official_host,
        making: match (arguments.only_ready, arguments.offline) {
            (true, _) => Making::Nothing,
            (false, true) => Making::Offline,
            (false, false) => Making::Fetching,
        },
        store: arguments.store.map(Store::new),
        node: arguments.node,
        python: arguments.python,
    };
    match arguments.command {
        None if arguments.list => list(&intake, &catalogue),
        None if arguments.publish => {
            let all = match arguments.engine {
                Some(engine) => vec![engine],
                None => parse_engines(&arguments.engines)?,
            };
            let releases = wanted(&catalogue, &arguments.versions, arguments.engine, &all)?;
            publish_all(&intake, releases).await
        }
        None => {
            let all = [arguments.engine.unwrap_or(Engine::Wasm)];
            let releases = wanted(&catalogue, &arguments.versions, arguments.engine, &all)?;
            take_in_all(&intake, releases, arguments.report).await
        }
        Some(Command::Check) => check_all(&intake),
        Some(Command::Corpus {
            versions,
            openzeppelin,
        }) => compare(&intake, &catalogue, &versions, openzeppelin).await,
        Some(Command::Pin {
            list,
            packages,
            vyper,
            official_list,
        }) => {
            pin::add_packages(&list, &intake.node, &packages).await?;
            pin_vyper::add_releases(&list, &intake.python, &vyper).await?;
            if let Some(official) = official_list {
                pin::add_official(&list, &official)?;
            }
            Ok(())
        }
    }
}

async fn publish_all(intake: &Intake, releases: Vec<(Release, Engine)>) -> anyhow::Result<()> {
    let store = intake.store.as_ref();
    let store = store.context("--publish needs a store: --store or COMPILER_STORE")?;
    std::fs::create_dir_all(store.root())
        .with_context(|| format!("the store `{}` can't be made", store.root().display()))?;
    let mut failed = Vec::new();
    for (release, engine) in releases {
        let name = short_name(&release);
        let progress = Progress::new(&name);
        match publish(intake, store, &release, engine, &progress).await {
            Ok(Published::Already) => progress.end("is ready"),
            Ok(Published::Now) => progress.end("published"),
            Err(error) => {
                progress.end(&format!("failed: {:#}", anyhow::Error::from(error)));
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("not published: {}", failed.join(" "))
}

async fn take_in_all(
    intake: &Intake,
    releases: Vec<(Release, Engine)>,
    report: bool,
) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for (release, engine) in releases {
        let name = short_name(&release);
        let progress = Progress::new(&name);
        let taken = take_in(intake, &release, engine, &progress).await;
        if report {
            let line = serde_json::to_string(&Report::of(&taken, &progress))?;
            writeln!(std::io::stdout(), "{line}")?;
        }
        match taken {
            Ok(Done::Already) => progress.end("is ready"),
            Ok(Done::FromStore) => progress.end("copied from the store"),
            Ok(Done::Now) => progress.end("made ready"),
            Err(error) => {
                progress.end(&format!("{:#}", anyhow::Error::from(error)));
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("not ready: {}", failed.join(" "))
}

/// `0.8.28`, `vyper-0.4.1b1`.
fn short_name(release: &Release) -> String {
    let name = release.to_string();
    name.split('+').next().unwrap_or_default().to_owned()
}

/// Releases, and for which engine; "all" is for several.
fn wanted(
    catalogue: &Catalogue,
    versions: &[String],
    engine: Option<Engine>,
    all: &[Engine],
) -> anyhow::Result<Vec<(Release, Engine)>> {
    let mut wanted = Vec::new();
    for version in versions.iter().filter(|version| !version.is_empty()) {
        if version == "all" {
            for &engine in all {
                let known = catalogue.releases().iter().cloned();
                let having = known.filter(|release| release.engines().contains(&engine));
                wanted.extend(having.map(|release| (release, engine)));
            }
            continue;
        }
        let release = find(catalogue, version, engine)?;
        let first = release.engines().first().copied();
        let engine = engine.or(first).context("no engine runs it")?;
        wanted.push((release, engine));
    }
    Ok(wanted)
}

/// One release may have been published as two, each for other engines.
fn find(catalogue: &Catalogue, version: &str, engine: Option<Engine>) -> anyhow::Result<Release> {
    let (compiler, number) = match version.strip_prefix("vyper-") {
        Some(number) => (Compiler::Vyper, number),
        None => (Compiler::Solc, version),
    };
    let parsed: CompilerVersion = number
        .parse()
        .with_context(|| format!("`{version}` is not a version"))?;
    let is_number = parsed.commit().is_none() && parsed.pre_release().is_empty();
    let meant: Vec<&Release> = if is_number {
        catalogue.list_numbered(compiler, parsed.number()).collect()
    } else {
        catalogue.list_fitting(compiler, &parsed).collect()
    };
    let has_engine =
        |release: &&&Release| engine.is_none_or(|engine| release.engines().contains(&engine));
    let first = meant.iter().find(has_engine).or(meant.first());
    let release = first.with_context(|| format!("compiler {version} is not known"))?;
    Ok(Release::clone(release))
}

fn list(intake: &Intake, catalogue: &Catalogue) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for release in catalogue.releases() {
        let state = |engine: &Engine| {
            let mut places = Vec::new();
            if intake.is_ready(release, *engine) {
                places.push("ready".to_owned());
            }
            let store = intake.store.as_ref();
            match store.map(|store| is_published(intake, store, release, *engine)) {
                Some(Ok(true)) => places.push("in the store".to_owned()),
                Some(Ok(false)) | None => {}
                Some(Err(error)) => places.push(format!("{:#}", anyhow::Error::from(error))),
            }
            if places.is_empty() {
                engine.to_string()
            } else {
                format!("{engine} ({})", places.join(", "))
            }
        };
        let engines: Vec<_> = release.engines().iter().map(state).collect();
        writeln!(
            out,
            "{:<14} {:<44} {}",
            short_name(release),
            release.to_string(),
            engines.join(", ")
        )?;
    }
    Ok(())
}

async fn compare(
    intake: &Intake,
    catalogue: &Catalogue,
    versions: &[String],
    openzeppelin: Option<PathBuf>,
) -> anyhow::Result<()> {
    let all = vec!["all".to_owned()];
    let versions = if versions.is_empty() { &all } else { versions };
    let wanted = wanted(catalogue, versions, Some(Engine::Wasm), &[Engine::Wasm])?.into_iter();
    let releases: Vec<_> = wanted.map(|(release, _)| release).collect();
    let programs = std::env::current_exe()?;
    let programs = programs.parent().context("this program has no folder")?;
    let config = Config {
        repository: intake.repository.clone(),
        cache: intake.cache.clone(),
        fetch: intake.making == Making::Fetching,
        node: intake.node.clone(),
        ..Config::with_programs_in(programs)
    };
    let corpus = Corpus {
        compilers: Compilers::open(config)?,
        repository: intake.repository.clone(),
        node: intake.node.clone(),
        openzeppelin,
    };
    if corpus.run(&releases, &mut std::io::stdout()).await? {
        return Ok(());
    }
    bail!("an engine that answers differently must not be used")
}

fn check_all(intake: &Intake) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut known = Release::known()?;
    known.retain(|release| release.pin(Engine::Wasm).is_some());
    for release in known {
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
