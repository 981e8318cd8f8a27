//! Loaded into a process before all other libraries (`LD_PRELOAD`), this makes its time of day wrong by the
//! seconds in `SKEWED_CLOCK_S`. Clocks that only count on are right, as in a machine whose time of day is wrong.

use std::sync::OnceLock;

static SKEW_S: OnceLock<i64> = OnceLock::new();

/// Stands before the C library's function of this name, which the standard library calls.
///
/// # Safety
/// As of the C library's: `time` is null or may be written.
#[unsafe(no_mangle)]
#[expect(
    unsafe_code,
    reason = "a function of the C library is replaced, and called past it"
)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> i32 {
    // SAFETY: the system call takes the same arguments and writes nothing but `time`.
    let done = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if done == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: the kernel has just written it.
        if let Some(time) = unsafe { time.as_mut() } {
            time.tv_sec = time.tv_sec.saturating_add(skew_s());
        }
    }
    i32::try_from(done).unwrap_or(-1)
}

/// Nothing here asks for the time, which would ask us.
#[expect(
    clippy::disallowed_methods,
    reason = "who loads a library has no other way to tell it something"
)]
fn skew_s() -> i64 {
    *SKEW_S.get_or_init(|| {
        let text = std::env::var("SKEWED_CLOCK_S");
        text.ok().and_then(|text| text.parse().ok()).unwrap_or(0)
    })
}
