//! The WebAssembly engine: solc's own module under wasmtime.
//!
//! [`merge`] runs once per release, at intake: it joins the module with the functions that unwind C++
//! exceptions, and gives everything readable names. [`machine`] loads what came out of it, and runs
//! one compilation. Nothing here touches a file, a socket or a clock: a guest can't ask for what no
//! function gives.

pub(crate) mod engine;
mod exceptions;
pub(crate) mod glue;
mod guest;
pub(crate) mod imports;
mod invoke;
pub(crate) mod machine;
pub(crate) mod merge;

/// Counts changes of the functions that a guest is given, where they change what it answers.
pub(crate) const HOST_FORMAT: u32 = 1;

/// Names of what [`merge`] exports and [`machine`] looks up.
pub(crate) mod names {
    pub(crate) const MEMORY: &str = "memory";
    pub(crate) const TABLE: &str = "table";
    pub(crate) const TEMP_RET0: &str = "tempRet0";
    /// A constant: the guest address of four free bytes. Present up to 0.8.0, whose exceptions are
    /// kept in a map outside the guest.
    pub(crate) const EXCEPTION_SCRATCH: &str = "exceptionScratch";
    /// Calls an exception's destructor, up to 0.8.0; later ones are called through the table.
    pub(crate) const DESTRUCTOR_CALL: &str = "destructorCall";
    pub(crate) const CONSTRUCTORS: &str = "constructors";
    pub(crate) const COMPILE: &str = "solidity_compile";
    pub(crate) const VERSION: &str = "solidity_version";
    pub(crate) const MALLOC: &str = "malloc";
    pub(crate) const FREE: &str = "free";
    pub(crate) const CAN_CATCH: &str = "cxa_can_catch";
    pub(crate) const IS_POINTER_TYPE: &str = "cxa_is_pointer_type";
    pub(crate) const SET_THREW: &str = "setThrew";
    pub(crate) const STACK_SAVE: &str = "stackSave";
    pub(crate) const STACK_RESTORE: &str = "stackRestore";
}
