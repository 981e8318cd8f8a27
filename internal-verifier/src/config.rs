//! The service's settings, read once at start.

use std::path::PathBuf;
use std::time::Duration;

use common::auth::check::CheckConfig;
use common::config::{Reader, ServiceConfig};
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
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let service = ServiceConfig::read(reader, 2);
        let check = read_check(reader);
        let run = read_run(reader);
        let jobs_at_once = reader.number(
            "JOBS_AT_ONCE",
            1,
            "how many jobs one process runs; more are refused with 503",
        );
        let rpc_timeout = reader.milliseconds(
            "RPC_TIMEOUT_MS",
            Duration::from_secs(10),
            "for one call to a node of a chain",
        );
        let sources = read_sources(reader);
        let compilers = read_compilers(reader);
        let outputs_memory_bytes = mebibytes(reader.or(
            "OUTPUTS_MEMORY_MIB",
            16,
            "compilers' outputs kept in memory, packed; what is not there is looked up in the database",
        ));
        Some(Self {
            service: service?,
            rpc_timeout,
            check: check?,
            compilers: compilers?,
            sources: sources?,
            run,
            jobs_at_once,
            outputs_memory_bytes: usize::try_from(outputs_memory_bytes).unwrap_or(usize::MAX),
        })
    }
}

/// Who may call, and whose signature says so.
fn read_check(reader: &mut Reader) -> Option<CheckConfig> {
    CheckConfig::read(reader, "internal-verifier", |reader| {
        reader.required("CALLER", "the e-mail of the service account of public-api")
    })?
}

fn read_compilers(reader: &mut Reader) -> Option<compiler::Config> {
    let (cache, repository) = read_folders(reader);
    let store = reader.text(
        "COMPILER_STORE",
        "a folder with prepared compilers that many machines share; what is not in SOURCERUN_CACHE is copied from it",
    );
    let fetch = reader.or(
        "COMPILER_FETCH",
        true,
        "whether a release that is ready nowhere is fetched and prepared while its job waits",
    );
    let own_mebibytes: u32 = reader.or(
        "COMPILER_CACHE_MIB",
        0,
        "room for releases that this process has copied or prepared, without what it fetched for that; beyond it the least recently used one goes; 0: no limit. Not where several processes share SOURCERUN_CACHE or COMPILER_REPOSITORY",
    );
    let own_bytes = match own_mebibytes {
        0 => u64::MAX,
        limit => mebibytes(limit),
    };
    let engines = read_engines(reader);
    let native_list = reader.text_or_else(
        "COMPILER_NATIVE_LIST",
        "ours",
        "a list.json of native executables in place of ours, as the Solidity project publishes it",
    );
    let node = reader.program(
        "COMPILER_NODE",
        compiler::config::NODE,
        "the program that runs solc's asm.js",
    );
    let python = reader.program(
        "COMPILER_PYTHON",
        compiler::config::PYTHON,
        "the program that runs Vyper",
    );
    let host_program = program_path(
        reader,
        "COMPILER_HOST",
        "compiler-host",
        "the program that runs one compilation",
    );
    let intake_program = program_path(
        reader,
        "COMPILER_INTAKE",
        "compilers",
        "the program that makes a compiler ready",
    );
    Some(compiler::Config {
        repository,
        cache,
        host_program: host_program?,
        intake_program: intake_program?,
        store: store.map(PathBuf::from),
        fetch,
        own_bytes,
        engines,
        native_list: native_list.map(PathBuf::from),
        node,
        python,
    })
}

/// The cache, and the repository, which may lie in it.
fn read_folders(reader: &mut Reader) -> (PathBuf, PathBuf) {
    let cache = reader.text_or_else(
        "SOURCERUN_CACHE",
        "sourcerun in the user's folder for caches",
        "where compilers are that were made ready",
    );
    let cache = cache.map_or_else(compiler::config::default_cache, PathBuf::from);
    let repository = reader.text_or_else(
        "COMPILER_REPOSITORY",
        "compilers in SOURCERUN_CACHE",
        "where the files of compilers are kept, as the Solidity project names them",
    );
    let repository = repository.map_or_else(
        || compiler::config::default_repository(&cache),
        PathBuf::from,
    );
    (cache, repository)
}

fn read_engines(reader: &mut Reader) -> Engines {
    let on = reader.or(
        "COMPILER_ENGINES",
        "wasm,vyper".to_owned(),
        "which engines are switched on; of several that can run a release, wasm comes first, then native, then node",
    );
    let on = parse_engines(&on).unwrap_or_else(|error| {
        reader.mistake(format!("COMPILER_ENGINES: {error}"));
        Vec::new()
    });
    let native_for = reader.text(
        "COMPILER_NATIVE_FOR",
        "inputs that solc's own builds compile first: all, via-ir, large (more than 500,000 bytes of sources)",
    );
    let native_for = parse_classes(&native_for.unwrap_or_default()).unwrap_or_else(|error| {
        reader.mistake(format!("COMPILER_NATIVE_FOR: {error}"));
        Vec::new()
    });
    if !native_for.is_empty() && !on.contains(&Engine::Native) {
        reader.mistake("COMPILER_NATIVE_FOR: the engine `native` is not among COMPILER_ENGINES");
    }
    Engines::new(on, native_for)
}

/// Beside this program, unless the setting says otherwise.
fn program_path(
    reader: &mut Reader,
    name: &'static str,
    program: &'static str,
    meaning: &'static str,
) -> Option<PathBuf> {
    let path = match reader.text_or_else(name, "beside this program", meaning) {
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
    let ipfs_gateway = reader.url(
        "IPFS_GATEWAY",
        "https://ipfs.io/ipfs/",
        "where sources are fetched that metadata names by IPFS",
    );
    let github_raw = reader.url(
        "GITHUB_RAW_URL",
        "https://raw.githubusercontent.com/",
        "where sources are fetched that metadata names at GitHub",
    );
    let timeout = reader.milliseconds(
        "SOURCE_TIMEOUT_MS",
        Duration::from_secs(20),
        "for one of these sources",
    );
    let whole_timeout = reader.milliseconds(
        "SOURCES_TIMEOUT_MS",
        Duration::from_secs(60),
        "for all of a job",
    );
    Some(SourcesConfig {
        ipfs_gateway: ipfs_gateway?,
        github_raw: github_raw?,
        timeout,
        whole_timeout,
    })
}

fn read_run(reader: &mut Reader) -> RunConfig {
    let seconds = Duration::from_secs;
    let run = RunConfig {
        worker: worker(reader),
        lease: reader.milliseconds(
            "LEASE_MS",
            seconds(40),
            "until a job is free again whose verifier is silent",
        ),
        heartbeat: reader.milliseconds(
            "HEARTBEAT_MS",
            seconds(10),
            "how often a lease is renewed; at most half of LEASE_MS",
        ),
        heartbeat_patience: reader.milliseconds(
            "HEARTBEAT_PATIENCE_MS",
            seconds(80),
            "until a run that cannot renew its lease is stopped; at least LEASE_MS",
        ),
        deadline: reader.milliseconds(
            "JOB_DEADLINE_MS",
            seconds(900),
            "all that a job may take; with HEARTBEAT_MS below REQUEST_TIMEOUT_MS",
        ),
        compiler_memory_bytes: mebibytes(reader.or(
            "COMPILER_MEMORY_MIB",
            2048,
            "what one compilation may take",
        )),
        compiler_output_bytes: mebibytes(reader.or(
            "COMPILER_OUTPUT_MIB",
            64,
            "what one compilation may print",
        )),
        fault_pause: reader.milliseconds(
            "FAULT_PAUSE_MS",
            seconds(2),
            "before a job is tried again after a fault, the first time; then twice as long each time",
        ),
    };
    let request_timeout = reader.milliseconds(
        "REQUEST_TIMEOUT_MS",
        seconds(960),
        "the platform's limit for a request to the verifier",
    );
    check_order(reader, &run, request_timeout);
    run
}

fn check_order(reader: &mut Reader, run: &RunConfig, request_timeout: Duration) {
    // A run may last that much longer; else the platform answers 504 while it goes on.
    if run.deadline.saturating_add(run.heartbeat) >= request_timeout {
        reader.mistake(
            "JOB_DEADLINE_MS and HEARTBEAT_MS together must be below REQUEST_TIMEOUT_MS, the platform's limit \
             for a request",
        );
    }
    if run.heartbeat_patience < run.lease {
        reader.mistake(
            "HEARTBEAT_PATIENCE_MS must be at least LEASE_MS: until then nobody takes over",
        );
    }
    if run.heartbeat.saturating_mul(2) > run.lease {
        reader.mistake("HEARTBEAT_MS must be at most half of LEASE_MS: one heartbeat may get lost");
    }
}

fn worker(reader: &Reader) -> Worker {
    let revision = reader.of_platform("K_REVISION");
    let instance = uuid::Uuid::new_v4();
    Worker {
        owner: format!("{}/{instance}", revision.as_deref().unwrap_or("local")),
        hardware: revision.map_or_else(
            || "unknown".to_owned(),
            |revision| format!("cloud_run:{revision}"),
        ),
    }
}

fn mebibytes(count: u32) -> u64 {
    u64::from(count) << 20
}
