//! What the system says about itself, as those who look after it receive it.

mod collector;
mod events;
mod google;
mod outages;
mod page;
mod secrets;
mod trace;

use local_stack::{Service, StackConfig};
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::support::{CHAIN_ID, TestSystem};

const BOTH: [Service; 2] = [Service::PublicApi, Service::InternalVerifier];

/// Both services send what they have to say, and soon.
fn exporting(mut config: StackConfig, endpoint: &str) -> StackConfig {
    for service in BOTH {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
        ] {
            config = config.with(service, name, value);
        }
    }
    config
}

fn submission(system: &TestSystem, address: &str, body: &Value) -> RequestBuilder {
    let base = system.stack.base_url();
    let url = format!("{base}/v2/verify/{CHAIN_ID}/{address}");
    reqwest::Client::new().post(url).json(body)
}
