//! `make scale-model`: how long jobs wait, how many instances there are and what they cost, by the autoscaling settings. `make costs`: what a
//! month costs.
//!
//! Nothing is measured here and nobody is asked: it is computed from `inputs.json` and Terraform's sizes, and is the same each time.

mod agenda;
mod answers;
mod costs;
mod database;
mod inputs;
mod queueing;
mod random;
mod report;
mod service;
mod simulation;
mod statistics;
mod table;
mod terraform;
mod workload;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};

use inputs::Inputs;

/// Waits, instances and costs, computed from settings and measured durations
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    question: Question,
    /// Durations, assumptions and prices, each with its source
    #[arg(long, default_value = "tests/scale-model/inputs.json", global = true)]
    inputs: PathBuf,
    /// A file of variables for Terraform, beside its `sizes.tf`: they replace the input's settings
    #[arg(long, global = true)]
    terraform: Option<PathBuf>,
    /// Decides what is drawn; the same seed says the same
    #[arg(long, default_value_t = 1, global = true)]
    seed: u64,
    /// One JSON document in place of tables
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Question {
    /// How long do jobs wait, and what limits them?
    Waits,
    /// What does a month cost?
    Costs {
        /// Verifications of the month; 1,000, 100,000 and 10 million if not given
        #[arg(long)]
        month: Option<f64>,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut inputs = Inputs::read(&arguments.inputs)?;
    if let Some(variables) = &arguments.terraform {
        terraform::apply(&mut inputs.settings, variables)?;
    }
    let seed = arguments.seed;
    let text = match arguments.question {
        Question::Waits => {
            let model = answers::model(&inputs, seed)?;
            match arguments.json {
                true => serde_json::to_string_pretty(&model)?,
                false => report::render_model(&model)?,
            }
        }
        Question::Costs { month } => {
            let is_number = month.is_none_or(|jobs| (1.0..=1e9).contains(&jobs));
            ensure!(is_number, "--month must be from 1 to a billion");
            let months = answers::months(&inputs, month, seed)?;
            match arguments.json {
                true => serde_json::to_string_pretty(&months)?,
                false => report::render_months(&months)?,
            }
        }
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
