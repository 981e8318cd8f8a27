//! The state of one compilation, and checked access to the guest's memory.
//!
//! A store, and with it everything here, serves one compilation and is dropped: nothing a hostile
//! source does to the compiler's heap can reach the next request.

use std::sync::Arc;

use wasmtime::{
    AsContextMut, Caller, Error, Func, Global, Instance, Memory, Ref, ResourceLimiter, Result,
    Table, TypedFunc, Val,
};

use super::exceptions::{Exceptions, Model};
use super::names;

pub(super) type Host<'a> = Caller<'a, Guest>;

/// What the compiler says when it aborts fits; a guest that writes for ever doesn't fill us.
const STDERR_BYTES: usize = 4096;

/// fastcomp's saved stack pointers: as deep as calls can be.
const MAX_STACK_MARKS: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Guest {
    pub(super) exceptions: Exceptions,
    /// Set once the module is instantiated.
    exports: Option<Arc<Exports>>,
    /// fastcomp hands out indices for saved stack pointers, not the pointers.
    stack_marks: Vec<i32>,
    memory_limit_bytes: usize,
    memory_denied: bool,
    stderr: Vec<u8>,
}

/// What the host uses of the guest.
pub(super) struct Exports {
    pub(super) memory: Memory,
    table: Table,
    temp_ret0: Global,
    pub(super) malloc: TypedFunc<i32, i32>,
    pub(super) free: TypedFunc<i32, ()>,
    pub(super) can_catch: TypedFunc<(i32, i32, i32), i32>,
    pub(super) is_pointer_type: TypedFunc<i32, i32>,
    pub(super) set_threw: TypedFunc<(i32, i32), ()>,
    pub(super) stack_save: TypedFunc<(), i32>,
    pub(super) stack_restore: TypedFunc<i32, ()>,
    /// Destructors go through this up to 0.8.0. It differs between generations whether they give a
    /// result, and in fastcomp table indices count per signature.
    destructor_call: Option<Func>,
}

impl std::fmt::Debug for Exports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exports")
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

impl Exports {
    fn find(mut store: impl AsContextMut<Data = Guest>, instance: &Instance) -> Result<Self> {
        let missing = |name| Error::msg(format!("the module exports no {name}"));
        macro_rules! function {
            ($name:expr) => {
                instance.get_typed_func(&mut store, $name)?
            };
        }
        Ok(Self {
            malloc: function!(names::MALLOC),
            free: function!(names::FREE),
            can_catch: function!(names::CAN_CATCH),
            is_pointer_type: function!(names::IS_POINTER_TYPE),
            set_threw: function!(names::SET_THREW),
            stack_save: function!(names::STACK_SAVE),
            stack_restore: function!(names::STACK_RESTORE),
            destructor_call: instance.get_func(&mut store, names::DESTRUCTOR_CALL),
            memory: instance
                .get_memory(&mut store, names::MEMORY)
                .ok_or_else(|| missing("memory"))?,
            table: instance
                .get_table(&mut store, names::TABLE)
                .ok_or_else(|| missing("table"))?,
            temp_ret0: instance
                .get_global(&mut store, names::TEMP_RET0)
                .ok_or_else(|| missing("tempRet0"))?,
        })
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, _now: usize, wanted: usize, _max: Option<usize>) -> Result<bool> {
        let allowed = wanted <= self.memory_limit_bytes;
        self.memory_denied |= !allowed;
        Ok(allowed)
    }

    fn table_growing(&mut self, now: usize, _wanted: usize, _max: Option<usize>) -> Result<bool> {
        // It has its size from the start; no soljson lets it grow.
        Ok(now == 0)
    }
}

impl Guest {
    pub(super) fn new(memory_limit_bytes: usize) -> Self {
        Self {
            exceptions: Exceptions::new(Model::Header),
            exports: None,
            stack_marks: Vec::new(),
            memory_limit_bytes,
            memory_denied: false,
            stderr: Vec::new(),
        }
    }

    pub(super) fn exports(&self) -> Result<Arc<Exports>> {
        self.exports
            .clone()
            .ok_or_else(|| Error::msg("the guest is not ready"))
    }

    /// Whether the guest did not get memory it needed, at any time. Some releases catch that
    /// and write an answer that speaks of `std::bad_alloc`: it says nothing about the input.
    pub(super) fn memory_denied(&self) -> bool {
        self.memory_denied
    }

    pub(super) fn deny_memory(&mut self) {
        self.memory_denied = true;
    }

    /// The guest was content with less than it was denied.
    pub(super) fn forgive_denied_memory(&mut self) {
        self.memory_denied = false;
    }

    pub(super) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }

    pub(super) fn add_stderr(&mut self, text: &[u8]) {
        let room = STDERR_BYTES.saturating_sub(self.stderr.len());
        self.stderr.extend(text.iter().take(room));
    }

    pub(super) fn push_stack_mark(&mut self, pointer: i32) -> Result<i32> {
        let index = self.stack_marks.len();
        if index >= MAX_STACK_MARKS {
            return Err(Error::msg("too many saved stack pointers"));
        }
        self.stack_marks.push(pointer);
        Ok(i32::try_from(index)?)
    }

    /// Gives the saved pointer; it and all later ones are forgotten.
    pub(super) fn pop_stack_mark(&mut self, index: i32) -> Result<i32> {
        let index = usize::try_from(index)?;
        let pointer = self.stack_marks.get(index).copied();
        self.stack_marks.truncate(index);
        pointer.ok_or_else(|| Error::msg("no such saved stack pointer"))
    }
}

/// To be called once the module is instantiated, before any of its code runs.
pub(super) fn connect(
    mut store: impl AsContextMut<Data = Guest>,
    instance: &Instance,
) -> Result<()> {
    let exports = Arc::new(Exports::find(&mut store, instance)?);
    let scratch = instance.get_global(&mut store, names::EXCEPTION_SCRATCH);
    let scratch = scratch.and_then(|global| global.get(&mut store).i32());
    let mut store = store.as_context_mut();
    let guest = store.data_mut();
    if let Some(scratch) = scratch {
        guest.exceptions = Exceptions::new(Model::Map { scratch });
    }
    guest.exports = Some(exports);
    Ok(())
}

/// A guest address as an index; addresses are unsigned, though the guest's numbers have a sign.
pub(super) fn offset(address: i32) -> usize {
    usize::try_from(address.cast_unsigned()).unwrap_or(usize::MAX)
}

pub(super) fn read_i32(host: &Host, address: i32) -> Result<i32> {
    let mut bytes = [0; 4];
    host.data()
        .exports()?
        .memory
        .read(host, offset(address), &mut bytes)?;
    Ok(i32::from_le_bytes(bytes))
}

pub(super) fn write_i32(host: &mut Host, address: i32, value: i32) -> Result<()> {
    let exports = host.data().exports()?;
    Ok(exports
        .memory
        .write(host, offset(address), &value.to_le_bytes())?)
}

pub(super) fn read_u8(host: &Host, address: i32) -> Result<u8> {
    let mut byte = [0; 1];
    host.data()
        .exports()?
        .memory
        .read(host, offset(address), &mut byte)?;
    Ok(u8::from_le_bytes(byte))
}

pub(super) fn write_u8(host: &mut Host, address: i32, value: u8) -> Result<()> {
    let exports = host.data().exports()?;
    Ok(exports.memory.write(host, offset(address), &[value])?)
}

/// The second half of a 64-bit result, and the type number of a caught exception.
pub(super) fn set_temp_ret0(host: &mut Host, value: i32) -> Result<()> {
    let exports = host.data().exports()?;
    exports.temp_ret0.set(host, Val::I32(value))
}

pub(super) fn call_destructor(host: &mut Host, function: i32, object: i32) -> Result<()> {
    let exports = host.data().exports()?;
    if let Some(dyn_call) = exports.destructor_call {
        return call(host, dyn_call, &[Val::I32(function), Val::I32(object)]);
    }
    match exports
        .table
        .get(&mut *host, u64::from(function.cast_unsigned()))
    {
        Some(Ref::Func(Some(destructor))) => call(host, destructor, &[Val::I32(object)]),
        _ => Err(Error::msg("an exception's destructor is not a function")),
    }
}

/// Calls, and drops the result if there is one.
fn call(host: &mut Host, function: Func, params: &[Val]) -> Result<()> {
    let mut results = vec![Val::I32(0); function.ty(&*host).results().len()];
    function.call(host, params, &mut results)
}
