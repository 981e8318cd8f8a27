//! Runs one compilation in a process of its own, for the verifier; `bare` measures the engine alone.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use compiler::host::{Order, serve};

#[derive(Parser)]
#[command(about = "Runs one compilation of untrusted input in a process of its own")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One compilation, input on stdin, answer on stdout; only the verifier can use it
    Serve(Serve),
    /// The engine alone on an input, many times in one process: what a service is measured against
    Bare(Bare),
    /// Lock in as for a compilation, and try what must not work: shows what this kernel's walls are worth
    Walls,
}

#[derive(Args)]
struct Serve {
    #[arg(long)]
    parent: u32,
    #[arg(long)]
    code_fd: u32,
    #[arg(long)]
    input_bytes: u64,
    #[arg(long)]
    time_ms: u64,
    #[arg(long)]
    memory_bytes: u64,
    #[arg(long)]
    output_bytes: u64,
}

#[derive(Args)]
struct Bare {
    /// A release, as in 0.8.28; it must have been taken in
    #[arg(long)]
    version: String,
    /// Standard JSON
    #[arg(long)]
    input: PathBuf,
    #[arg(long, default_value_t = 30)]
    repeat: u32,
    /// Where the last output goes
    #[arg(long)]
    output: Option<PathBuf>,
    /// Where prepared compilers are
    #[arg(long)]
    cache: Option<PathBuf>,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(order) => serve(Order {
            parent: order.parent,
            code_fd: order.code_fd,
            input_bytes: order.input_bytes,
            time: Duration::from_millis(order.time_ms),
            memory_bytes: order.memory_bytes,
            output_bytes: order.output_bytes,
        }),
        Command::Walls => compiler::walls::run(),
        Command::Bare(bare) => compiler::bare::run(&compiler::bare::Run {
            version: bare.version,
            input: bare.input,
            repeat: bare.repeat,
            output: bare.output,
            cache: bare.cache.unwrap_or_else(compiler::config::default_cache),
        }),
    }
}
