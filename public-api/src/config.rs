//! The service's settings, read once at start.

use std::time::Duration;

use common::config::{Mistakes, Reader, ServiceConfig};

#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) service: ServiceConfig,
    pub(crate) dispatch: DispatchConfig,
    pub(crate) sweep: SweepConfig,
    /// Streams of events that are open at once; each is a connection that may say nothing for minutes.
    pub(crate) streams_at_once: usize,
}

/// How lost calls are made up for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SweepConfig {
    pub(crate) interval: Duration,
    /// Before the second call of the sweep for one job; doubled each time, at most 15 minutes.
    pub(crate) backoff: Duration,
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
    /// How far ahead the sweep's first look at a new job lies.
    pub(crate) sweep_after: Duration,
}

impl Config {
    pub(crate) fn read(mut reader: Reader) -> Result<Self, Mistakes> {
        let service = ServiceConfig::read(&mut reader, 5);
        let verifier_url: Option<String> = reader.required(
            "VERIFIER_URL",
            "where internal-verifier is, as in https://host",
        );
        let audience = reader.or("VERIFIER_AUDIENCE", "internal-verifier".to_owned());
        let timeout = reader.milliseconds("DISPATCH_TIMEOUT_MS", Duration::from_secs(970));
        let at_once = reader.or("DISPATCHES_AT_ONCE", 20);
        let first_pause = reader.milliseconds("DISPATCH_FIRST_PAUSE_MS", Duration::from_secs(2));
        let sweep_after = reader.milliseconds("SWEEP_AFTER_MS", Duration::from_secs(60));
        let sweep = SweepConfig {
            interval: reader.milliseconds("SWEEP_INTERVAL_MS", Duration::from_secs(10)),
            backoff: reader.milliseconds("SWEEP_BACKOFF_MS", Duration::from_secs(15)),
        };
        let streams_at_once = reader.or("EVENT_STREAMS_AT_ONCE", 2000);
        let required = service.zip(verifier_url);
        reader.finish(required.map(|(service, verifier_url)| Self {
            service,
            dispatch: DispatchConfig {
                verifier_url: verifier_url.trim_end_matches('/').to_owned(),
                audience,
                timeout,
                at_once,
                first_pause,
                sweep_after,
            },
            sweep,
            streams_at_once,
        }))
    }
}
