//! One wasmtime configuration for compiling ahead of time and for running.
//!
//! Precompiled code is refused by an engine whose code-generating options differ, so both engines
//! come from here. The target and the baseline of CPU features are named explicitly: code made on a
//! newer CPU must not be looked for on an older one.

use wasmtime::{Collector, Config, Engine, Result};

/// solc recurses deeply on nested expressions; with less, it traps where the native build answers.
pub(crate) const MAX_WASM_STACK_BYTES: usize = 64 << 20;

/// Guest code runs on the stack of the thread that calls it, so this must be larger.
pub(crate) const THREAD_STACK_BYTES: usize = 4 * MAX_WASM_STACK_BYTES;

/// Exceptions are objects of the guest's garbage-collected heap, and the only ones there.
const EXCEPTION_HEAP_BYTES: u64 = 64 << 20;

/// The version in `Cargo.toml`; precompiled code fits no other. A test compares them.
pub(crate) const WASMTIME_VERSION: &str = "48.0.8";

/// What x86-64-v3 has beyond the first x86-64, as far as Cranelift makes use of it.
#[cfg(target_arch = "x86_64")]
const V3_FLAGS: [&str; 12] = [
    "has_sse3",
    "has_ssse3",
    "has_cmpxchg16b",
    "has_sse41",
    "has_sse42",
    "has_popcnt",
    "has_avx",
    "has_avx2",
    "has_bmi1",
    "has_bmi2",
    "has_fma",
    "has_lzcnt",
];

/// The class of CPU that code made on this machine needs, as it stands in paths.
pub(crate) fn target_name() -> &'static str {
    if has_v3() {
        "x86-64-v3"
    } else {
        match std::env::consts::ARCH {
            "x86_64" => "x86-64",
            other => other,
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_v3() -> bool {
    is_x86_feature_detected!("cmpxchg16b")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("lzcnt")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_v3() -> bool {
    false
}

/// Compiles ahead of time, for this class of CPU.
pub(crate) fn for_compiling() -> Result<Engine> {
    let mut config = config();
    config.target(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH))?;
    #[cfg(target_arch = "x86_64")]
    if has_v3() {
        for flag in V3_FLAGS {
            #[expect(unsafe_code, reason = "CPU features can't be named otherwise")]
            // SAFETY: each flag says that the CPU has a feature; loading compares them with the CPU.
            unsafe {
                config.cranelift_flag_enable(flag)
            };
        }
    }
    Engine::new(&config)
}

/// Runs what [`for_compiling`] made; has no compiler.
pub(crate) fn for_running() -> Result<Engine> {
    let mut config = config();
    config.enable_compiler(false);
    Engine::new(&config)
}

fn config() -> Config {
    let mut config = Config::new();
    config
        // `try_table` and `throw`; exceptions live on the garbage-collected heap, which is why that
        // is on. Nothing else allocates there, so the collector that never collects is enough.
        .wasm_exceptions(true)
        .wasm_function_references(true)
        .wasm_gc(true)
        .collector(Collector::Null)
        .gc_heap_reservation(EXCEPTION_HEAP_BYTES)
        // Time limit: guest code looks at a counter at loops and calls.
        .epoch_interruption(true)
        // The fibre stack must be declared larger than the guest's, even though no fibre is used.
        .max_wasm_stack(MAX_WASM_STACK_BYTES)
        .async_stack_size(3 * MAX_WASM_STACK_BYTES)
        // No backtraces of the guest: the address map alone is 12 MB per compiler.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false);
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_in_paths_is_the_version_we_link() {
        let manifest = include_str!("../../../../Cargo.toml");
        assert!(manifest.contains(&format!("wasmtime = {{ version = \"={WASMTIME_VERSION}\"")));
    }

    #[test]
    fn both_engines_have_the_same_configuration() {
        let code = for_compiling()
            .unwrap()
            .precompile_module(b"\0asm\x01\0\0\0")
            .unwrap();
        #[expect(unsafe_code, reason = "loading is what is tested")]
        // SAFETY: made one line above.
        let module = unsafe { wasmtime::Module::deserialize(&for_running().unwrap(), code) };
        assert!(module.is_ok(), "{:?}", module.err());
    }

    #[test]
    fn code_of_another_configuration_is_refused() {
        let mut other = Config::new();
        other.epoch_interruption(false);
        let engine = Engine::new(&other).unwrap();
        let code = engine.precompile_module(b"\0asm\x01\0\0\0").unwrap();
        #[expect(unsafe_code, reason = "loading is what is tested")]
        // SAFETY: made one line above.
        let module = unsafe { wasmtime::Module::deserialize(&for_running().unwrap(), code) };
        assert!(module.is_err());
    }
}
