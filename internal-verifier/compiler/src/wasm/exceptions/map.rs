//! Up to 0.8.0: the facts about an exception lie in a map outside the guest.

use std::collections::HashMap;

use wasmtime::{Error, Result};

use crate::wasm::guest::{Host, read_i32, write_i32};

/// A guest that throws and never catches would fill the host's memory instead of its own.
const MAX_INFOS: usize = 1 << 20;

pub(super) type Infos = HashMap<i32, Info>;

#[derive(Debug)]
pub(super) struct Info {
    type_id: i32,
    destructor: i32,
    references: i32,
    caught: bool,
    rethrown: bool,
    /// Base-class pointers under which catch clauses know the object.
    adjusted: Vec<i32>,
}

pub(super) fn insert(host: &mut Host, object: i32, type_id: i32, destructor: i32) -> Result<()> {
    let info = Info {
        type_id,
        destructor,
        references: 0,
        caught: false,
        rethrown: false,
        adjusted: vec![object],
    };
    let map = &mut host.data_mut().exceptions.map;
    if map.len() >= MAX_INFOS {
        return Err(Error::msg("too many exceptions in flight"));
    }
    map.insert(object, info);
    Ok(())
}

pub(super) fn rethrow(host: &mut Host) -> Result<i32> {
    let state = &mut host.data_mut().exceptions;
    let popped = state.pop_caught()?;
    let object = original(&state.map, popped);
    let info = state.map.get_mut(&object).ok_or_else(unknown)?;
    if !info.rethrown {
        info.rethrown = true;
        state.caught.push(object);
    }
    Ok(object)
}

pub(super) fn begin_catch(host: &mut Host, pointer: i32) -> i32 {
    let state = &mut host.data_mut().exceptions;
    if let Some(info) = state.map.get_mut(&pointer) {
        if !info.caught {
            info.caught = true;
            state.uncaught = state.uncaught.wrapping_sub(1);
        }
        info.rethrown = false;
    }
    state.caught.push(pointer);
    let object = original(&state.map, pointer);
    if let Some(info) = state.map.get_mut(&object) {
        info.references = info.references.wrapping_add(1);
    }
    pointer
}

/// Gives the object and its destructor when nobody holds it any more.
pub(super) fn release(host: &mut Host, pointer: i32) -> Result<Option<(i32, i32)>> {
    let state = &mut host.data_mut().exceptions;
    let object = original(&state.map, pointer);
    let info = state.map.get_mut(&object).ok_or_else(unknown)?;
    info.references = info.references.wrapping_sub(1);
    if info.references != 0 || info.rethrown {
        return Ok(None);
    }
    let destructor = info.destructor;
    state.map.remove(&object);
    Ok(Some((object, destructor)))
}

pub(super) fn find_match(
    host: &mut Host,
    thrown: i32,
    types: &[i32],
    scratch: i32,
) -> Result<(i32, i32)> {
    let info = host.data().exceptions.map.get(&thrown);
    let thrown_type = info.map_or(0, |info| info.type_id);
    if thrown_type == 0 {
        return Ok((thrown, 0));
    }
    write_i32(host, scratch, thrown)?;
    let exports = host.data().exports()?;
    for &candidate in types.iter().filter(|&&ty| ty != 0) {
        if exports
            .can_catch
            .call(&mut *host, (candidate, thrown_type, scratch))?
            == 0
        {
            continue;
        }
        let adjusted = read_i32(host, scratch)?;
        let map = &mut host.data_mut().exceptions.map;
        let info = map.get_mut(&thrown).ok_or_else(unknown)?;
        // The same few pointers come again for every frame the object passes.
        if !info.adjusted.contains(&adjusted) {
            info.adjusted.push(adjusted);
        }
        return Ok((adjusted, candidate));
    }
    Ok((read_i32(host, scratch)?, thrown_type))
}

fn original(infos: &Infos, pointer: i32) -> i32 {
    if pointer == 0 || infos.contains_key(&pointer) {
        return pointer;
    }
    let known = infos
        .iter()
        .find(|(_, info)| info.adjusted.contains(&pointer));
    known.map_or(pointer, |(&object, _)| object)
}

fn unknown() -> Error {
    Error::msg("an exception nobody threw")
}
