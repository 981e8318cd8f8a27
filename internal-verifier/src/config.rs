//! The service's settings, read once at start.

use std::path::PathBuf;
use std::time::Duration;

use common::auth::check::CheckConfig;
use common::config::{Mistakes, Reader, ServiceConfig};
use common::db::jobs::Worker;
use compiler::engine::{Engine, Engines, parse_classes, parse_engines};
use reqwest::Url;

#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) service: ServiceConfig,
    pub(crate) rpc_timeout: Duration,
    pub(crate) check: CheckConfig,
    pub(crate) compilers: compiler::Config,
    pub(crate) sources: SourcesConfig,
    pub(crate) run: RunConfig,
    pub(crate) jobs_at_once: usize,
    /// How much of what compilers answered stays in this process, packed.
    pub(crate) outputs_memory_bytes: usize,
}

/// Where sources are looked for that metadata only names.
#[derive(Debug, Clone)]
pub(crate) struct SourcesConfig {
    /// Contents of IPFS lie below it, by name.
    pub(crate) ipfs_gateway: Url,
    /// Files of GitHub lie below it: owner, repository, branch, path.
    pub(crate) github_raw: Url,
    /// For one answer.
    pub(crate) timeout: Duration,
    /// For all that one job looks for.
    pub(crate) whole_timeout: Duration,
}

/// How one job is run.
#[derive(Debug, Clone)]
pub(crate) struct RunConfig {
    pub(crate) worker: Worker,
    pub(crate) lease: Duration,
    pub(crate) heartbeat: Duration,
    /// Without a successful heartbeat for this long, another run has very likely begun.
    pub(crate) heartbeat_patience: Duration,
    /// Everything a job may take; shorter than the platform's limit for the request.
    pub(crate) deadline: Duration,
    pub(crate) compiler_memory_bytes: u64,
    pub(crate) compiler_output_bytes: u64,
    /// The first pause after a fault; each further attempt waits twice as long.
    pub(crate) fault_pause: Duration,
}

impl Config {
    pub(crate) fn read(mut reader: Reader) -> Result<Self, Mistakes> {
        let service = ServiceConfig::read(&mut reader, 2);
        let check = read_check(&mut reader);
        let compilers = read_compilers(&mut reader);
        let sources = read_sources(&mut reader);
        let run = read_run(&mut reader);
        let rpc_timeout = reader.milliseconds("RPC_TIMEOUT_MS", Duration::from_secs(10));
        let jobs_at_once = reader.number("JOBS_AT_ONCE", 1);
        let outputs_memory_bytes = mebibytes(reader.or("OUTPUTS_MEMORY_MIB", 16));
        let outputs_memory_bytes = usize::try_from(outputs_memory_bytes).unwrap_or(usize::MAX);
        let required = service.zip(check).zip(compilers).zip(sources);
        reader.finish(
            required.map(|(((service, check), compilers), sources)| Self {
                service,
                rpc_timeout,
                check,
                compilers,
                sources,
                run,
                jobs_at_once,
                outputs_memory_bytes,
            }),
        )
    }
}

/// Who may call, and whose signature says so.
fn read_check(reader: &mut Reader) -> Option<CheckConfig> {
    CheckConfig::read(reader, "internal-verifier", |reader| {
        reader.required("CALLER", "the e-mail of the service account of public-api")
    })?
}

fn read_compilers(reader: &mut Reader) -> Option<compiler::Config> {
    let folder = |reader: &Reader, name| reader.text(name).map(PathBuf::from);
    let cache = folder(reader, "SOURCERUN_CACHE").unwrap_or_else(compiler::config::default_cache);
    let repository = folder(reader, "COMPILER_REPOSITORY")
        .unwrap_or_else(|| compiler::config::default_repository(&cache));
    let host_program = program_path(reader, "COMPILER_HOST", "compiler-host");
    let intake_program = program_path(reader, "COMPILER_INTAKE", "compilers");
    let store = folder(reader, "COMPILER_STORE");
    let fetch = reader.or("COMPILER_FETCH", true);
    let engines = read_engines(reader);
    let native_list = folder(reader, "COMPILER_NATIVE_LIST");
    let node = reader.or("COMPILER_NODE", PathBuf::from(compiler::config::NODE));
    let python = reader.or("COMPILER_PYTHON", PathBuf::from(compiler::config::PYTHON));
    Some(compiler::Config {
        repository,
        cache,
        host_program: host_program?,
        intake_program: intake_program?,
        store,
        fetch,
        engines,
        native_list,
        node,
        python,
    })
}

fn read_engines(reader: &mut Reader) -> Engines {
    let on = reader.or("COMPILER_ENGINES", "wasm,vyper".to_owned());
    let on = parse_engines(&on).unwrap_or_else(|error| {
        reader.mistake(format!("COMPILER_ENGINES: {error}"));
        Vec::new()
    });
    let native_for = reader.or("COMPILER_NATIVE_FOR", String::new());
    let native_for = parse_classes(&native_for).unwrap_or_else(|error| {
        reader.mistake(format!("COMPILER_NATIVE_FOR: {error}"));
        Vec::new()
    });
    if !native_for.is_empty() && !on.contains(&Engine::Native) {
        reader.mistake("COMPILER_NATIVE_FOR: the engine `native` is not among COMPILER_ENGINES");
    }
    Engines::new(on, native_for)
}

/// Beside this program, unless the setting says otherwise.
fn program_path(reader: &mut Reader, name: &str, program: &str) -> Option<PathBuf> {
    let path = match reader.text(name) {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe().ok()?.with_file_name(program),
    };
    if !path.is_file() {
        reader.mistake(format!("{name}: there is no program `{}`", path.display()));
        return None;
    }
    Some(path)
}

fn read_sources(reader: &mut Reader) -> Option<SourcesConfig> {
    let ipfs_gateway = reader.url("IPFS_GATEWAY", "https://ipfs.io/ipfs/");
    let github_raw = reader.url("GITHUB_RAW_URL", "https://raw.githubusercontent.com/");
    Some(SourcesConfig {
        timeout: reader.milliseconds("SOURCE_TIMEOUT_MS", Duration::from_secs(20)),
        whole_timeout: reader.milliseconds("SOURCES_TIMEOUT_MS", Duration::from_secs(60)),
        ipfs_gateway: ipfs_gateway?,
        github_raw: github_raw?,
    })
}

fn read_run(reader: &mut Reader) -> RunConfig {
    let seconds = Duration::from_secs;
    let lease = reader.milliseconds("LEASE_MS", seconds(40));
    let heartbeat = reader.milliseconds("HEARTBEAT_MS", seconds(10));
    let heartbeat_patience = reader.milliseconds("HEARTBEAT_PATIENCE_MS", seconds(80));
    let deadline = reader.milliseconds("JOB_DEADLINE_MS", seconds(900));
    let request_timeout = reader.milliseconds("REQUEST_TIMEOUT_MS", seconds(960));
    // A run may last that much longer; else the platform answers 504 while it goes on.
    if deadline.saturating_add(heartbeat) >= request_timeout {
        reader.mistake(
            "JOB_DEADLINE_MS and HEARTBEAT_MS together must be below REQUEST_TIMEOUT_MS, the platform's limit \
             for a request",
        );
    }
    if heartbeat_patience < lease {
        reader.mistake(
            "HEARTBEAT_PATIENCE_MS must be at least LEASE_MS: until then nobody takes over",
        );
    }
    if heartbeat.saturating_mul(2) > lease {
        reader.mistake("HEARTBEAT_MS must be at most half of LEASE_MS: one heartbeat may get lost");
    }
    let revision = reader.text("K_REVISION");
    let instance = uuid::Uuid::new_v4();
    let worker = Worker {
        owner: format!("{}/{instance}", revision.as_deref().unwrap_or("local")),
        hardware: revision.map_or_else(
            || "unknown".to_owned(),
            |revision| format!("cloud_run:{revision}"),
        ),
    };
    RunConfig {
        worker,
        lease,
        heartbeat,
        heartbeat_patience,
        deadline,
        compiler_memory_bytes: mebibytes(reader.or("COMPILER_MEMORY_MIB", 2048)),
        compiler_output_bytes: mebibytes(reader.or("COMPILER_OUTPUT_MIB", 64)),
        fault_pause: reader.milliseconds("FAULT_PAUSE_MS", seconds(2)),
    }
}

fn mebibytes(count: u32) -> u64 {
    u64::from(count) << 20
}
