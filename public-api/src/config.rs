//! The service's settings, read once at start.

use std::time::Duration;

use common::auth::check::CheckConfig;
use common::config::{ApiKey, Mistakes, Reader, ServiceConfig};
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
    pub(crate) api_key: Option<ApiKey>,
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
    pub(crate) fn read(mut reader: Reader) -> Result<Self, Mistakes> {
        let service = ServiceConfig::read(&mut reader, 4);
        let verifier_url: Option<String> = reader.required(
            "VERIFIER_URL",
            "where internal-verifier is, as in https://host",
        );
        let audience = reader.or("VERIFIER_AUDIENCE", "internal-verifier".to_owned());
        let timeout = reader.milliseconds("DISPATCH_TIMEOUT_MS", Duration::from_secs(970));
        let at_once = reader.number("DISPATCHES_AT_ONCE", 20);
        let first_pause = reader.milliseconds("DISPATCH_FIRST_PAUSE_MS", Duration::from_secs(2));
        let again_after = reader.milliseconds("DISPATCH_AGAIN_AFTER_MS", Duration::from_secs(45));
        let request_timeout = reader.milliseconds("REQUEST_TIMEOUT_MS", Duration::from_secs(960));
        if timeout <= request_timeout {
            reader.mistake(
                "DISPATCH_TIMEOUT_MS must be above REQUEST_TIMEOUT_MS, the platform's limit for a request to the \
                 verifier: its answer must be seen",
            );
        }
        let upkeep = read_upkeep(&mut reader);
        let streams_at_once = reader.or("EVENT_STREAMS_AT_ONCE", 40);
        let rpc_timeout = reader.milliseconds("RPC_TIMEOUT_MS", Duration::from_secs(3));
        let proxy_timeout = reader.milliseconds("PROXY_TIMEOUT_MS", Duration::from_secs(5));
        let limits = OpenJobLimits {
            in_all: reader.or("MAX_OPEN_JOBS", 10_000),
            per_client: reader.or("MAX_OPEN_JOBS_PER_CLIENT", 100),
        };
        let bodies_mebibytes = reader.or("BODIES_MEMORY_MIB", 64);
        let proxies = reader.or("TRUSTED_PROXIES", 0);
        let explorer = read_explorer(&mut reader);
        let traced_part = reader.or("TRACED_PART", 1.0);
        if !(0.0..=1.0).contains(&traced_part) {
            reader.mistake("TRACED_PART: a number from 0 to 1");
        }
        let required = service.zip(verifier_url).zip(explorer).zip(upkeep);
        reader.finish(
            required.map(|(((service, verifier_url), explorer), upkeep)| Self {
                service,
                dispatch: DispatchConfig {
                    verifier_url: verifier_url.trim_end_matches('/').to_owned(),
                    audience,
                    timeout,
                    at_once,
                    first_pause,
                    again_after,
                },
                upkeep,
                streams_at_once,
                rpc_timeout,
                proxy_timeout,
                limits,
                bodies_mebibytes,
                proxies,
                explorer,
                traced_part,
            }),
        )
    }
}

fn read_upkeep(reader: &mut Reader) -> Option<UpkeepConfig> {
    let check = CheckConfig::read(reader, "public-api", |reader| reader.text("CALLER"))?;
    Some(UpkeepConfig {
        sweep_interval: reader.milliseconds("SWEEP_INTERVAL_MS", Duration::from_secs(10)),
        kept: Kept {
            events: reader.days("EVENTS_KEPT_DAYS", 1),
            evidence: reader.days("EVIDENCE_KEPT_DAYS", 30),
            failed_jobs: reader.days("FAILED_JOBS_KEPT_DAYS", 90),
            outputs: reader.days("OUTPUTS_KEPT_DAYS", 7),
        },
        check,
    })
}

fn read_explorer(reader: &mut Reader) -> Option<ExplorerConfig> {
    Some(ExplorerConfig {
        url: reader.url("ETHERSCAN_API_URL", "https://api.etherscan.io/v2/api")?,
        api_key: reader.text("ETHERSCAN_API_KEY").map(ApiKey::new),
        timeout: reader.milliseconds("ETHERSCAN_TIMEOUT_MS", Duration::from_secs(15)),
    })
}
