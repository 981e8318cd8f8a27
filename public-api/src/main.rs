//! public-api: accepts verifications, shows jobs and contracts, and asks the verifier.

mod answer;
mod app;
mod body;
mod chain_list;
mod client_address;
mod config;
mod contracts;
mod cors;
mod dispatch;
mod documented;
mod encodings;
mod estimates;
mod explorer;
mod fault;
mod health;
mod openapi;
mod pages;
mod params;
mod routes;
mod state;
mod upkeep;
mod verify;

use std::process::ExitCode;

use common::config::Program;
use config::Config;

const PROGRAM: Program<Config> = Program {
    name: app::SERVICE,
    about: "Accepts verifications of smart contracts, shows jobs and contracts, and asks the verifier",
    read: Config::read,
};

#[tokio::main]
async fn main() -> ExitCode {
    let config = match PROGRAM.settings() {
        Ok(config) => config,
        Err(end) => return end,
    };
    match app::run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error:#}", app::SERVICE);
            ExitCode::FAILURE
        }
    }
}
