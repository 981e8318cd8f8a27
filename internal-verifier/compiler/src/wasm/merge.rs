//! Rewrites a compiler's module, once, so that it can be run with few and simple means.
//!
//! * The functions that unwind C++ exceptions ([`super::invoke`]) become part of the module. As a
//!   second module they would need a table shared with the compiler, and filling it took 5 to 11 ms
//!   of every start (44,000 entries).
//! * The memory, table and constants that older releases import become the module's own. wasmtime
//!   then prepares both ahead of time: memory is mapped from the file, table entries are made when
//!   they are first used.
//! * Imports and exports get readable names, so that nothing has to be known about a release when it
//!   runs.
//!
//! No instruction of the compiler changes except for the numbers of functions.

mod plan;
mod survey;

use wasm_encoder as encode;
use wasm_encoder::reencode::{self, Reencode, utils};
use wasmparser::Operator;

use crate::wasm::glue::Glue;
use plan::Plan;
use survey::Survey;

pub(crate) use plan::PlanError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum MergeError {
    #[error("the module can't be read")]
    Read(#[source] wasmparser::Error),
    #[error("the module is not of the form we know")]
    Plan(#[from] PlanError),
    #[error("the module can't be written anew: {0}")]
    Write(String),
}

/// Gives the module that is compiled ahead of time.
pub(crate) fn merge(module: &[u8], glue: &Glue) -> Result<Vec<u8>, MergeError> {
    let survey = Survey::of(module).map_err(MergeError::Read)?;
    let plan = Plan::of(&survey, glue)?;
    let mut merged = encode::Module::new();
    let mut merger = Merger {
        plan,
        written: Vec::new(),
    };
    merger
        .parse_core_module(&mut merged, wasmparser::Parser::new(0), module)
        .map_err(|error| MergeError::Write(error.to_string()))?;
    Ok(merged.finish())
}

/// Sections to which the plan adds something, in the order in which modules have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Table,
    Memory,
    Tag,
    Global,
}

struct Merger {
    plan: Plan,
    written: Vec<Section>,
}

type Error = reencode::Error<PlanError>;

impl Merger {
    /// Marks a section as written; false if it was before.
    fn first_time(&mut self, section: Section) -> bool {
        let first = !self.written.contains(&section);
        self.written.push(section);
        first
    }

    fn tables(&self) -> encode::TableSection {
        let mut tables = encode::TableSection::new();
        for table in &self.plan.tables {
            tables.table(*table);
        }
        tables
    }

    fn memories(&self) -> encode::MemorySection {
        let mut memories = encode::MemorySection::new();
        for memory in &self.plan.memories {
            memories.memory(*memory);
        }
        memories
    }

    fn tags(&self) -> encode::TagSection {
        let mut tags = encode::TagSection::new();
        tags.tag(encode::TagType {
            kind: encode::TagKind::Exception,
            func_type_idx: self.plan.tag_type,
        });
        tags
    }

    /// Imported constants keep their indices by standing first.
    fn first_globals(&self) -> encode::GlobalSection {
        let mut globals = encode::GlobalSection::new();
        for (ty, value) in &self.plan.constants {
            globals.global(*ty, value);
        }
        globals
    }

    fn add_last_globals(&self, globals: &mut encode::GlobalSection) {
        for (ty, value) in &self.plan.added_globals {
            globals.global(*ty, value);
        }
    }

    /// A section that the module does not have, but that we need.
    fn insert(&mut self, section: Section, module: &mut encode::Module) {
        if !self.first_time(section) {
            return;
        }
        match section {
            Section::Table if !self.plan.tables.is_empty() => _ = module.section(&self.tables()),
            Section::Memory if !self.plan.memories.is_empty() => {
                _ = module.section(&self.memories());
            }
            Section::Table | Section::Memory => {}
            Section::Tag => _ = module.section(&self.tags()),
            Section::Global => {
                let mut globals = self.first_globals();
                self.add_last_globals(&mut globals);
                module.section(&globals);
            }
        }
    }
}

/// Which of our sections must stand before this one.
fn sections_before(next: Option<encode::SectionId>) -> &'static [Section] {
    use encode::SectionId as Id;
    match next {
        Some(Id::Custom | Id::Type | Id::Import | Id::Function | Id::Table) => &[],
        Some(Id::Memory) => &[Section::Table],
        Some(Id::Tag) => &[Section::Table, Section::Memory],
        Some(Id::Global) => &[Section::Table, Section::Memory, Section::Tag],
        _ => &[
            Section::Table,
            Section::Memory,
            Section::Tag,
            Section::Global,
        ],
    }
}

impl Reencode for Merger {
    type Error = PlanError;

    fn function_index(&mut self, old: u32) -> Result<u32, Error> {
        self.plan
            .function_index(old)
            .map_err(reencode::Error::UserError)
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut encode::Module,
        _after: Option<encode::SectionId>,
        before: Option<encode::SectionId>,
    ) -> Result<(), Error> {
        for section in sections_before(before) {
            self.insert(*section, module);
        }
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        _module: &mut encode::Module,
        _section: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), Error> {
        // Names and producers: nobody asks for them.
        Ok(())
    }

    fn parse_type_section(
        &mut self,
        types: &mut encode::TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_type_section(self, types, section)?;
        for ty in &self.plan.added_types {
            types
                .ty()
                .function(ty.params.iter().copied(), ty.results.iter().copied());
        }
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut encode::ImportSection,
        _section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        for (name, ty) in &self.plan.imports {
            imports.import("host", name, encode::EntityType::Function(*ty));
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut encode::FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_section(self, functions, section)?;
        for added in &self.plan.added_functions {
            functions.function(added.ty);
        }
        Ok(())
    }

    fn parse_table_section(
        &mut self,
        tables: &mut encode::TableSection,
        section: wasmparser::TableSectionReader<'_>,
    ) -> Result<(), Error> {
        self.first_time(Section::Table);
        *tables = self.tables();
        utils::parse_table_section(self, tables, section)
    }

    fn parse_memory_section(
        &mut self,
        memories: &mut encode::MemorySection,
        section: wasmparser::MemorySectionReader<'_>,
    ) -> Result<(), Error> {
        self.first_time(Section::Memory);
        *memories = self.memories();
        utils::parse_memory_section(self, memories, section)
    }

    fn parse_global_section(
        &mut self,
        globals: &mut encode::GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        self.first_time(Section::Global);
        *globals = self.first_globals();
        utils::parse_global_section(self, globals, section)?;
        self.add_last_globals(globals);
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut encode::ExportSection,
        _section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error> {
        for (name, kind, index) in &self.plan.exports {
            exports.export(name, *kind, *index);
        }
        Ok(())
    }

    /// Segments begin at imported constants in fastcomp's modules; as numbers, wasmtime lays them out
    /// ahead of time.
    fn const_expr(
        &mut self,
        expression: wasmparser::ConstExpr<'_>,
    ) -> Result<encode::ConstExpr, Error> {
        if let Operator::GlobalGet { global_index } = expression.get_operators_reader().read()? {
            let constant = usize::try_from(global_index).ok();
            if let Some((_, value)) = constant.and_then(|index| self.plan.constants.get(index)) {
                return Ok(value.clone());
            }
        }
        utils::const_expr(self, expression)
    }

    fn parse_code_section(
        &mut self,
        code: &mut encode::CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_code_section(self, code, section)?;
        for added in &self.plan.added_functions {
            code.function(&added.body);
        }
        Ok(())
    }

    fn data_count(&mut self, count: u32) -> Result<u32, Error> {
        Ok(count.saturating_add(u32::from(self.plan.heap_top.is_some())))
    }

    fn parse_data_section(
        &mut self,
        data: &mut encode::DataSection,
        section: wasmparser::DataSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_data_section(self, data, section)?;
        if let Some(top) = self.plan.heap_top {
            let address = encode::ConstExpr::i32_const(top.address);
            data.active(0, &address, top.value.to_le_bytes());
        }
        Ok(())
    }
}
