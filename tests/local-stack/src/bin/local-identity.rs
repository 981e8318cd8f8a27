//! Local identity as a program: gives ID tokens as Google's metadata server does, and shows the keys
//! they are checked with.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use local_stack::identity::{Accounts, IdentityServer};
use local_stack::issuer;
use local_stack::say::say_listening;

/// Gives ID tokens of made-up accounts, signed with a key that is made at each start. For local use only:
/// whoever reaches it gets any token it can give.
///
/// A caller finds it by `GCE_METADATA_HOST=host:port`, whoever checks tokens by `JWKS_URL=http://host:port/certs`.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where it listens
    #[arg(long, env = "HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    /// On which port; 0 takes a free one, and the line it writes tells which
    #[arg(long, env = "PORT", default_value_t = 8091)]
    port: u16,
    /// Whose tokens a caller gets that names nobody
    #[arg(long, env = "ACCOUNT", default_value = issuer::PUBLIC_API)]
    account: String,
    /// Whose tokens can be had by name beside that, separated by commas
    #[arg(long, env = "OTHER_ACCOUNTS", value_delimiter = ',', default_value = issuer::SWEEPER)]
    other_accounts: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local-identity: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let accounts = Accounts {
        default: arguments.account,
        others: arguments.other_accounts,
    };
    let address = SocketAddr::new(arguments.host, arguments.port);
    let server = IdentityServer::start_at(address, accounts)?;
    let warning = "for local use only: whoever reaches this gets tokens";
    say_listening(server.address(), warning);
    let asked = common::signals::asked_to_stop().await;
    asked.context("waiting for signals")
}
