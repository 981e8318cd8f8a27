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

use common::config::Program;
use config::Config;

const PROGRAM: Program<Config> = Program {
    name: app::SERVICE,
    about: "Compiles, matches and records verifications; called by public-api and by nobody else",
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
