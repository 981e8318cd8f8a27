//! Function bodies that unwind C++ exceptions inside the guest.
//!
//! In every soljson an `invoke_<signature>(index, …)` import stands for "call that table entry; if it
//! throws, restore the stack and call `setThrew(1, 0)`", done in JavaScript with `try` and `catch`. As
//! functions of the host these make 48.7 million round trips for a project of 50 files and 7.3 s of
//! CPU. As WebAssembly with `try_table` they never leave compiled code.

use wasm_encoder::{BlockType, Catch, Function, InstructionSink, ValType};

/// Index of the only tag, of the type `(i32) -> ()`.
pub(crate) const TAG: u32 = 0;

/// Indices of guest functions that every `invoke_*` calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Helpers {
    pub(crate) stack_save: u32,
    pub(crate) stack_restore: u32,
    pub(crate) set_threw: u32,
    /// The global that holds the second half of a 64-bit result.
    pub(crate) temp_ret0: u32,
}

/// How an `invoke_*` reaches the function it is asked to call.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// Through the table, as the function type of this index.
    Table { function_type: u32 },
    /// Through an exported function that takes the same arguments: fastcomp counts table indices per
    /// signature, so only `dynCall_<signature>` knows the entry.
    DynCall { function: u32, params: Vec<ValType> },
}

/// `invoke_jii`: the result first, then the parameters without the table index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) result: Option<ValType>,
    pub(crate) params: Vec<ValType>,
}

impl Signature {
    /// `None` for a letter that no soljson uses.
    pub(crate) fn parse(letters: &str) -> Option<Self> {
        let mut types = letters.chars().map(|letter| match letter {
            'v' => Some(None),
            'i' => Some(Some(ValType::I32)),
            'j' => Some(Some(ValType::I64)),
            'f' => Some(Some(ValType::F32)),
            'd' => Some(Some(ValType::F64)),
            _ => None,
        });
        let result = types.next()??;
        let params = types.collect::<Option<Vec<Option<ValType>>>>()?;
        // `v` stands for "none" and has a meaning in the first place only.
        let params = params.into_iter().flatten().collect();
        Some(Self { result, params })
    }
}

/// A 64-bit argument arrives as two halves, a 64-bit result leaves as one half and `tempRet0`;
/// fastcomp also passes floats as doubles, both ways.
pub(crate) fn body(
    outer_params: &[ValType],
    outer_result: Option<ValType>,
    signature: &Signature,
    target: &Target,
    helpers: Helpers,
) -> Function {
    // Locals follow the parameters: the saved stack pointer, and a 64-bit result.
    let stack = u32::try_from(outer_params.len()).unwrap_or(u32::MAX);
    let wide = stack.saturating_add(1);
    let mut function = Function::new([(1, ValType::I32), (1, ValType::I64)]);
    let mut code = function.instructions();
    code.call(helpers.stack_save).local_set(stack);
    code.block(BlockType::Result(ValType::I32));
    let catch = Catch::One { tag: TAG, label: 0 };
    code.try_table(BlockType::Empty, [catch]);
    match target {
        Target::DynCall { function, params } => {
            for (local, (outer, inner)) in (0_u32..).zip(outer_params.iter().zip(params)) {
                code.local_get(local);
                if (outer, inner) == (&ValType::F64, &ValType::F32) {
                    code.f32_demote_f64();
                }
            }
            code.call(*function);
        }
        Target::Table { function_type } => {
            push_arguments(&mut code, &signature.params);
            code.local_get(0).call_indirect(0, *function_type);
            if signature.result == Some(ValType::I64) {
                code.local_tee(wide)
                    .i64_const(32)
                    .i64_shr_u()
                    .i32_wrap_i64();
                code.global_set(helpers.temp_ret0);
                code.local_get(wide).i32_wrap_i64();
            }
        }
    }
    if signature.result == Some(ValType::F32) && outer_result == Some(ValType::F64) {
        code.f64_promote_f32();
    }
    code.return_().end().unreachable().end().drop();
    // Caught. What was thrown is in the host's books; only the fact of it counts here.
    code.local_get(stack).call(helpers.stack_restore);
    code.i32_const(1).i32_const(0).call(helpers.set_threw);
    push_zero(&mut code, outer_result);
    code.end();
    function
}

fn push_arguments(code: &mut InstructionSink, params: &[ValType]) {
    let mut local = 1_u32;
    for param in params {
        code.local_get(local);
        local = local.saturating_add(1);
        if *param == ValType::I64 {
            code.i64_extend_i32_u().local_get(local).i64_extend_i32_u();
            code.i64_const(32).i64_shl().i64_or();
            local = local.saturating_add(1);
        }
    }
}

fn push_zero(code: &mut InstructionSink, ty: Option<ValType>) {
    match ty {
        Some(ValType::F64) => _ = code.f64_const(0.0.into()),
        Some(ValType::F32) => _ = code.f32_const(0.0.into()),
        Some(ValType::I64) => _ = code.i64_const(0),
        Some(_) => _ = code.i32_const(0),
        None => {}
    }
}

/// `cxa_throw(object, type, destructor)`: the host writes its books, then the guest unwinds.
pub(crate) fn throw(books: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    code.local_get(0).local_get(1).local_get(2).call(books);
    code.local_get(0).throw(TAG).end();
    function
}

/// `resumeException(object)`: cleanup code is done, unwinding goes on.
pub(crate) fn resume(books: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    code.local_get(0).call(books).local_get(0).throw(TAG).end();
    function
}

/// `cxa_rethrow()`: the host says which object.
pub(crate) fn rethrow(books: u32) -> Function {
    let mut function = Function::new([]);
    function.instructions().call(books).throw(TAG).end();
    function
}

pub(crate) fn get_global(global: u32) -> Function {
    let mut function = Function::new([]);
    function.instructions().global_get(global).end();
    function
}

pub(crate) fn set_global(global: u32) -> Function {
    let mut function = Function::new([]);
    function
        .instructions()
        .local_get(0)
        .global_set(global)
        .end();
    function
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read() {
        let parse = |letters| Signature::parse(letters).map(|s| (s.result, s.params));
        assert_eq!(parse("v"), Some((None, vec![])));
        assert_eq!(
            parse("jii"),
            Some((Some(ValType::I64), vec![ValType::I32, ValType::I32]))
        );
        assert_eq!(parse("vd"), Some((None, vec![ValType::F64])));
        assert_eq!(parse(""), None);
        assert_eq!(parse("vx"), None);
    }
}
