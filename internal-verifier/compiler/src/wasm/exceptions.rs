//! Emscripten's half of the C++ exception ABI: which objects are in flight, caught or done with.
//!
//! Unwinding itself happens in the guest (see [`super::invoke`]); the guest asks here for the
//! bookkeeping that emscripten keeps in JavaScript. Two generations exist, see [`Model`].

mod header;
mod map;

use serde::{Deserialize, Serialize};
use wasmtime::{Error, Result};

use super::guest::{Host, call_destructor, set_temp_ret0};

/// solc up to 0.8.15 reserves 16 bytes and later ones 24. The guest never looks at the header, so
/// the larger one serves all.
const HEADER_BYTES: i32 = 24;

/// Where emscripten keeps what it knows about a thrown C++ object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Model {
    /// Up to 0.8.0: a map outside the guest. `scratch` is a guest address of four free bytes.
    Map { scratch: i32 },
    /// Later: a header in guest memory, just below the object.
    Header,
}

#[derive(Debug)]
pub(crate) struct Exceptions {
    model: Model,
    last: i32,
    caught: Vec<i32>,
    uncaught: i32,
    map: map::Infos,
}

impl Exceptions {
    pub(crate) fn new(model: Model) -> Self {
        Self {
            model,
            last: 0,
            caught: Vec::new(),
            uncaught: 0,
            map: map::Infos::default(),
        }
    }

    fn header_bytes(&self) -> i32 {
        match self.model {
            Model::Map { .. } => 0,
            Model::Header => HEADER_BYTES,
        }
    }

    fn pop_caught(&mut self) -> Result<i32> {
        self.caught
            .pop()
            .ok_or_else(|| Error::msg("rethrow without an exception"))
    }
}

pub(crate) fn allocate(host: &mut Host, bytes: i32) -> Result<i32> {
    let header = host.data().exceptions.header_bytes();
    let exports = host.data().exports()?;
    let start = exports.malloc.call(host, bytes.wrapping_add(header))?;
    Ok(start.wrapping_add(header))
}

pub(crate) fn free(host: &mut Host, object: i32) -> Result<()> {
    let start = object.wrapping_sub(host.data().exceptions.header_bytes());
    let exports = host.data().exports()?;
    exports.free.call(host, start)
}

/// What `__cxa_throw` records before the guest unwinds.
pub(crate) fn throw(host: &mut Host, object: i32, type_id: i32, destructor: i32) -> Result<()> {
    match host.data().exceptions.model {
        Model::Map { .. } => map::insert(host, object, type_id, destructor)?,
        Model::Header => header::write(host, object, type_id, destructor)?,
    }
    let state = &mut host.data_mut().exceptions;
    state.last = object;
    state.uncaught = state.uncaught.wrapping_add(1);
    Ok(())
}

/// What `__cxa_rethrow` records; gives the object to throw.
pub(crate) fn rethrow(host: &mut Host) -> Result<i32> {
    let object = match host.data().exceptions.model {
        Model::Map { .. } => map::rethrow(host)?,
        Model::Header => header::rethrow(host)?,
    };
    host.data_mut().exceptions.last = object;
    Ok(object)
}

/// What `__resumeException` records: cleanup code is done, unwinding goes on.
pub(crate) fn resume(host: &mut Host, object: i32) {
    let state = &mut host.data_mut().exceptions;
    if state.last == 0 {
        state.last = object;
    }
}

/// Gives the pointer the `catch` clause sees.
pub(crate) fn begin_catch(host: &mut Host, object: i32) -> Result<i32> {
    match host.data().exceptions.model {
        Model::Map { .. } => Ok(map::begin_catch(host, object)),
        Model::Header => header::begin_catch(host, object),
    }
}

pub(crate) fn end_catch(host: &mut Host) -> Result<()> {
    let exports = host.data().exports()?;
    exports.set_threw.call(&mut *host, (0, 0))?;
    let Some(object) = host.data_mut().exceptions.caught.pop() else {
        return Ok(());
    };
    let finished = match host.data().exceptions.model {
        Model::Map { .. } => map::release(host, object)?,
        Model::Header => header::release(host, object)?,
    };
    if let Some((object, destructor)) = finished {
        if destructor != 0 {
            call_destructor(host, destructor, object)?;
        }
        free(host, object)?;
    }
    host.data_mut().exceptions.last = 0;
    Ok(())
}

pub(crate) fn uncaught(host: &Host) -> i32 {
    host.data().exceptions.uncaught
}

/// Which of the `types` of a landing pad takes the exception in flight. The type goes into tempRet0.
pub(crate) fn find_matching_catch(host: &mut Host, types: &[i32]) -> Result<i32> {
    let thrown = host.data().exceptions.last;
    if thrown == 0 {
        set_temp_ret0(host, 0)?;
        return Ok(0);
    }
    let (pointer, type_id) = match host.data().exceptions.model {
        Model::Map { scratch } => map::find_match(host, thrown, types, scratch)?,
        Model::Header => header::find_match(host, thrown, types)?,
    };
    set_temp_ret0(host, type_id)?;
    Ok(pointer)
}
