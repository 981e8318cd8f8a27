//! Loads a prepared compiler, and runs one compilation.
//!
//! A new store and instance per compilation, so no state passes from one request to the next. What is
//! trusted (loading, constructors) comes first and apart from what is not (the input), so that a
//! process can lock itself in between the two.

use std::fs::File;

use wasmtime::{Engine, Error, Instance, Module, Result, Store, Trap, TypedFunc};

use super::guest::{self, Guest, offset};
use super::{engine, imports, names};

/// A prepared compiler, ready to be instantiated any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    engine: Engine,
    module: Module,
}

/// One instance whose constructors have run.
#[derive(Debug)]
pub(crate) struct Instantiated {
    store: Store<Guest>,
    instance: Instance,
}

/// How a compilation ended. Errors in the source are inside an output.
#[derive(Debug)]
pub(crate) enum End<'a> {
    /// Lies in the guest's memory.
    Output(&'a [u8]),
    TimedOut,
    OutOfMemory,
    OutputTooLong,
    Crashed(String),
}

/// Why there is no instance.
#[derive(Debug)]
pub(crate) enum NoInstance {
    OutOfMemory,
    Fault(Error),
}

impl Machine {
    /// # Safety
    ///
    /// The file holds machine code that is mapped and run: it must be one that our intake wrote, with
    /// the SHA-256 it recorded, and must never change while it is open.
    #[expect(unsafe_code, reason = "machine code is loaded")]
    pub(crate) unsafe fn load(file: File) -> Result<Self> {
        let engine = engine::for_running()?;
        // SAFETY: passed on to the caller.
        let module = unsafe { Module::deserialize_open_file(&engine, file)? };
        Ok(Self { engine, module })
    }

    /// Its epoch ends a compilation: `increment_epoch` once.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn instantiate(&self, memory_limit_bytes: u64) -> Result<Instantiated, NoInstance> {
        let limit = usize::try_from(memory_limit_bytes).unwrap_or(usize::MAX);
        let mut store = Store::new(&self.engine, Guest::new(limit));
        store.limiter(|guest| guest);
        store.set_epoch_deadline(1);
        match self.start(&mut store) {
            Ok(instance) => Ok(Instantiated { store, instance }),
            Err(_) if store.data().memory_denied() => Err(NoInstance::OutOfMemory),
            Err(error) => Err(NoInstance::Fault(error)),
        }
    }

    fn start(&self, store: &mut Store<Guest>) -> Result<Instance> {
        let mut given = Vec::new();
        for import in self.module.imports() {
            let ty = import.ty();
            let ty = ty
                .func()
                .ok_or_else(|| Error::msg("an import that is no function"))?;
            given.push(imports::function(store, import.name(), ty.clone())?.into());
        }
        let instance = Instance::new(&mut *store, &self.module, &given)?;
        guest::connect(&mut *store, &instance)?;
        let constructors = instance.get_typed_func::<(), ()>(&mut *store, names::CONSTRUCTORS)?;
        constructors.call(store, ())?;
        Ok(instance)
    }
}

impl Instantiated {
    /// What the compiler says it is, `0.8.28+commit.7893614a.Emscripten.clang`.
    pub(crate) fn version(&mut self) -> Result<String> {
        const MAX_BYTES: usize = 256;
        let version = self
            .instance
            .get_typed_func::<(), i32>(&mut self.store, names::VERSION)?;
        let address = version.call(&mut self.store, ())?;
        match self.text(address, MAX_BYTES)? {
            Text::Whole(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            Text::TooLong => Err(Error::msg("a version too long")),
        }
    }

    /// Compiles standard JSON of `input_bytes` bytes, which `fill` writes into the guest's memory.
    ///
    /// # Errors
    ///
    /// Only what `fill` says; whatever the compiler does is an [`End`].
    pub(crate) fn compile<E>(
        &mut self,
        input_bytes: usize,
        max_output_bytes: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<End<'_>, E> {
        let address = match self.allocate(input_bytes) {
            Ok(address) => address,
            Err(error) => return Ok(self.end(&error)),
        };
        if let Some(place) = self.input_place(address, input_bytes) {
            fill(place)?;
        } else {
            return Ok(End::OutOfMemory);
        }
        let output = match self.run(address) {
            Ok(output) => output,
            Err(error) => return Ok(self.end(&error)),
        };
        if self.store.data().memory_denied() {
            return Ok(End::OutOfMemory);
        }
        Ok(match self.text(output, max_output_bytes) {
            Ok(Text::Whole(json)) => End::Output(json),
            Ok(Text::TooLong) => End::OutputTooLong,
            Err(error) => End::Crashed(error.to_string()),
        })
    }

    /// A zero byte ends the input.
    fn allocate(&mut self, input_bytes: usize) -> Result<i32> {
        let bytes = u32::try_from(input_bytes)?.saturating_add(1);
        let exports = self.store.data().exports()?;
        exports.malloc.call(&mut self.store, bytes.cast_signed())
    }

    /// `None` if the guest could not allocate.
    fn input_place(&mut self, address: i32, input_bytes: usize) -> Option<&mut [u8]> {
        let exports = self.store.data().exports().ok()?;
        let start = offset(address);
        let end = start.checked_add(input_bytes)?;
        let place = exports
            .memory
            .data_mut(&mut self.store)
            .get_mut(start..=end)?;
        let (input, zero) = place.split_at_mut_checked(input_bytes)?;
        zero.fill(0);
        (start != 0).then_some(input)
    }

    fn run(&mut self, input: i32) -> Result<i32> {
        // (input, callback, context): without a callback nothing outside the input can be read.
        let compile: TypedFunc<(i32, i32, i32), i32> = self
            .instance
            .get_typed_func(&mut self.store, names::COMPILE)?;
        compile.call(&mut self.store, (input, 0, 0))
    }

    fn end(&self, error: &Error) -> End<'static> {
        if self.store.data().memory_denied() {
            return End::OutOfMemory;
        }
        if matches!(error.downcast_ref(), Some(Trap::Interrupt)) {
            return End::TimedOut;
        }
        let said = self.store.data().stderr();
        let gap = if said.is_empty() { "" } else { ": " };
        End::Crashed(format!("{error:#}{gap}{said}"))
    }

    fn text(&self, address: i32, max_bytes: usize) -> Result<Text<'_>> {
        let memory = self.store.data().exports()?.memory.data(&self.store);
        let beyond = || Error::msg("an answer beyond the guest's memory");
        let tail = memory.get(offset(address)..).ok_or_else(beyond)?;
        let window = tail
            .get(..tail.len().min(max_bytes.saturating_add(1)))
            .unwrap_or(tail);
        match window.iter().position(|&byte| byte == 0) {
            Some(end) => Ok(Text::Whole(window.get(..end).unwrap_or_default())),
            None if window.len() > max_bytes => Ok(Text::TooLong),
            None => Err(Error::msg("an answer without an end")),
        }
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        let exports = self.store.data().exports();
        let bytes = exports.map_or(0, |exports| exports.memory.data_size(&self.store));
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

enum Text<'a> {
    Whole(&'a [u8]),
    TooLong,
}
