//! The system calls of a compiler that is a program of its own: a static solc, Python, Node.
//!
//! Wider than for our own engine: a program opens its own files, maps code, and V8 makes code and
//! threads. Still out of reach: every kind of socket, other processes and their memory, new processes,
//! leaving the process group, namespaces, mounts, keys, BPF, rings of calls, files without a name, and
//! raising a limit. What is not on the list fails with "not permitted", and programs go on without it.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Is,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::system_calls::FilterError;

/// Allowed whatever their arguments are.
const ALLOWED: &[libc::c_long] = &[
    // Files and pipes.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    // Memory, code included: V8 makes it, and libraries are it.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Threads.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_membarrier,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    // Signals of its own.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // Clocks, chance, and who one is.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_capget,
    // Once for the program itself. What else it could turn into may be read anyway, and stays behind the
    // same walls.
    libc::SYS_execve,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Answered by the other filter.
    libc::SYS_clone3,
];

/// Older forms of the same, and what a process of this machine needs to set itself up.
#[cfg(target_arch = "x86_64")]
const ALLOWED_OF_THIS_MACHINE: &[libc::c_long] = &[
    libc::SYS_arch_prctl,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_epoll_wait,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_time,
    libc::SYS_getrlimit,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_OF_THIS_MACHINE: &[libc::c_long] = &[];

/// Only of oneself, and without the calls that send signals or take locks.
const FCNTL: [libc::c_int; 7] = [
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_GETPIPE_SZ,
];

/// Whether it is a terminal, and how a pipe is read.
const IOCTL: [libc::Ioctl; 6] = [
    libc::TCGETS,
    libc::TIOCGWINSZ,
    libc::FIONREAD,
    libc::FIONBIO,
    libc::FIOCLEX,
    libc::FIONCLEX,
];

/// Names of threads and of memory. Not the signal that ends us with our parent.
const PRCTL: [libc::c_int; 3] = [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA];

/// Both filters, made where memory may still be had.
pub(crate) struct ProgramCalls {
    no_clone3: BpfProgram,
    allowed: BpfProgram,
}

impl ProgramCalls {
    /// To be made in the process that is to be held: it may signal itself, and nobody else.
    pub(crate) fn of_this_process() -> Result<Self, FilterError> {
        Ok(Self {
            no_clone3: no_clone3()?,
            allowed: allowed()?,
        })
    }

    /// For good, also for what this process turns into. Needs `no_new_privileges`.
    pub(crate) fn hold(&self) -> Result<(), FilterError> {
        // Of two answers the kernel takes the stricter one.
        seccompiler::apply_filter(&self.no_clone3).map_err(FilterError::Set)?;
        seccompiler::apply_filter(&self.allowed).map_err(FilterError::Set)
    }
}

/// A filter can't look at what `clone3` is asked for. Where it "does not exist", libraries use `clone`.
fn no_clone3() -> Result<BpfProgram, FilterError> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let absent = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    make(rules, SeccompAction::Allow, absent)
}

fn allowed() -> Result<BpfProgram, FilterError> {
    let always = ALLOWED.iter().chain(ALLOWED_OF_THIS_MACHINE);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        always.map(|call| (*call, Vec::new())).collect();
    let number = |number: libc::c_int| u64::from(number.cast_unsigned());
    let one_of = |argument, values: &[u64]| -> Result<Vec<SeccompRule>, FilterError> {
        let rules = values.iter().map(|value| {
            let condition = SeccompCondition::new(argument, Width::Dword, Is::Eq, *value);
            rule([condition])
        });
        rules.collect()
    };
    rules.insert(libc::SYS_fcntl, one_of(1, &FCNTL.map(number))?);
    rules.insert(libc::SYS_ioctl, one_of(1, &IOCTL)?);
    rules.insert(libc::SYS_prctl, one_of(0, &PRCTL.map(number))?);
    rules.insert(
        libc::SYS_tgkill,
        one_of(0, &[u64::from(std::process::id())])?,
    );
    // Which files may be opened is landlock's question; but its first two versions know nothing of
    // emptying a file.
    let changing = number(libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC);
    let only_to_read = |argument| {
        let condition = SeccompCondition::new(argument, Width::Dword, Is::MaskedEq(changing), 0);
        rule([condition])
    };
    rules.insert(libc::SYS_openat, vec![only_to_read(2)?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, vec![only_to_read(1)?]);
    // A limit of oneself is told, and none is set.
    let tell = rule([
        SeccompCondition::new(0, Width::Dword, Is::Eq, 0),
        SeccompCondition::new(2, Width::Qword, Is::Eq, 0),
    ])?;
    rules.insert(libc::SYS_prlimit64, vec![tell]);
    // A thread, in the namespaces there are.
    let thread = number(libc::CLONE_THREAD);
    let namespaces = number(
        libc::CLONE_NEWNS
            | libc::CLONE_NEWCGROUP
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUSER
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET,
    );
    let is_thread = Is::MaskedEq(thread | namespaces);
    let thread = rule([SeccompCondition::new(0, Width::Dword, is_thread, thread)])?;
    rules.insert(libc::SYS_clone, vec![thread]);
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    make(rules, refuse, SeccompAction::Allow)
}

/// All of the conditions.
fn rule<const N: usize>(
    conditions: [Result<SeccompCondition, BackendError>; N],
) -> Result<SeccompRule, FilterError> {
    let conditions: Result<Vec<_>, BackendError> = conditions.into_iter().collect();
    conditions
        .and_then(SeccompRule::new)
        .map_err(FilterError::Make)
}

fn make(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    on_the_list: SeccompAction,
) -> Result<BpfProgram, FilterError> {
    let architecture =
        TargetArch::try_from(std::env::consts::ARCH).map_err(FilterError::Architecture)?;
    SeccompFilter::new(rules, otherwise, on_the_list, architecture)
        .and_then(BpfProgram::try_from)
        .map_err(FilterError::Make)
}
