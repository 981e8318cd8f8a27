//! Talks with one compiler's process: gives it the input, reads its answer, ends it.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use crate::frame::{self, Kind, Used};
use crate::outcome::{Compilation, CompileError, Limits, Outcome, is_sent_from_outside};
use crate::prepared::{Prepared, Program};
use crate::sandbox::Level;
use crate::spawner::{Pipes, Running, Spawner};

/// Starting takes 30 ms; a machine this slow has another problem.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The process ends itself at its deadline; this much later we do.
const GRACE: Duration = Duration::from_secs(1);

/// How long a process that closed its stdout may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(1);

const STDERR_BYTES: usize = 4096;

/// What every compilation needs from the service.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) spawner: &'a Spawner,
    pub(crate) program: &'a Path,
    pub(crate) empty_folder: &'a Path,
}

/// What a process said before it ended or was ended.
struct Said {
    level: Level,
    start: Duration,
    used: Used,
    outcome: Outcome,
}

/// One compilation. Dropping the future ends the process and all it started.
pub(crate) async fn compile(
    surroundings: &Surroundings<'_>,
    prepared: &Prepared,
    input: &[u8],
    limits: &Limits,
) -> Result<Compilation, CompileError> {
    let began = Instant::now();
    let command = match prepared {
        Prepared::MachineCode(code) => serve(surroundings, code.as_raw_fd(), input.len(), limits),
        Prepared::Program(program) => run(surroundings, program, None, limits),
        Prepared::Checked { file, program } => {
            let file = Some(file.as_raw_fd());
            run(surroundings, program, file, limits)
        }
    };
    let spawned = surroundings
        .spawner
        .spawn(command)
        .await
        .ok_or(CompileError::Stopping)?;
    let mut running = spawned.map_err(|source| CompileError::Start {
        program: surroundings.program.to_owned(),
        source,
    })?;
    let said = talk(&mut running, input, limits, began).await?;
    let whole = began.elapsed();
    Ok(Compilation {
        outcome: said.outcome,
        prepare: Duration::ZERO,
        start: said.start,
        compile: whole.saturating_sub(said.start),
        cpu: Duration::from_micros(said.used.cpu_us),
        peak_memory_bytes: said.used.peak_memory_bytes,
        sandbox: said.level,
    })
}

/// The host runs solc itself.
fn serve(
    surroundings: &Surroundings<'_>,
    code: RawFd,
    input_bytes: usize,
    limits: &Limits,
) -> Command {
    let mut command = command(surroundings, "serve", limits);
    command
        .args(["--code-fd", &code.to_string()])
        .args(["--input-bytes", &input_bytes.to_string()]);
    lead_a_session(&mut command, Some(code));
    command
}

/// The host runs a program, and speaks for it.
fn run(
    surroundings: &Surroundings<'_>,
    program: &Program,
    file: Option<RawFd>,
    limits: &Limits,
) -> Command {
    let mut command = command(surroundings, "run", limits);
    command.args(["--memory-rule", program.memory.name()]);
    if let Some(file) = file {
        command.args(["--program-fd", &file.to_string()]);
    }
    for path in &program.readable {
        command.arg("--read").arg(path);
    }
    command
        .arg("--")
        .arg(&program.path)
        .args(&program.arguments);
    lead_a_session(&mut command, file);
    command
}

fn command(surroundings: &Surroundings<'_>, role: &str, limits: &Limits) -> Command {
    let mut command = Command::new(surroundings.program);
    command
        .arg(role)
        .args(["--parent", &std::process::id().to_string()])
        .args(["--time-ms", &limits.time.as_millis().to_string()])
        .args(["--memory-bytes", &limits.memory_bytes.to_string()])
        .args(["--output-bytes", &limits.output_bytes.to_string()])
        .env_clear()
        .current_dir(surroundings.empty_folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The child leads a session and process group of its own, and inherits one file at most.
fn lead_a_session(command: &mut Command, inherited: Option<RawFd>) {
    #[expect(
        unsafe_code,
        reason = "a session and an inherited file can't be had otherwise"
    )]
    // SAFETY: the closure runs between fork and exec and makes two system calls on numbers; it neither
    // allocates nor locks. The file stays open in the parent until the child has started.
    unsafe {
        command.pre_exec(move || {
            let kept = inherited.map_or(0, |file| libc::fcntl(file, libc::F_SETFD, 0));
            if libc::setsid() == -1 || kept == -1 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
}

async fn talk(
    running: &mut Running,
    input: &[u8],
    limits: &Limits,
    began: Instant,
) -> Result<Said, CompileError> {
    let Some(Pipes {
        mut stdin,
        mut stdout,
        mut stderr,
    }) = running.take_pipes()
    else {
        return Err(CompileError::Protocol("it has no streams".to_owned()));
    };
    let write = async move {
        // Whoever stops reading has a reason, and says it on stdout.
        drop(stdin.write_all(input).await);
        drop(stdin);
        std::future::pending::<()>().await;
    };
    let mut words = Vec::new();
    let drain = async {
        read_words(&mut stderr, &mut words).await;
        std::future::pending::<()>().await;
    };
    let mut ready = None;
    let heard = tokio::select! {
        heard = listen(&mut stdout, limits, began, &mut ready) => heard?,
        () = write => None,
        () = drain => None,
    };
    let (level, start) = match ready {
        Some(ready) => ready,
        None => return Err(ended_early(running, &words).await),
    };
    let (used, outcome) = match heard {
        Some(heard) => heard,
        None => (Used::default(), ended_late(running, &words).await?),
    };
    Ok(Said {
        level,
        start,
        used,
        outcome,
    })
}

async fn read_words(stderr: &mut ChildStderr, words: &mut Vec<u8>) {
    let mut chunk = [0; 512];
    while let Ok(bytes @ 1..) = stderr.read(&mut chunk).await {
        let room = STDERR_BYTES.saturating_sub(words.len());
        words.extend(chunk.iter().take(bytes.min(room)));
    }
}

type Heard = Option<(Used, Outcome)>;

/// `None` when the process closed its stdout before it had answered.
async fn listen(
    stdout: &mut ChildStdout,
    limits: &Limits,
    began: Instant,
    ready: &mut Option<(Level, Duration)>,
) -> Result<Heard, CompileError> {
    let first = timeout(START_LIMIT, read_short_or_header(stdout)).await;
    let first = first.map_err(|_elapsed| CompileError::StartTimedOut { limit: START_LIMIT })?;
    match first? {
        Some(Frame {
            kind: Kind::Ready,
            contents,
            ..
        }) => {
            *ready = Some((parse(&contents)?, began.elapsed()));
        }
        Some(other) => return Err(unexpected(&other)),
        None => return Ok(None),
    }
    match timeout(
        limits.time.saturating_add(GRACE),
        hear_the_end(stdout, limits),
    )
    .await
    {
        Ok(heard) => heard,
        Err(_) => Ok(Some((Used::default(), Outcome::TimedOut))),
    }
}

async fn hear_the_end(stdout: &mut ChildStdout, limits: &Limits) -> Result<Heard, CompileError> {
    let used = match read_short_or_header(stdout).await? {
        Some(Frame {
            kind: Kind::Used,
            contents,
            ..
        }) => parse(&contents)?,
        Some(other) => return Err(unexpected(&other)),
        None => return Ok(None),
    };
    let Some(last) = read_short_or_header(stdout).await? else {
        return Ok(None);
    };
    let limit_bytes = limits.output_bytes;
    let outcome = match last.kind {
        Kind::Output if last.length > limit_bytes => Outcome::OutputTooLong { limit_bytes },
        Kind::Output => match read_exactly(stdout, last.length).await? {
            Some(json) => Outcome::Output(json),
            None => return Ok(None),
        },
        Kind::TimedOut => Outcome::TimedOut,
        Kind::OutOfMemory => Outcome::OutOfMemory,
        Kind::OutputTooLong => Outcome::OutputTooLong { limit_bytes },
        Kind::Crashed => Outcome::Crashed(String::from_utf8_lossy(&last.contents).into_owned()),
        Kind::Killed => {
            let why = String::from_utf8_lossy(&last.contents).into_owned();
            return Err(CompileError::Killed { why });
        }
        Kind::Ready | Kind::Used | Kind::Fault => return Err(unexpected(&last)),
    };
    Ok(Some((used, outcome)))
}

/// A frame; the contents of an output are still to be read.
struct Frame {
    kind: Kind,
    length: u64,
    contents: Vec<u8>,
}

async fn read_short_or_header(stdout: &mut ChildStdout) -> Result<Option<Frame>, CompileError> {
    let length = u64::try_from(frame::HEADER_BYTES).unwrap_or_default();
    let Some(header) = read_exactly(stdout, length).await? else {
        return Ok(None);
    };
    let header = header.try_into().unwrap_or([u8::MAX; frame::HEADER_BYTES]);
    let (kind, length) = frame::parse_header(header)
        .ok_or_else(|| CompileError::Protocol("an unknown frame".to_owned()))?;
    if kind == Kind::Output {
        return Ok(Some(Frame {
            kind,
            length,
            contents: Vec::new(),
        }));
    }
    if length > frame::MAX_SHORT_BYTES {
        return Err(CompileError::Protocol(format!("a frame of {length} bytes")));
    }
    let contents = read_exactly(stdout, length).await?;
    Ok(contents.map(|contents| Frame {
        kind,
        length,
        contents,
    }))
}

/// `None` if the stream ends before.
async fn read_exactly(
    stdout: &mut ChildStdout,
    length: u64,
) -> Result<Option<Vec<u8>>, CompileError> {
    let capacity = usize::try_from(length).unwrap_or_default();
    let mut contents = Vec::with_capacity(capacity);
    let read = stdout.take(length).read_to_end(&mut contents).await;
    read.map_err(|source| CompileError::Pipe {
        doing: "reading the answer",
        source,
    })?;
    Ok((contents.len() == capacity).then_some(contents))
}

fn parse<T: serde::de::DeserializeOwned>(contents: &[u8]) -> Result<T, CompileError> {
    serde_json::from_slice(contents).map_err(|error| CompileError::Protocol(error.to_string()))
}

fn unexpected(frame: &Frame) -> CompileError {
    let words = String::from_utf8_lossy(&frame.contents).into_owned();
    match frame.kind {
        Kind::Fault => CompileError::EndedEarly { why: words },
        kind => CompileError::Protocol(format!("{kind:?} out of turn")),
    }
}

async fn ended_early(running: &mut Running, words: &[u8]) -> CompileError {
    match end_of(running).await {
        Ok(status) => CompileError::EndedEarly {
            why: tell(status, words),
        },
        Err(error) => error,
    }
}

/// The process had its input and ended without an answer: the input did that.
async fn ended_late(running: &mut Running, words: &[u8]) -> Result<Outcome, CompileError> {
    let status = end_of(running).await?;
    match status.signal() {
        Some(libc::SIGXCPU) => Ok(Outcome::TimedOut),
        Some(signal) if is_sent_from_outside(signal) => Err(CompileError::Killed {
            why: tell(status, words),
        }),
        _ => Ok(Outcome::Crashed(tell(status, words))),
    }
}

async fn end_of(running: &mut Running) -> Result<ExitStatus, CompileError> {
    let pipe = |source| CompileError::Pipe {
        doing: "waiting for its end",
        source,
    };
    match timeout(END_LIMIT, running.wait()).await {
        Ok(status) => status.map_err(pipe),
        Err(_) => Err(CompileError::Protocol(
            "it closed its stdout and went on".to_owned(),
        )),
    }
}

fn tell(status: ExitStatus, words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    format!("{status} {}", words.trim()).trim_end().to_owned()
}
