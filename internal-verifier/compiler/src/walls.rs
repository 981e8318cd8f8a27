//! Locks a process in as a compiler's is, and tries what must not work: to see on a given kernel what
//! the walls are worth.

use std::fs::File;
use std::io::{self, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::prepared::MemoryRule;
use crate::sandbox::{self, Level, resources};
use crate::supervisor;

/// Who is locked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prisoner {
    /// Our own engine, with a guest in it.
    Engine,
    /// A compiler that is a program of its own, which needs threads and code.
    Program,
}

type Attempt = (&'static str, bool);

/// Says on stdout which walls there are, and what went through them. Fails if anything did.
#[must_use]
pub fn run(prisoner: Prisoner) -> ExitCode {
    let tried = lock_in(prisoner).and_then(|level| {
        let mut attempts = try_as_anybody();
        attempts.extend(match prisoner {
            Prisoner::Engine => try_as_engine(),
            Prisoner::Program => try_as_program(),
        });
        tell(level, &attempts, &mut io::stdout().lock())
    });
    match tried {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A program may not write to a file, not even where its own stdout is one.
fn stdout_is_a_file() -> bool {
    std::fs::metadata("/dev/stdout").is_ok_and(|stdout| stdout.is_file())
}

fn lock_in(prisoner: Prisoner) -> io::Result<Level> {
    resources::no_new_privileges()?;
    match prisoner {
        Prisoner::Engine => {
            let landlock = sandbox::files::allow_no_files().map_err(io::Error::other)?;
            resources::limit_to_what_is_there()?;
            let seccomp = sandbox::allow_few_system_calls().map_err(io::Error::other)?;
            Ok(Level { landlock, seccomp })
        }
        Prisoner::Program if stdout_is_a_file() => {
            Err(io::Error::other("stdout must be a terminal or a pipe"))
        }
        Prisoner::Program => {
            let program = File::open("/proc/self/exe")?;
            let landlock = sandbox::files::allow_only(&program, &[]).map_err(io::Error::other)?;
            let parent = std::os::unix::process::parent_id();
            let (time, memory_bytes) = (Duration::from_secs(60), 2 << 30);
            supervisor::hold(parent, time, memory_bytes, MemoryRule::Data)
                .map_err(io::Error::other)?;
            let seccomp = true;
            Ok(Level { landlock, seccomp })
        }
    }
}

fn tell(level: Level, attempts: &[Attempt], out: &mut impl Write) -> io::Result<bool> {
    writeln!(out, "{level}")?;
    for (what, refused) in attempts {
        let end = if *refused { "refused" } else { "WENT THROUGH" };
        writeln!(out, "{what}: {end}")?;
    }
    Ok(attempts.iter().all(|(_, refused)| *refused))
}

fn try_as_anybody() -> Vec<Attempt> {
    let parent = std::os::unix::process::parent_id();
    let connection = TcpStream::connect("127.0.0.1:9").is_err_and(not_answered);
    vec![
        ("reading a file", File::open("/proc/self/status").is_err()),
        (
            "writing a file",
            File::create("/tmp/sourcerun-walls").is_err(),
        ),
        ("listing a folder", std::fs::read_dir("/").is_err()),
        ("a TCP connection", connection),
        ("a UDP socket", UdpSocket::bind("127.0.0.1:0").is_err()),
        ("a local socket", UnixStream::pair().is_err()),
        ("a process", Command::new("/bin/true").spawn().is_err()),
        ("a signal to the parent", !can_signal(parent)),
    ]
}

fn try_as_engine() -> Vec<Attempt> {
    let thread = std::thread::Builder::new().spawn(|| {});
    vec![
        ("a thread", thread.is_err()),
        ("new machine code", !can_map_code()),
    ]
}

fn try_as_program() -> Vec<Attempt> {
    const NEW_USER: libc::c_long = 0x1000_0000;
    // Returns only if it was refused.
    let other_program = Command::new("/bin/true").exec();
    let parent = libc::c_long::from(std::os::unix::process::parent_id());
    let core = libc::c_long::from(libc::RLIMIT_CORE);
    let calls = [
        ("a group of its own", libc::SYS_setpgid, [0; 4]),
        ("a session of its own", libc::SYS_setsid, [0; 4]),
        ("a namespace", libc::SYS_unshare, [NEW_USER, 0, 0, 0]),
        ("tracing the parent", libc::SYS_ptrace, [16, parent, 0, 0]),
        (
            "the parent's memory",
            libc::SYS_process_vm_readv,
            [parent, 0, 0, 0],
        ),
        ("a file without a name", libc::SYS_memfd_create, [0; 4]),
        ("a mount", libc::SYS_mount, [0; 4]),
        ("a key", libc::SYS_keyctl, [0, -3, 0, 0]),
        ("BPF", libc::SYS_bpf, [0; 4]),
        ("io_uring", libc::SYS_io_uring_setup, [1, 0, 0, 0]),
        ("another limit", libc::SYS_setrlimit, [core, 0, 0, 0]),
        ("outliving the parent", libc::SYS_prctl, [1, 0, 0, 0]),
    ];
    let tried = calls.map(|(what, call, arguments)| (what, is_refused(call, arguments)));
    [("another program", is_permission(&other_program))]
        .into_iter()
        .chain(tried)
        .collect()
}

fn is_permission(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Whether it is not permitted; other errors would mean that somebody looked at what was asked.
fn is_refused(call: libc::c_long, [a, b, c, d]: [libc::c_long; 4]) -> bool {
    #[expect(unsafe_code, reason = "std makes no such calls")]
    // SAFETY: no pointer among them is but null, so the kernel writes nowhere; a call that goes through
    // changes this process alone, which ends after it has told so.
    let answer = unsafe { libc::syscall(call, a, b, c, d) };
    answer == -1 && is_permission(&io::Error::last_os_error())
}

/// Nobody listens there, so "refused by the peer" would mean that a packet left.
fn not_answered(error: io::Error) -> bool {
    error.kind() != io::ErrorKind::ConnectionRefused
}

fn can_signal(process: u32) -> bool {
    let Ok(process) = i32::try_from(process) else {
        return false;
    };
    #[expect(unsafe_code, reason = "std signals its own children only")]
    // SAFETY: signal 0 only asks whether a signal could be sent.
    unsafe {
        libc::kill(process, 0) == 0
    }
}

fn can_map_code() -> bool {
    const BYTES: usize = 4096;
    #[expect(unsafe_code, reason = "std maps no memory")]
    // SAFETY: asks for new memory of its own; nothing else refers to it.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            BYTES,
            libc::PROT_READ | libc::PROT_EXEC,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    memory != libc::MAP_FAILED
}
