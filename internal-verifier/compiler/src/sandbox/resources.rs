//! Limits of the process itself: its parent, its group, what it may use.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use crate::prepared::MemoryRule;

/// Processor time beyond the wall time asked for: start, and the second thread.
const SPARE_CPU_SECONDS: u64 = 5;

/// What is needed until the input comes; afterwards nothing is opened any more.
const OPEN_FILES_AT_START: u64 = 16;

/// Node has 20 open before it reads its first line.
const OPEN_FILES_OF_A_PROGRAM: u64 = 64;

/// All threads of the user together, so this only ends a flood of them; root is exempt.
const THREADS_OF_THE_USER: u64 = 2048;

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Ends this process when its parent ends.
///
/// The kernel's signal comes when the parent's *thread* ends that started us; the parent uses one that
/// lives as long as itself.
pub(crate) fn die_with(parent: u32) -> io::Result<()> {
    let kill = libc::c_ulong::from(libc::SIGKILL.cast_unsigned());
    #[expect(unsafe_code, reason = "prctl has no safe form in std")]
    // SAFETY: takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, kill, 0, 0, 0) })?;
    // Had it ended before, there would be no signal any more.
    if std::os::unix::process::parent_id() == parent {
        Ok(())
    } else {
        Err(io::Error::other("the parent has ended"))
    }
}

/// No program this process starts may have more rights; needed by landlock and seccomp.
pub(crate) fn no_new_privileges() -> io::Result<()> {
    #[expect(unsafe_code, reason = "prctl has no safe form in std")]
    // SAFETY: takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
}

/// Closes what the parent may have left open by accident, but for the standard streams and one file.
pub(crate) fn close_all_but(file: u32) -> io::Result<()> {
    let close = |first: u32, last: u32| {
        if first > last {
            return Ok(());
        }
        #[expect(unsafe_code, reason = "close_range has no safe form in std")]
        // SAFETY: nothing in this process owns those descriptors yet; it has only just started.
        match unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } {
            0 => Ok(()),
            _ => match io::Error::last_os_error() {
                // Older kernels. The parent opens its files so that children don't get them; this is
                // for those that a library opened otherwise.
                error if error.raw_os_error() == Some(libc::ENOSYS) => Ok(()),
                error => Err(error),
            },
        }
    };
    close(3, file.saturating_sub(1))?;
    close(file.saturating_add(1).max(3), u32::MAX)
}

/// At the start of a process that is to run for so long at most.
pub(crate) fn limit(time: Duration) -> io::Result<()> {
    let seconds = time.as_secs().saturating_add(SPARE_CPU_SECONDS);
    set_cpu(seconds)?;
    set(libc::RLIMIT_FSIZE, 0)?;
    set(libc::RLIMIT_CORE, 0)?;
    set(libc::RLIMIT_NOFILE, OPEN_FILES_AT_START)
}

/// In a process that is about to turn into a program.
pub(crate) fn limit_program(time: Duration, memory_bytes: u64, rule: MemoryRule) -> io::Result<()> {
    // Its threads compute at the same time; the wall time is watched from outside.
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let processors = u64::try_from(processors).unwrap_or(u64::MAX);
    let seconds = time.as_secs().saturating_mul(processors);
    set_cpu(seconds.saturating_add(SPARE_CPU_SECONDS))?;
    set(libc::RLIMIT_FSIZE, 0)?;
    set(libc::RLIMIT_CORE, 0)?;
    set(libc::RLIMIT_NOFILE, OPEN_FILES_OF_A_PROGRAM)?;
    set(libc::RLIMIT_NPROC, THREADS_OF_THE_USER)?;
    set(libc::RLIMIT_MEMLOCK, 0)?;
    let memory = match rule {
        MemoryRule::AddressSpace => libc::RLIMIT_AS,
        MemoryRule::Data => libc::RLIMIT_DATA,
    };
    set(memory, memory_bytes)
}

/// Where memory runs out, the kernel ends this process first, and not the service.
pub(crate) fn be_first_to_go() -> io::Result<()> {
    std::fs::write("/proc/self/oom_score_adj", "1000")
}

/// When all files are open and all threads run.
pub(crate) fn limit_to_what_is_there() -> io::Result<()> {
    set(libc::RLIMIT_NOFILE, 0)?;
    // Counts all of the user's threads, so it only says "no more"; root is exempt.
    set(libc::RLIMIT_NPROC, 0)
}

/// Processor time and most resident memory of this process so far.
pub(crate) fn used() -> (Duration, u64) {
    #[expect(unsafe_code, reason = "getrusage has no safe form in std")]
    // SAFETY: `rusage` is plain numbers, for which zero is a value, and the pointer is valid.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    cpu_and_peak_bytes(&usage)
}

/// Waits for a child, and gives how it ended and what it used. It must not have been waited for.
pub(crate) fn wait_for(child: u32) -> io::Result<(ExitStatus, Duration, u64)> {
    let child = i32::try_from(child).map_err(io::Error::other)?;
    let mut status = 0;
    #[expect(unsafe_code, reason = "std doesn't tell what a child used")]
    // SAFETY: `rusage` is plain numbers, for which zero is a value, and both pointers are valid.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        if libc::wait4(child, &raw mut status, 0, &raw mut usage) == -1 {
            return Err(io::Error::last_os_error());
        }
        usage
    };
    let (cpu, peak_bytes) = cpu_and_peak_bytes(&usage);
    Ok((ExitStatus::from_raw(status), cpu, peak_bytes))
}

fn cpu_and_peak_bytes(usage: &libc::rusage) -> (Duration, u64) {
    let time = |t: libc::timeval| {
        let seconds = u64::try_from(t.tv_sec).unwrap_or_default();
        let micros = u64::try_from(t.tv_usec).unwrap_or_default();
        Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros))
    };
    let peak_bytes = u64::try_from(usage.ru_maxrss)
        .unwrap_or_default()
        .saturating_mul(1024);
    (
        time(usage.ru_utime).saturating_add(time(usage.ru_stime)),
        peak_bytes,
    )
}

/// At the soft limit comes SIGXCPU, which tells what happened; at the hard one a kill.
fn set_cpu(seconds: u64) -> io::Result<()> {
    set_both(libc::RLIMIT_CPU, seconds, seconds.saturating_add(1))
}

fn set(resource: libc::__rlimit_resource_t, most: u64) -> io::Result<()> {
    set_both(resource, most, most)
}

/// Limits are only ever lowered: what this process was given may be less.
fn set_both(resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    #[expect(unsafe_code, reason = "getrlimit has no safe form in std")]
    // SAFETY: the pointer is valid for the call.
    check(unsafe { libc::getrlimit(resource, &raw mut limit) })?;
    limit.rlim_max = limit.rlim_max.min(hard);
    limit.rlim_cur = limit.rlim_max.min(soft);
    #[expect(unsafe_code, reason = "setrlimit has no safe form in std")]
    // SAFETY: the pointer is valid for the call.
    check(unsafe { libc::setrlimit(resource, &raw const limit) })
}
