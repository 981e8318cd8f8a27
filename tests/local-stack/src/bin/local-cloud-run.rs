//! The stand-in for Cloud Run as a program, in front of verifiers that somebody else starts: for Compose,
//! where names stand for addresses that change with a restart.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use local_stack::cloud_run::{CloudRun, InvokerConfig, Revision, ServiceConfig, Source};
use local_stack::issuer;
use local_stack::say::{say, say_listening};
use serde_json::json;

const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Of a name that is unknown: a connection to it fails at once, and the caller is told to call again.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

/// Stands where Cloud Run does: lets public-api alone through to the verifiers, gives each one call at a time,
/// and has the others wait 10 s for a free one before it answers 429. For local use only.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where it listens
    #[arg(long, env = "HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    /// On which port; 0 takes a free one, and the line it writes tells which
    #[arg(long, env = "PORT", default_value_t = 8080)]
    port: u16,
    /// Each verifier as host:port, separated by commas
    #[arg(
        long,
        env = "INSTANCES",
        value_delimiter = ',',
        required = true,
        value_name = "HOST:PORT"
    )]
    instances: Vec<String>,
    /// The keys of local identity, as in http://host:port/platform/certs
    #[arg(long, env = "JWKS_URL", value_name = "URL")]
    jwks_url: String,
    /// Who may call
    #[arg(long, env = "CALLER", default_value = issuer::PUBLIC_API)]
    caller: String,
    /// For whom a caller's token must be
    #[arg(long, env = "AUDIENCE", default_value = "internal-verifier")]
    audience: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local-cloud-run: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let names = &arguments.instances;
    for name in names {
        let port = name
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        ensure!(
            port.is_some_and(|port: u16| port > 0),
            "{name:?} is not host:port"
        );
    }
    let mut addresses = Vec::new();
    for name in names {
        addresses.push(find(name).await.unwrap_or(NOWHERE));
    }
    let config = ServiceConfig {
        source: Source::ByHand(addresses.clone()),
        revision: Revision::verifier(),
        invoker: Some(InvokerConfig {
            account: arguments.caller,
            audience: arguments.audience,
            jwks_url: arguments.jwks_url,
        }),
    };
    let address = SocketAddr::new(arguments.host, arguments.port);
    let service = CloudRun::start_at(address, config).await?;
    say_listening(service.address(), "for local use only");
    let follow = async {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            follow(&service, names, &mut addresses).await;
        }
    };
    tokio::select! {
        asked = common::signals::asked_to_stop() => asked.context("waiting for signals"),
        () = follow => Ok(()),
    }
}

/// A name that is unknown for a moment keeps its address.
async fn follow(service: &CloudRun, names: &[String], addresses: &mut [SocketAddr]) {
    for (index, (name, known)) in names.iter().zip(addresses).enumerate() {
        if let Some(address) = find(name).await
            && address != *known
        {
            *known = address;
            service.move_instance(index, address);
            let address = address.to_string();
            say(
                &json!({"severity": "INFO", "event": "moved", "instance": name, "address": address}),
            );
        }
    }
}

async fn find(name: &str) -> Option<SocketAddr> {
    // Unknown is what an instance that is down looks like: no error of this program's.
    tokio::net::lookup_host(name).await.ok()?.next()
}
