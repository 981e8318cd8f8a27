//! Limits of the process itself: its parent, its group, what it may use.

use std::io;
use std::time::Duration;

/// Processor time beyond the wall time asked for: start, and the second thread.
const SPARE_CPU_SECONDS: u64 = 5;

/// What is needed until the input comes; afterwards nothing is opened any more.
const OPEN_FILES_AT_START: u64 = 16;

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
    set(libc::RLIMIT_CPU, seconds)?;
    set(libc::RLIMIT_FSIZE, 0)?;
    set(libc::RLIMIT_CORE, 0)?;
    set(libc::RLIMIT_NOFILE, OPEN_FILES_AT_START)
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

fn set(resource: libc::__rlimit_resource_t, most: u64) -> io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: most,
        rlim_max: most,
    };
    #[expect(unsafe_code, reason = "setrlimit has no safe form in std")]
    // SAFETY: the pointer is valid for the call.
    check(unsafe { libc::setrlimit(resource, &raw const limit) })
}
