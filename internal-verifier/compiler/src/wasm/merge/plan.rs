//! Decides what is added to a compiler's module, and where everything goes.
//!
//! Functions are numbered anew: first the imports that stay, then the host's three bookkeeping
//! functions, then the compiler's own functions, last the ones we add. Imports that we replace point
//! to what we add.

use wasm_encoder as encode;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ConstExpr, ExportKind, Function, ValType};
use wasmparser::{ExternalKind, FuncType, TypeRef};

use super::survey::Survey;
use crate::wasm::exceptions::Model;
use crate::wasm::glue::{CONSTRUCTORS, Glue, HeapTop};
use crate::wasm::invoke::{self, Helpers, Signature, Target};
use crate::wasm::{imports, names};

#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("nobody knows the import `{0}`")]
    UnknownImport(String),
    #[error("there is no export `{0}`")]
    NoExport(String),
    #[error("`{0}` has an unknown signature")]
    Signature(String),
    #[error("the module has {0} tables instead of one")]
    Tables(u32),
    #[error("the type section ends before type {0}")]
    NoType(u32),
    #[error("a type can't be written anew: {0}")]
    Type(String),
    #[error("the module has more than 4 billion functions")]
    TooMany,
}

/// What the host is asked by the functions we add, in the order of their indices.
const BOOKS: [(&str, usize, Option<ValType>); 3] = [
    ("throw_prep", 3, None),
    ("resume_prep", 1, None),
    ("rethrow_prep", 0, Some(ValType::I32)),
];

/// Our name and C's name of what must be found again when the module runs.
const FUNCTIONS: [(&str, &str); 11] = [
    (names::CONSTRUCTORS, CONSTRUCTORS),
    (names::COMPILE, "_solidity_compile"),
    (names::VERSION, "_solidity_version"),
    (names::MALLOC, "_malloc"),
    (names::FREE, "_free"),
    (names::CAN_CATCH, "___cxa_can_catch"),
    (names::IS_POINTER_TYPE, "___cxa_is_pointer_type"),
    (names::SET_THREW, "_setThrew"),
    (names::STACK_SAVE, "stackSave"),
    (names::STACK_RESTORE, "stackRestore"),
    // Last, because releases from 0.8.2 on have none.
    (names::DESTRUCTOR_CALL, ""),
];

/// Everything that changes in a module.
pub(crate) struct Plan {
    pub(crate) imports: Vec<(String, u32)>,
    pub(crate) added_types: Vec<AddedType>,
    pub(crate) added_functions: Vec<Added>,
    pub(crate) tables: Vec<encode::TableType>,
    pub(crate) memories: Vec<encode::MemoryType>,
    /// Imported globals that become constants; they keep their indices.
    pub(crate) constants: Vec<(encode::GlobalType, ConstExpr)>,
    pub(crate) added_globals: Vec<(encode::GlobalType, ConstExpr)>,
    pub(crate) exports: Vec<(&'static str, ExportKind, u32)>,
    pub(crate) heap_top: Option<HeapTop>,
    pub(crate) tag_type: u32,
    first_type: u32,
    first_global: u32,
    /// New index of each function import.
    of_import: Vec<u32>,
    /// How many functions stand before the compiler's own.
    before_own: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddedType {
    pub(crate) params: Vec<ValType>,
    pub(crate) results: Vec<ValType>,
}

pub(crate) struct Added {
    pub(crate) ty: u32,
    pub(crate) body: Function,
}

impl Plan {
    pub(crate) fn of(survey: &Survey, glue: &Glue) -> Result<Self, PlanError> {
        let mut plan = Self {
            imports: Vec::new(),
            added_types: Vec::new(),
            added_functions: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            constants: Vec::new(),
            added_globals: Vec::new(),
            exports: Vec::new(),
            heap_top: glue.heap_top,
            tag_type: 0,
            first_type: index(survey.types.len())?,
            first_global: 0,
            of_import: Vec::new(),
            before_own: 0,
        };
        plan.tag_type = plan.type_index(vec![ValType::I32], vec![])?;
        plan.take_imports(survey, glue)?;
        plan.export_functions(survey, glue)?;
        plan.add_functions(survey, glue)?;
        plan.export_the_rest(glue);
        Ok(plan)
    }

    /// The new index of a function.
    pub(crate) fn function_index(&self, old: u32) -> Result<u32, PlanError> {
        let imported = index(self.of_import.len())?;
        match old.checked_sub(imported) {
            Some(own) => own.checked_add(self.before_own).ok_or(PlanError::TooMany),
            None => usize::try_from(old)
                .ok()
                .and_then(|old| self.of_import.get(old).copied())
                .ok_or(PlanError::TooMany),
        }
    }

    /// Memory, table and constants become the module's own; functions stay, or are replaced.
    fn take_imports(&mut self, survey: &Survey, glue: &Glue) -> Result<(), PlanError> {
        let mut replaced = 0_usize;
        for import in &survey.imports {
            match import.ty {
                TypeRef::Func(ty) => {
                    let name = glue.import_name(&import.name);
                    if is_replaced(name) {
                        // The place is known once all imports are counted.
                        self.of_import.push(u32::MAX);
                        replaced = replaced.saturating_add(1);
                    } else if imports::find(name).is_some() || name == imports::EXP2 {
                        self.of_import.push(index(self.imports.len())?);
                        self.imports.push((name.to_owned(), ty));
                    } else {
                        return Err(PlanError::UnknownImport(name.to_owned()));
                    }
                }
                TypeRef::Table(ty) => self
                    .tables
                    .push(written(RoundtripReencoder.table_type(ty))?),
                TypeRef::Memory(ty) => {
                    self.memories
                        .push(written(RoundtripReencoder.memory_type(ty))?);
                }
                TypeRef::Global(ty) => {
                    let ty = written(RoundtripReencoder.global_type(ty))?;
                    self.constants
                        .push((ty, constant(&import.name, ty.val_type)));
                }
                _ => return Err(PlanError::UnknownImport(import.name.clone())),
            }
        }
        let tables = index(self.tables.len())?.saturating_add(survey.tables);
        if tables != 1 {
            return Err(PlanError::Tables(tables));
        }
        for (name, params, result) in BOOKS {
            let ty = self.type_index(vec![ValType::I32; params], result.into_iter().collect())?;
            self.imports.push((name.to_owned(), ty));
        }
        self.before_own = index(self.imports.len())?;
        let own = index(survey.functions.len())?;
        let mut next = self.before_own.checked_add(own).ok_or(PlanError::TooMany)?;
        for place in self
            .of_import
            .iter_mut()
            .filter(|place| **place == u32::MAX)
        {
            *place = next;
            next = next.checked_add(1).ok_or(PlanError::TooMany)?;
        }
        self.first_global = index(self.constants.len())?.saturating_add(survey.globals);
        Ok(())
    }

    fn export_functions(&mut self, survey: &Survey, glue: &Glue) -> Result<(), PlanError> {
        for (ours, c_name) in FUNCTIONS {
            let c_name = match ours {
                names::DESTRUCTOR_CALL => glue.destructor.as_deref(),
                _ => Some(c_name),
            };
            let Some(c_name) = c_name else { continue };
            let function = self.own_function(survey, glue.export_name(c_name))?;
            self.exports.push((ours, ExportKind::Func, function));
        }
        Ok(())
    }

    /// The new index of an exported function.
    fn own_function(&self, survey: &Survey, export: &str) -> Result<u32, PlanError> {
        match survey.exports.get(export) {
            Some((ExternalKind::Func, old)) => self.function_index(*old),
            _ => Err(PlanError::NoExport(export.to_owned())),
        }
    }

    fn add_functions(&mut self, survey: &Survey, glue: &Glue) -> Result<(), PlanError> {
        let helpers = Helpers {
            stack_save: self.own_function(survey, glue.export_name("stackSave"))?,
            stack_restore: self.own_function(survey, glue.export_name("stackRestore"))?,
            set_threw: self.own_function(survey, glue.export_name("_setThrew"))?,
            temp_ret0: self.first_global,
        };
        let books = self.before_own.saturating_sub(index(BOOKS.len())?);
        for import in &survey.imports {
            let TypeRef::Func(ty) = import.ty else {
                continue;
            };
            let name = glue.import_name(&import.name);
            let body = match name {
                "cxa_throw" => invoke::throw(books),
                "resumeException" => invoke::resume(books.saturating_add(1)),
                "cxa_rethrow" => invoke::rethrow(books.saturating_add(2)),
                "getTempRet0" => invoke::get_global(helpers.temp_ret0),
                "setTempRet0" => invoke::set_global(helpers.temp_ret0),
                _ => match name.strip_prefix("invoke_") {
                    Some(letters) => self.invoke(survey, glue, letters, ty, helpers)?,
                    None => continue,
                },
            };
            self.added_functions.push(Added { ty, body });
        }
        Ok(())
    }

    fn invoke(
        &mut self,
        survey: &Survey,
        glue: &Glue,
        letters: &str,
        ty: u32,
        helpers: Helpers,
    ) -> Result<Function, PlanError> {
        let unknown = || PlanError::Signature(format!("invoke_{letters}"));
        let outer = survey.function_type(ty).ok_or(PlanError::NoType(ty))?;
        let signature = Signature::parse(letters).ok_or_else(unknown)?;
        let dyn_call = glue.export_name(&format!("dynCall_{letters}")).to_owned();
        // Where the module has its own table, entries have their true types.
        let target = if !self.tables.is_empty() && survey.exports.contains_key(&dyn_call) {
            let inner = self.exported_type(survey, &dyn_call).ok_or_else(unknown)?;
            let params = written_all(inner.params())?;
            Target::DynCall {
                function: self.own_function(survey, &dyn_call)?,
                params,
            }
        } else {
            let results = signature.result.into_iter().collect();
            let function_type = self.type_index(signature.params.clone(), results)?;
            Target::Table { function_type }
        };
        let params = written_all(outer.params())?;
        let result = written_all(outer.results())?.first().copied();
        Ok(invoke::body(&params, result, &signature, &target, helpers))
    }

    fn exported_type<'a>(&self, survey: &'a Survey, export: &str) -> Option<&'a FuncType> {
        let (_, old) = survey.exports.get(export)?;
        let own = usize::try_from(*old)
            .ok()?
            .checked_sub(self.of_import.len())?;
        survey.function_type(*survey.functions.get(own)?)
    }

    fn export_the_rest(&mut self, glue: &Glue) {
        let cell = |mutable| encode::GlobalType {
            val_type: ValType::I32,
            mutable,
            shared: false,
        };
        self.added_globals
            .push((cell(true), ConstExpr::i32_const(0)));
        self.exports
            .push((names::TEMP_RET0, ExportKind::Global, self.first_global));
        if let Model::Map { scratch } = glue.exceptions {
            let scratch = ConstExpr::i32_const(scratch);
            self.added_globals.push((cell(false), scratch));
            let global = self.first_global.saturating_add(1);
            self.exports
                .push((names::EXCEPTION_SCRATCH, ExportKind::Global, global));
        }
        self.exports.push((names::MEMORY, ExportKind::Memory, 0));
        self.exports.push((names::TABLE, ExportKind::Table, 0));
    }

    fn type_index(
        &mut self,
        params: Vec<ValType>,
        results: Vec<ValType>,
    ) -> Result<u32, PlanError> {
        let ty = AddedType { params, results };
        let at = match self.added_types.iter().position(|known| *known == ty) {
            Some(at) => at,
            None => {
                self.added_types.push(ty);
                self.added_types.len().saturating_sub(1)
            }
        };
        index(at)?
            .checked_add(self.first_type)
            .ok_or(PlanError::TooMany)
    }
}

/// Imports that [`invoke`] gives a body.
fn is_replaced(name: &str) -> bool {
    const NAMES: [&str; 5] = [
        "cxa_throw",
        "resumeException",
        "cxa_rethrow",
        "getTempRet0",
        "setTempRet0",
    ];
    name.starts_with("invoke_") || NAMES.contains(&name)
}

/// fastcomp imports the table base, and NaN and Infinity as doubles.
fn constant(name: &str, ty: ValType) -> ConstExpr {
    match ty {
        ValType::F64 if name == "NaN" => ConstExpr::f64_const(f64::NAN.into()),
        ValType::F64 => ConstExpr::f64_const(f64::INFINITY.into()),
        _ => ConstExpr::i32_const(0),
    }
}

fn index(length: usize) -> Result<u32, PlanError> {
    u32::try_from(length).map_err(|_too_many| PlanError::TooMany)
}

fn written_all(types: &[wasmparser::ValType]) -> Result<Vec<ValType>, PlanError> {
    types
        .iter()
        .map(|ty| written(RoundtripReencoder.val_type(*ty)))
        .collect()
}

fn written<T>(result: Result<T, wasm_encoder::reencode::Error>) -> Result<T, PlanError> {
    result.map_err(|error| PlanError::Type(error.to_string()))
}
