//! The service's settings, read once at start.

use std::time::Duration;

use common::auth::check::CheckConfig;
use common::config::{Reader, Secret, ServiceConfig};
use common::db::jobs::OpenJobLimits;
use reqwest::Url;

#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) service: ServiceConfig,
    pub(crate) dispatch: DispatchConfig,
    pub(crate) upkeep: UpkeepConfig,
    /// Streams of events that are open at once; each is a connection that may say nothing for minutes.
    pub(crate) streams_at_once: usize,
    /// For one call to one endpoint of a chain.
    pub(crate) rpc_timeout: Duration,
    /// For all that is asked about one proxy.
    pub(crate) proxy_timeout: Duration,
    pub(crate) limits: OpenJobLimits,
    /// For all bodies of requests together.
    pub(crate) bodies_mebibytes: usize,
    /// How many proxies of ours stand in front and add to `X-Forwarded-For`: 1 on Cloud Run, 2 with a
    /// load balancer before it.
    pub(crate) proxies: usize,
    pub(crate) explorer: ExplorerConfig,
    /// Which part of all requests is traced, from 0 to 1.
    pub(crate) traced_part: f64,
}

/// How the block explorer is asked.
#[derive(Debug, Clone)]
pub(crate) struct ExplorerConfig {
    /// Etherscan's API of all chains, or one that answers like it.
    pub(crate) url: Url,
    /// Where neither the request nor the chain has one.
    pub(crate) api_key: Option<Secret>,
    /// For the whole answer.
    pub(crate) timeout: Duration,
}

/// What is done beside requests.
#[derive(Debug, Clone)]
pub(crate) struct UpkeepConfig {
    pub(crate) sweep_interval: Duration,
    pub(crate) kept: Kept,
    /// Who may order it; nobody, if no account is named.
    pub(crate) check: Option<CheckConfig>,
}

/// How long what is not kept for ever is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// What happened to a job, step by step.
    pub(crate) events: Duration,
    /// The codes of a failed job.
    pub(crate) evidence: Duration,
    pub(crate) failed_jobs: Duration,
    /// What a compiler answered, since it was last used.
    pub(crate) outputs: Duration,
}

/// How the verifier is called.
#[derive(Debug, Clone)]
pub(crate) struct DispatchConfig {
    /// Without a slash at the end.
    pub(crate) verifier_url: String,
    pub(crate) audience: String,
    /// Longer than the platform's limit for the call, so that its answer is seen (960 s by default).
    pub(crate) timeout: Duration,
    /// Calls under way at once: as many as the verifier has instances.
    pub(crate) at_once: usize,
    /// The first pause before a repeated call; each further one is twice as long.
    pub(crate) first_pause: Duration,
    /// How long after a call was begun its job is due again, unless the verifier has it.
    pub(crate) again_after: Duration,
}

impl Config {
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let service = ServiceConfig::read(reader, 4);
        let dispatch = read_dispatch(reader);
        let upkeep = read_upkeep(reader);
        let limits = read_limits(reader);
        let streams_at_once = reader.or(
            "EVENT_STREAMS_AT_ONCE",
            40,
            "open streams of events of one process: about half of the requests that it is sent at once",
        );
        let bodies_mebibytes = reader.or(
            "BODIES_MEMORY_MIB",
            64,
            "bodies of requests that one process holds at once; each is some five times as large in memory",
        );
        let proxies = reader.or(
            "TRUSTED_PROXIES",
            0,
            "how many proxies of yours add to X-Forwarded-For, to tell clients apart: 1 on Cloud Run, 2 with a load \
             balancer",
        );
        let rpc_timeout = reader.milliseconds(
            "RPC_TIMEOUT_MS",
            Duration::from_secs(3),
            "for one call to a node of a chain",
        );
        let proxy_timeout = reader.milliseconds(
            "PROXY_TIMEOUT_MS",
            Duration::from_secs(5),
            "for all that is asked about one proxy contract",
        );
        let explorer = read_explorer(reader);
        let traced_part = reader.or(
            "TRACED_PART",
            1.0,
            "which part of all requests is traced, from 0 to 1; the verifier does as its caller has decided",
        );
        if !(0.0..=1.0).contains(&traced_part) {
            reader.mistake("TRACED_PART: a number from 0 to 1");
        }
        Some(Self {
            service: service?,
            dispatch: dispatch?,
            upkeep: upkeep?,
            streams_at_once,
            rpc_timeout,
            proxy_timeout,
            limits,
            bodies_mebibytes,
            proxies,
            explorer: explorer?,
            traced_part,
        })
    }
}

fn read_limits(reader: &mut Reader) -> OpenJobLimits {
    OpenJobLimits {
        in_all: reader.or(
            "MAX_OPEN_JOBS",
            10_000,
            "how many verifications may be open at once, over all instances",
        ),
        per_client: reader.or(
            "MAX_OPEN_JOBS_PER_CLIENT",
            100,
            "how many of them one client may have",
        ),
    }
}

fn read_dispatch(reader: &mut Reader) -> Option<DispatchConfig> {
    let seconds = Duration::from_secs;
    let verifier_url = reader.required_url(
        "VERIFIER_URL",
        "where internal-verifier is, as in https://host",
    );
    let audience = reader.or(
        "VERIFIER_AUDIENCE",
        "internal-verifier".to_owned(),
        "for whom the ID tokens of calls to the verifier are made",
    );
    let at_once = reader.number(
        "DISPATCHES_AT_ONCE",
        20,
        "calls to the verifier under way at once, of one process: as many as it may have instances; other jobs wait \
         in the table",
    );
    let request_timeout = reader.milliseconds(
        "REQUEST_TIMEOUT_MS",
        seconds(960),
        "the platform's limit for a request to the verifier",
    );
    let timeout = reader.milliseconds(
        "DISPATCH_TIMEOUT_MS",
        seconds(970),
        "for one call to the verifier; longer than REQUEST_TIMEOUT_MS",
    );
    let first_pause = reader.milliseconds(
        "DISPATCH_FIRST_PAUSE_MS",
        seconds(2),
        "before a refused call is repeated the first time; then twice as long each time",
    );
    let again_after = reader.milliseconds(
        "DISPATCH_AGAIN_AFTER_MS",
        seconds(45),
        "until a job that was called is due again, if the verifier has not taken it",
    );
    if timeout <= request_timeout {
        reader.mistake(
            "DISPATCH_TIMEOUT_MS must be above REQUEST_TIMEOUT_MS, the platform's limit for a request to the \
             verifier: its answer must be seen",
        );
    }
    Some(DispatchConfig {
        verifier_url: verifier_url?.as_str().trim_end_matches('/').to_owned(),
        audience,
        timeout,
        at_once,
        first_pause,
        again_after,
    })
}

fn read_upkeep(reader: &mut Reader) -> Option<UpkeepConfig> {
    let check = CheckConfig::read(reader, "public-api", |reader| {
        reader.text(
            "CALLER",
            "the account whose ID tokens may order upkeep (POST /internal_api_sweep, /internal_api_expire); without it \
             there are no such routes",
        )
    });
    let sweep_interval = reader.milliseconds(
        "SWEEP_INTERVAL_MS",
        Duration::from_secs(10),
        "how often due jobs are looked for",
    );
    let kept = Kept {
        events: reader.days(
            "EVENTS_KEPT_DAYS",
            1,
            "how long the steps of a job are kept",
        ),
        evidence: reader.days(
            "EVIDENCE_KEPT_DAYS",
            30,
            "how long the codes that a job failed with are kept",
        ),
        failed_jobs: reader.days("FAILED_JOBS_KEPT_DAYS", 90, "how long a failed job is kept"),
        outputs: reader.days(
            "OUTPUTS_KEPT_DAYS",
            7,
            "how long a compiler's output is kept after its last use",
        ),
    };
    Some(UpkeepConfig {
        sweep_interval,
        kept,
        check: check?,
    })
}

fn read_explorer(reader: &mut Reader) -> Option<ExplorerConfig> {
    let url = reader.url(
        "ETHERSCAN_API_URL",
        "https://api.etherscan.io/v2/api",
        "whom imports ask: Etherscan's API v2, or one that answers like it",
    );
    let api_key = reader.secret(
        "ETHERSCAN_API_KEY",
        "with which key, where neither the request nor the chain has one",
    );
    let timeout = reader.milliseconds(
        "ETHERSCAN_TIMEOUT_MS",
        Duration::from_secs(15),
        "for an import",
    );
    Some(ExplorerConfig {
        url: url?,
        api_key,
        timeout,
    })
}
