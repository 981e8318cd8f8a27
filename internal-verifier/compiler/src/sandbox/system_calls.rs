//! Few system calls: an allow-list for a process that only computes.
//!
//! A call that is not on the list fails with "not permitted" instead of ending the process: libraries
//! differ in what they try, and a refused call does no harm. No new file, socket, process or program,
//! and no new executable memory.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum FilterError {
    #[error("this machine's architecture has no filter")]
    Architecture(#[source] seccompiler::BackendError),
    #[error("the filter could not be made")]
    Make(#[source] seccompiler::BackendError),
    #[error("the filter could not be set")]
    Set(#[source] seccompiler::Error),
}

/// Allowed whatever their arguments are.
const ALLOWED: [libc::c_long; 26] = [
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Allowed unless their third argument, the protection, has the executable bit.
const ALLOWED_UNLESS_EXECUTABLE: [libc::c_long; 2] = [libc::SYS_mmap, libc::SYS_mprotect];

/// Whether the kernel takes filters.
pub(crate) fn is_supported() -> bool {
    const GET_ACTION_AVAILABLE: libc::c_ulong = 2;
    let action: u32 = libc::SECCOMP_RET_ERRNO;
    #[expect(unsafe_code, reason = "there is no safe form of this query")]
    // SAFETY: the kernel reads one number through the pointer, which is valid.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            GET_ACTION_AVAILABLE,
            0_u64,
            &raw const action,
        )
    };
    answer == 0
}

/// For all threads of this process, for good. Needs `no_new_privileges`. Gives false where the kernel
/// has no such filters.
pub(crate) fn allow_few_system_calls() -> Result<bool, FilterError> {
    match seccompiler::apply_filter_all_threads(&program()?) {
        Ok(()) => Ok(true),
        Err(seccompiler::Error::Seccomp(error))
            if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) =>
        {
            Ok(false)
        }
        Err(error) => Err(FilterError::Set(error)),
    }
}

fn program() -> Result<BpfProgram, FilterError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
    let executable = u64::from(libc::PROT_EXEC.cast_unsigned());
    for call in ALLOWED_UNLESS_EXECUTABLE {
        let masked = SeccompCmpOp::MaskedEq(executable);
        let rule = SeccompCondition::new(2, SeccompCmpArgLen::Dword, masked, 0)
            .and_then(|not_executable| SeccompRule::new(vec![not_executable]))
            .map_err(FilterError::Make)?;
        rules.insert(call, vec![rule]);
    }
    // The process may signal itself: that is how an abort ends it.
    let itself = u64::from(std::process::id());
    let rule = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, itself)
        .and_then(|to_itself| SeccompRule::new(vec![to_itself]))
        .map_err(FilterError::Make)?;
    rules.insert(libc::SYS_tgkill, vec![rule]);
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let architecture =
        TargetArch::try_from(std::env::consts::ARCH).map_err(FilterError::Architecture)?;
    SeccompFilter::new(rules, refuse, SeccompAction::Allow, architecture)
        .and_then(BpfProgram::try_from)
        .map_err(FilterError::Make)
}
