//! From 0.8.2: the facts about an exception lie in guest memory, below the object.
//!
//! Addresses come from the guest, which may be hostile: sums wrap, and every access is checked.

use wasmtime::Result;

use super::HEADER_BYTES;
use crate::wasm::guest::{Host, read_i32, read_u8, write_i32, write_u8};

const REFERENCES: i32 = 0;
const TYPE: i32 = 4;
const DESTRUCTOR: i32 = 8;
const CAUGHT: i32 = 12;
const RETHROWN: i32 = 13;
const ADJUSTED: i32 = 16;

fn field(object: i32, offset: i32) -> i32 {
    object.wrapping_sub(HEADER_BYTES).wrapping_add(offset)
}

pub(super) fn write(host: &mut Host, object: i32, type_id: i32, destructor: i32) -> Result<()> {
    write_i32(host, field(object, REFERENCES), 0)?;
    write_i32(host, field(object, TYPE), type_id)?;
    write_i32(host, field(object, DESTRUCTOR), destructor)?;
    write_u8(host, field(object, CAUGHT), 0)?;
    write_u8(host, field(object, RETHROWN), 0)?;
    write_i32(host, field(object, ADJUSTED), 0)
}

pub(super) fn rethrow(host: &mut Host) -> Result<i32> {
    let object = host.data_mut().exceptions.pop_caught()?;
    if read_u8(host, field(object, RETHROWN))? == 0 {
        write_u8(host, field(object, RETHROWN), 1)?;
        write_u8(host, field(object, CAUGHT), 0)?;
        let state = &mut host.data_mut().exceptions;
        state.caught.push(object);
        state.uncaught = state.uncaught.wrapping_add(1);
    }
    Ok(object)
}

pub(super) fn begin_catch(host: &mut Host, object: i32) -> Result<i32> {
    if read_u8(host, field(object, CAUGHT))? == 0 {
        write_u8(host, field(object, CAUGHT), 1)?;
        let state = &mut host.data_mut().exceptions;
        state.uncaught = state.uncaught.wrapping_sub(1);
    }
    write_u8(host, field(object, RETHROWN), 0)?;
    host.data_mut().exceptions.caught.push(object);
    let references = read_i32(host, field(object, REFERENCES))?;
    write_i32(host, field(object, REFERENCES), references.wrapping_add(1))?;

    let type_id = read_i32(host, field(object, TYPE))?;
    let exports = host.data().exports()?;
    if exports.is_pointer_type.call(&mut *host, type_id)? != 0 {
        return read_i32(host, object);
    }
    let adjusted = read_i32(host, field(object, ADJUSTED))?;
    Ok(if adjusted == 0 { object } else { adjusted })
}

/// Gives the object and its destructor when nobody holds it any more.
pub(super) fn release(host: &mut Host, object: i32) -> Result<Option<(i32, i32)>> {
    let references = read_i32(host, field(object, REFERENCES))?.wrapping_sub(1);
    write_i32(host, field(object, REFERENCES), references)?;
    if references != 0 || read_u8(host, field(object, RETHROWN))? != 0 {
        return Ok(None);
    }
    Ok(Some((object, read_i32(host, field(object, DESTRUCTOR))?)))
}

pub(super) fn find_match(host: &mut Host, thrown: i32, types: &[i32]) -> Result<(i32, i32)> {
    let adjusted = field(thrown, ADJUSTED);
    write_i32(host, adjusted, thrown)?;
    let thrown_type = read_i32(host, field(thrown, TYPE))?;
    if thrown_type == 0 {
        return Ok((thrown, 0));
    }
    let exports = host.data().exports()?;
    for &candidate in types {
        if candidate == 0 || candidate == thrown_type {
            break;
        }
        if exports
            .can_catch
            .call(&mut *host, (candidate, thrown_type, adjusted))?
            != 0
        {
            return Ok((thrown, candidate));
        }
    }
    Ok((thrown, thrown_type))
}
