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

use common::config::Reader;

#[tokio::main]
async fn main() -> ExitCode {
    let config = match config::Config::read(Reader::from_environment()) {
        Ok(config) => config,
        Err(mistakes) => {
            eprintln!("public-api: {mistakes}");
            return ExitCode::from(2);
        }
    };
    match app::run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("public-api: {error:#}");
            ExitCode::FAILURE
        }
    }
}
