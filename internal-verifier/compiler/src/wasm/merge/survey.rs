//! What a module has, before anything is decided.

use std::collections::HashMap;

use wasmparser::{ExternalKind, FuncType, Parser, Payload, Result, TypeRef};

#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) types: Vec<FuncType>,
    pub(crate) imports: Vec<Imported>,
    /// The type of each function the module defines.
    pub(crate) functions: Vec<u32>,
    pub(crate) globals: u32,
    pub(crate) tables: u32,
    pub(crate) exports: HashMap<String, (ExternalKind, u32)>,
}

#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) name: String,
    pub(crate) ty: TypeRef,
}

impl Survey {
    /// Reads everything but the code.
    pub(crate) fn of(module: &[u8]) -> Result<Self> {
        let mut survey = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    survey.types = section.into_iter_err_on_gc_types().collect::<Result<_>>()?;
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let (name, ty) = (import.name.to_owned(), import.ty);
                        survey.imports.push(Imported { name, ty });
                    }
                }
                Payload::FunctionSection(section) => {
                    survey.functions = section.into_iter().collect::<Result<_>>()?;
                }
                Payload::TableSection(section) => survey.tables = section.count(),
                Payload::GlobalSection(section) => survey.globals = section.count(),
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        let what = (export.kind, export.index);
                        survey.exports.insert(export.name.to_owned(), what);
                    }
                }
                _ => {}
            }
        }
        Ok(survey)
    }

    pub(crate) fn function_type(&self, index: u32) -> Option<&FuncType> {
        self.types.get(usize::try_from(index).ok()?)
    }
}
