//! One compilation in a process of its own: what the binary `compiler-host` does.
//!
//! The parent hands over one open file with machine code that it has checked. This process limits
//! itself, maps that code, locks itself in, and only then lets the compiler set itself up and reads
//! the first byte of untrusted input. It answers on stdout in short frames and ends.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use wasmtime::EngineWeak;

use crate::frame::{self, Kind, Used};
use crate::sandbox::{self, Level};
use crate::wasm::engine::THREAD_STACK_BYTES;
use crate::wasm::machine::{End, Instantiated, Machine, NoInstance};

/// What the parent asks of this process.
#[derive(Debug, Clone)]
pub struct Order {
    /// Process id of the parent; this process ends with it.
    pub parent: u32,
    /// The open file with machine code.
    pub code_fd: u32,
    pub input_bytes: u64,
    pub time: Duration,
    pub memory_bytes: u64,
    pub output_bytes: u64,
}

#[derive(Debug, thiserror::Error)]
enum HostError {
    #[error("{doing}: {source}")]
    Io {
        doing: &'static str,
        source: io::Error,
    },
    #[error("landlock: {0}")]
    Landlock(#[from] landlock::RulesetError),
    #[error("seccomp: {0}")]
    Seccomp(#[from] sandbox::FilterError),
    #[error("the machine code is refused: {0:#}")]
    Load(wasmtime::Error),
    #[error("the compiler can't be set up: {0:#}")]
    Instantiate(wasmtime::Error),
    #[error("a frame can't be written: {0}")]
    Frame(#[from] serde_json::Error),
}

fn io(doing: &'static str) -> impl FnOnce(io::Error) -> HostError {
    move |source| HostError::Io { doing, source }
}

/// Does what was ordered. Everything is said on stdout; the exit code only says that it was said.
#[must_use]
pub fn serve(order: Order) -> ExitCode {
    match run(order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match say(&frame::whole(Kind::Fault, error.to_string().as_bytes())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
    }
}

fn run(order: Order) -> Result<(), HostError> {
    sandbox::resources::die_with(order.parent).map_err(io("watching the parent"))?;
    sandbox::resources::no_new_privileges().map_err(io("giving up privileges"))?;
    sandbox::resources::close_all_but(order.code_fd).map_err(io("closing files"))?;
    sandbox::resources::limit(order.time).map_err(io("setting limits"))?;
    // Before any thread starts: landlock holds this thread and those it starts.
    let landlock = sandbox::files::allow_no_files()?;

    // Guest code needs a large stack, and somebody has to look at the clock meanwhile.
    let time = order.time;
    let (clock, started) = mpsc::channel();
    let worker = std::thread::Builder::new()
        .stack_size(THREAD_STACK_BYTES)
        .spawn(move || work(&order, landlock, &clock))
        .map_err(io("starting a thread"))?;
    if let Ok(engine) = started.recv() {
        // Nothing more is sent: this waits until the worker ends, or the time is over.
        let ended = started.recv_timeout(time).err();
        if ended == Some(mpsc::RecvTimeoutError::Timeout) {
            stop(&engine);
        }
    }
    worker.join().unwrap_or_else(|_| {
        let source = io::Error::other("the thread panicked");
        Err(HostError::Io {
            doing: "compiling",
            source,
        })
    })
}

fn stop(engine: &EngineWeak) {
    if let Some(engine) = engine.upgrade() {
        engine.increment_epoch();
    }
}

fn work(
    order: &Order,
    landlock: Option<u32>,
    clock: &mpsc::Sender<EngineWeak>,
) -> Result<(), HostError> {
    let machine = load(order.code_fd)?;
    // Before anything of it runs, and setting itself up is running: it may come from a store.
    sandbox::resources::limit_to_what_is_there().map_err(io("setting limits"))?;
    let seccomp = sandbox::allow_few_system_calls()?;
    let instance = machine.instantiate(order.memory_bytes);
    say(&frame::ready(Level { landlock, seccomp })?).map_err(io("saying ready"))?;
    match instance {
        Ok(mut instance) => compile(order, &mut instance, || {
            // The main thread may have ended only if this process ends too.
            drop(clock.send(machine.engine().weak()));
        }),
        Err(NoInstance::OutOfMemory) => answer(Kind::OutOfMemory, &[], 0),
        Err(NoInstance::Fault(error)) => Err(HostError::Instantiate(error)),
    }
}

fn load(code_fd: u32) -> Result<Machine, HostError> {
    let no_fd = |_| io("taking over the code")(io::Error::from(io::ErrorKind::InvalidInput));
    let fd = i32::try_from(code_fd).map_err(no_fd)?;
    #[expect(
        unsafe_code,
        reason = "the parent hands over an open file and checked machine code"
    )]
    // SAFETY: nothing else in this process owns the descriptor: it was left open for this purpose.
    // The parent compared the file's SHA-256 with the intake's record, and only the intake writes
    // there, under new names. If it is no open file, loading fails.
    unsafe { Machine::load(File::from_raw_fd(fd)) }.map_err(HostError::Load)
}

fn compile(
    order: &Order,
    instance: &mut Instantiated,
    start_clock: impl FnOnce(),
) -> Result<(), HostError> {
    let input_bytes = usize::try_from(order.input_bytes).unwrap_or(usize::MAX);
    let output_bytes = usize::try_from(order.output_bytes).unwrap_or(usize::MAX);
    let memory = instance.memory_bytes();
    let end = instance
        .compile(input_bytes, output_bytes, |place| {
            io::stdin().lock().read_exact(place)?;
            start_clock();
            Ok(())
        })
        .map_err(io("reading the input"))?;
    match end {
        End::Output(json) => answer(Kind::Output, json, memory),
        End::TimedOut => answer(Kind::TimedOut, &[], memory),
        End::OutOfMemory => answer(Kind::OutOfMemory, &[], memory),
        End::OutputTooLong => answer(Kind::OutputTooLong, &[], memory),
        End::Crashed(why) => {
            let most = usize::try_from(frame::MAX_SHORT_BYTES).unwrap_or(usize::MAX);
            let why = why.as_bytes();
            answer(
                Kind::Crashed,
                why.get(..why.len().min(most)).unwrap_or_default(),
                memory,
            )
        }
    }
}

fn answer(kind: Kind, contents: &[u8], guest_memory_bytes: u64) -> Result<(), HostError> {
    let (cpu, peak_memory_bytes) = sandbox::resources::used();
    let cpu_us = u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX);
    let mut start = frame::used(Used {
        cpu_us,
        peak_memory_bytes,
        guest_memory_bytes,
    })?;
    let length = u64::try_from(contents.len()).unwrap_or(u64::MAX);
    start.extend_from_slice(&frame::header(kind, length));
    say(&start)
        .and_then(|()| say(contents))
        .map_err(io("answering"))?;
    // All is said. Unmapping a compiler takes longer than ending the process.
    std::process::exit(0)
}

fn say(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}
