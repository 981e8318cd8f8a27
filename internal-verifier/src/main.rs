//! internal-verifier: compiles, matches and records; called by public-api and by nobody else.

mod app;
mod config;
mod jobs;
mod outputs;
mod routes;
mod sources;
mod stages;
mod state;
mod verify;

use std::process::ExitCode;

use common::config::Reader;

#[tokio::main]
async fn main() -> ExitCode {
    let config = match config::Config::read(Reader::from_environment()) {
        Ok(config) => config,
        Err(mistakes) => {
            eprintln!("internal-verifier: {mistakes}");
            return ExitCode::from(2);
        }
    };
    match app::run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("internal-verifier: {error:#}");
            ExitCode::FAILURE
        }
    }
}
