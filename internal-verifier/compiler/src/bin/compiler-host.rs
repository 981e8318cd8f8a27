//! Runs one compilation in a process of its own, for the verifier; `bare` measures the engine alone.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use compiler::host::{self, serve};
use compiler::supervisor::{self, MemoryRule};
use compiler::walls::Prisoner;

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
    /// One compilation by a program of its own, which gets the input on its stdin; only the verifier can use it
    Run(Run),
    /// The engine alone on an input, many times in one process: what a service is measured against
    Bare(Bare),
    /// Lock in as for a compilation, and try what must not work: shows what this kernel's walls are worth
    Walls(Walls),
}

/// What both ways of compiling are told.
#[derive(Args)]
struct Bounds {
    /// Nothing here outlives it
    #[arg(long)]
    parent: u32,
    #[arg(long)]
    time_ms: u64,
    #[arg(long)]
    memory_bytes: u64,
    #[arg(long)]
    output_bytes: u64,
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    bounds: Bounds,
    #[arg(long)]
    code_fd: u32,
    #[arg(long)]
    input_bytes: u64,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    bounds: Bounds,
    /// An open file to start in place of what lies at the program's path
    #[arg(long)]
    program_fd: Option<u32>,
    /// What the limit of memory is a limit of: address-space or data
    #[arg(long, value_parser = memory_rule)]
    memory_rule: MemoryRule,
    /// A file or folder that the program may read besides itself
    #[arg(long)]
    read: Vec<PathBuf>,
    /// The program's absolute path, and its arguments
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

#[derive(Args)]
struct Walls {
    /// Show the walls around a compiler that is a program of its own
    #[arg(long)]
    program: bool,
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
        Command::Serve(order) => serve(host::Order {
            parent: order.bounds.parent,
            code_fd: order.code_fd,
            input_bytes: order.input_bytes,
            time: Duration::from_millis(order.bounds.time_ms),
            memory_bytes: order.bounds.memory_bytes,
            output_bytes: order.bounds.output_bytes,
        }),
        Command::Run(order) => run(order),
        Command::Walls(Walls { program: false }) => compiler::walls::run(Prisoner::Engine),
        Command::Walls(Walls { program: true }) => compiler::walls::run(Prisoner::Program),
        Command::Bare(bare) => compiler::bare::run(&compiler::bare::Run {
            version: bare.version,
            input: bare.input,
            repeat: bare.repeat,
            output: bare.output,
            cache: bare.cache.unwrap_or_else(compiler::config::default_cache),
        }),
    }
}

fn memory_rule(name: &str) -> Result<MemoryRule, &'static str> {
    MemoryRule::named(name).ok_or("not a rule")
}

fn run(order: Run) -> ExitCode {
    let mut words = order.program.into_iter();
    supervisor::run(&supervisor::Order {
        parent: order.bounds.parent,
        program: words.next().unwrap_or_default().into(),
        program_fd: order.program_fd,
        arguments: words.collect(),
        readable: order.read,
        time: Duration::from_millis(order.bounds.time_ms),
        memory_bytes: order.bounds.memory_bytes,
        memory_rule: order.memory_rule,
        output_bytes: order.bounds.output_bytes,
    })
}
