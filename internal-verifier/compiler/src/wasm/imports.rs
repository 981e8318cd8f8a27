//! What emscripten's JavaScript gives the compiler, by readable name.
//!
//! There is no file system, no network, no clock and no environment: clocks stand at zero, and a
//! file call answers "not possible" (measured: the compiler never makes one). A name that is in no
//! list is an error, so a new release can't meet a stub nobody thought about.

use wasmtime::{Error, Func, FuncType, Result, Store, Val, ValType};

use super::exceptions;
use super::guest::{Guest, Host, offset, read_i32, set_temp_ret0, write_i32};

/// Parameters other than `i32` arrive as 0; nothing that matters has one.
type Import = fn(&mut Host, &[i32]) -> Result<i32>;

/// The one import that takes and gives doubles.
pub(crate) const EXP2: &str = "llvm_exp2_f64";

/// More than any import of any release takes, `cxa_find_matching_catch_*` included.
const MAX_PARAMS: usize = 40;

const PAGE_BYTES: u64 = 65536;
const MAX_HEAP_BYTES: u64 = 2 << 30;
/// What emscripten grows by at most, beyond what was asked.
const MAX_GENEROSITY_BYTES: u64 = 96 << 20;

/// Asked for by the compiler, never called in any test. They answer -1.
const STUBS: [&str; 27] = [
    "emscripten_get_now_is_monotonic",
    "fd_close",
    "fd_read",
    "fd_seek",
    "map_file",
    "pthread_create",
    "pthread_join",
    "raise",
    "strftime_l",
    "sys_fcntl64",
    "sys_ioctl",
    "sys_munmap",
    "sys_open",
    "syscall221",
    "syscall5",
    "syscall54",
    "syscall91",
    "syscall_faccessat",
    "syscall_fcntl64",
    "syscall_ioctl",
    "syscall_newfstatat",
    "syscall_open",
    "syscall_openat",
    "syscall_stat64",
    "wasi_fd_close",
    "wasi_fd_read",
    "wasi_fd_seek",
];

/// The host function behind an import of a merged module.
pub(crate) fn function(store: &mut Store<Guest>, name: &str, ty: FuncType) -> Result<Func> {
    if name == EXP2 {
        return Ok(Func::wrap(store, f64::exp2));
    }
    let import = find(name).ok_or_else(|| Error::msg(format!("unknown import `{name}`")))?;
    let result = ty.results().next();
    Ok(Func::new(store, ty, move |mut host, params, results| {
        // An array and not a Vec: this runs for every call out of the guest.
        let mut numbers = [0; MAX_PARAMS];
        for (number, param) in numbers.iter_mut().zip(params) {
            *number = param.i32().unwrap_or(0);
        }
        let numbers = numbers.get(..params.len()).unwrap_or(&numbers);
        let answer = import(&mut host, numbers)?;
        match (results.first_mut(), &result) {
            (Some(place), Some(ValType::I32)) => *place = Val::I32(answer),
            (Some(place), Some(ValType::F64)) => *place = Val::F64(f64::from(answer).to_bits()),
            _ => {}
        }
        Ok(())
    }))
}

/// The parameter at a place; zero if there is none, as in JavaScript.
fn at(params: &[i32], place: usize) -> i32 {
    params.get(place).copied().unwrap_or(0)
}

/// `None` for a name nobody thought about.
pub(crate) fn find(name: &str) -> Option<Import> {
    exception(name)
        .or_else(|| memory(name))
        .or_else(|| surroundings(name))
}

/// C++ exceptions; the names that end in `_prep` are called by what we added to the module.
fn exception(name: &str) -> Option<Import> {
    Some(match name {
        "cxa_allocate_exception" => |host, a| exceptions::allocate(host, at(a, 0)),
        "cxa_free_exception" => |host, a| exceptions::free(host, at(a, 0)).map(|()| 0),
        "cxa_begin_catch" => |host, a| exceptions::begin_catch(host, at(a, 0)),
        "cxa_end_catch" => |host, _| exceptions::end_catch(host).map(|()| 0),
        "cxa_uncaught_exceptions" => |host, _| Ok(exceptions::uncaught(host)),
        "llvm_eh_typeid_for" => |_, a| Ok(at(a, 0)),
        "throw_prep" => |host, a| exceptions::throw(host, at(a, 0), at(a, 1), at(a, 2)).map(|()| 0),
        "rethrow_prep" => |host, _| exceptions::rethrow(host),
        "resume_prep" => |host, a| {
            exceptions::resume(host, at(a, 0));
            Ok(0)
        },
        "setTempRet0" => |host, a| set_temp_ret0(host, at(a, 0)).map(|()| 0),
        _ if name.starts_with("cxa_find_matching_catch") => exceptions::find_matching_catch,
        _ => return None,
    })
}

fn memory(name: &str) -> Option<Import> {
    Some(match name {
        "emscripten_memcpy_big" => |host, a| copy(host, at(a, 0), at(a, 1), at(a, 2)),
        "emscripten_resize_heap" => |host, a| resize_heap(host, at(a, 0)),
        "emscripten_get_heap_size" => |host, _| {
            let bytes = host.data().exports()?.memory.data_size(&*host);
            Ok(u32::try_from(bytes).unwrap_or(u32::MAX).cast_signed())
        },
        "llvm_stacksave" => |host, _| {
            let exports = host.data().exports()?;
            let pointer = exports.stack_save.call(&mut *host, ())?;
            host.data_mut().push_stack_mark(pointer)
        },
        "llvm_stackrestore" => |host, a| {
            let exports = host.data().exports()?;
            let pointer = host.data_mut().pop_stack_mark(at(a, 0))?;
            exports.stack_restore.call(host, pointer).map(|()| 0)
        },
        _ => return None,
    })
}

fn surroundings(name: &str) -> Option<Import> {
    Some(match name {
        "environ_sizes_get" => |host, a| {
            write_i32(host, at(a, 0), 0)?;
            write_i32(host, at(a, 1), 0)?;
            Ok(0)
        },
        "clock_gettime" => |host, a| {
            write_i32(host, at(a, 1), 0)?;
            write_i32(host, at(a, 1).wrapping_add(4), 0)?;
            Ok(0)
        },
        "sysconf" => |_, a| Ok(system_configuration(at(a, 0))),
        "fd_write" | "wasi_fd_write" => |host, a| write_stderr(host, at(a, 1), at(a, 2), at(a, 3)),
        "environ_get"
        | "emscripten_date_now"
        | "emscripten_get_now"
        | "signal"
        | "lock"
        | "unlock"
        | "buildEnvironment"
        | "getenv"
        | "call_sighandler" => |_, _| Ok(0),
        "abort" | "exit" | "Exit" | "proc_exit" | "llvm_trap" | "cxa_call_unexpected" => {
            |_, _| Err(Error::msg("the compiler gave up"))
        }
        _ if name.starts_with("jsCall_") || STUBS.contains(&name) => |_, _| Ok(-1),
        _ => return None,
    })
}

fn copy(host: &mut Host, to: i32, from: i32, bytes: i32) -> Result<i32> {
    let memory = host.data().exports()?.memory.data_mut(host);
    let (start, place, bytes) = (offset(from), offset(to), offset(bytes));
    let beyond = || Error::msg("a copy beyond the guest's memory");
    let end = start
        .checked_add(bytes)
        .filter(|&end| end <= memory.len())
        .ok_or_else(beyond)?;
    place
        .checked_add(bytes)
        .filter(|&end| end <= memory.len())
        .ok_or_else(beyond)?;
    memory.copy_within(start..end, place);
    Ok(to)
}

/// Grows as emscripten does: generously first, then less so. The sizes it tries are part of what the
/// compiler can see, so they stay as in the JavaScript (by 20, 10 and 5 percent).
fn resize_heap(host: &mut Host, requested: i32) -> Result<i32> {
    let denied_before = host.data().memory_denied();
    let grown = grow_heap(host, u64::from(requested.cast_unsigned()))?;
    if !grown {
        host.data_mut().deny_memory();
    } else if !denied_before {
        host.data_mut().forgive_denied_memory();
    }
    Ok(i32::from(grown))
}

fn grow_heap(host: &mut Host, requested: u64) -> Result<bool> {
    if requested > MAX_HEAP_BYTES {
        return Ok(false);
    }
    let memory = host.data().exports()?.memory;
    let now = u64::try_from(memory.data_size(&*host))?;
    for (numerator, denominator) in [(6_u64, 5_u64), (11, 10), (21, 20)] {
        let generous = now
            .saturating_mul(numerator)
            .checked_div(denominator)
            .unwrap_or(now);
        let generous = generous.min(requested.saturating_add(MAX_GENEROSITY_BYTES));
        let wanted = requested
            .max(generous)
            .next_multiple_of(PAGE_BYTES)
            .min(MAX_HEAP_BYTES);
        let pages = wanted
            .saturating_sub(now)
            .checked_div(PAGE_BYTES)
            .unwrap_or(0);
        if memory.grow(&mut *host, pages).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// 0.6.9 to 0.7.0 divide by the page size (30).
fn system_configuration(name: i32) -> i32 {
    match name {
        30 => 16384,
        84 => 1,
        85 => 131_072,
        0 => 2_097_152,
        1 | 2 | 47 => 100,
        _ => -1,
    }
}

/// The compiler writes only when it aborts ("terminating due to uncaught exception").
fn write_stderr(host: &mut Host, vectors: i32, count: i32, written: i32) -> Result<i32> {
    const MAX_VECTORS: i32 = 16;
    let exports = host.data().exports()?;
    let mut total = 0_i32;
    for vector in 0..count.clamp(0, MAX_VECTORS) {
        let place = vectors.wrapping_add(vector.wrapping_mul(8));
        let start = offset(read_i32(host, place)?);
        let bytes = read_i32(host, place.wrapping_add(4))?;
        let end = start.saturating_add(offset(bytes));
        total = total.wrapping_add(bytes);
        let (memory, guest) = exports.memory.data_and_store_mut(&mut *host);
        let text = memory.get(start..end);
        guest.add_stderr(text.ok_or_else(|| Error::msg("text beyond the guest's memory"))?);
    }
    write_i32(host, written, total)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_thought_about_is_an_import() {
        for name in [
            "cxa_find_matching_catch_3",
            "jsCall_v",
            "sysconf",
            "fd_write",
            "map_file",
        ] {
            assert!(find(name).is_some(), "{name}");
        }
        for name in [
            "",
            "fd_pread",
            "sock_send",
            "path_open",
            "emscripten_run_script",
        ] {
            assert!(find(name).is_none(), "{name}");
        }
    }
}
