//! Locks a process in as a compiler's is, and tries what must not work: to see on a given kernel what
//! the walls are worth.

use std::fs::File;
use std::io::{self, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};

use crate::sandbox::{self, Level, resources};

/// Says on stdout which walls there are, and what went through them. Fails if anything did.
#[must_use]
pub fn run() -> ExitCode {
    match lock_in().and_then(|level| try_everything(level, &mut io::stdout().lock())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn lock_in() -> io::Result<Level> {
    resources::no_new_privileges()?;
    let landlock = sandbox::files::allow_no_files().map_err(io::Error::other)?;
    resources::limit_to_what_is_there()?;
    let seccomp = sandbox::allow_few_system_calls().map_err(io::Error::other)?;
    Ok(Level { landlock, seccomp })
}

fn try_everything(level: Level, out: &mut impl Write) -> io::Result<bool> {
    writeln!(out, "{level}")?;
    let parent = std::os::unix::process::parent_id();
    let attempts = [
        ("reading a file", File::open("/proc/self/status").is_err()),
        (
            "writing a file",
            File::create("/tmp/sourcerun-walls").is_err(),
        ),
        ("listing a folder", std::fs::read_dir("/").is_err()),
        (
            "a TCP connection",
            TcpStream::connect("127.0.0.1:9").is_err_and(not_answered),
        ),
        ("a UDP socket", UdpSocket::bind("127.0.0.1:0").is_err()),
        ("a local socket", UnixStream::pair().is_err()),
        (
            "a thread",
            std::thread::Builder::new().spawn(|| {}).is_err(),
        ),
        ("a program", Command::new("/bin/true").spawn().is_err()),
        ("a signal to the parent", !can_signal(parent)),
        ("new machine code", !can_map_code()),
    ];
    for (what, refused) in attempts {
        writeln!(
            out,
            "{what}: {}",
            if refused { "refused" } else { "WENT THROUGH" }
        )?;
    }
    Ok(attempts.iter().all(|(_, refused)| *refused))
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
