//! What the JavaScript around a compiler says about its WebAssembly module.
//!
//! Emscripten minifies import and export names from 0.6.9 on; only the JavaScript knows what they
//! mean, and a few addresses besides. This finds a handful of phrases that emscripten writes; it does
//! not parse JavaScript.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::exceptions::Model;

/// Read once, when a release is taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Glue {
    /// Import name to emscripten's name.
    imports: HashMap<String, String>,
    /// C name to the name of the export.
    exports: HashMap<String, String>,
    pub(crate) exceptions: Model,
    pub(crate) heap_top: Option<HeapTop>,
    /// The function that calls an exception's destructor: `dynCall_vi` up to 0.6.9, `dynCall_ii` up to
    /// 0.8.0; none after that, the table serves.
    pub(crate) destructor: Option<String>,
}

/// Up to 0.8.0, JavaScript stores the start of the heap before the constructors run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeapTop {
    pub(crate) value: i32,
    pub(crate) address: i32,
}

/// What the constructors of C++ objects are called in [`Glue::export_name`].
pub(crate) const CONSTRUCTORS: &str = "constructors";

/// Exports without which nothing runs.
const NEEDED: [&str; 10] = [
    CONSTRUCTORS,
    "_solidity_compile",
    "_solidity_version",
    "_malloc",
    "_free",
    "stackSave",
    "stackRestore",
    "_setThrew",
    "___cxa_can_catch",
    "___cxa_is_pointer_type",
];

#[derive(Debug, thiserror::Error)]
pub(crate) enum GlueError {
    #[error("the JavaScript does not say where {0} is")]
    Missing(String),
    #[error("the JavaScript keeps exceptions in a map, but does not say {0}")]
    HalfAMap(&'static str),
    #[error("a pattern of ours is wrong")]
    Pattern(#[source] regex::Error),
}

impl Glue {
    /// # Errors
    ///
    /// When a name or an address that every release has is not found.
    pub(crate) fn read(javascript: &str) -> Result<Self, GlueError> {
        let patterns = PATTERNS
            .as_ref()
            .map_err(|error| GlueError::Pattern(error.clone()))?;
        let exports = patterns.exports(javascript);
        let missing = NEEDED
            .into_iter()
            .filter(|name| !exports.contains_key(*name));
        let missing = missing.collect::<Vec<_>>().join(", ");
        if !missing.is_empty() {
            return Err(GlueError::Missing(missing));
        }
        let destructor = first_group(&patterns.destructor, javascript).map(str::to_owned);
        let heap_top = patterns.heap_top(javascript);
        let exceptions = if javascript.contains("exception_infos") {
            if destructor.is_none() {
                return Err(GlueError::HalfAMap("how destructors are called"));
            }
            if heap_top.is_none() {
                return Err(GlueError::HalfAMap("where the heap begins"));
            }
            let scratch = first_group(&patterns.scratch, javascript)
                .and_then(|digits| digits.parse().ok())
                .ok_or(GlueError::HalfAMap("where four bytes are free"))?;
            Model::Map { scratch }
        } else {
            Model::Header
        };
        Ok(Self {
            imports: patterns.imports(javascript),
            exports,
            exceptions,
            heap_top,
            destructor,
        })
    }

    /// The readable name of an import, without the leading underscores that differ by generation.
    pub(crate) fn import_name<'a>(&'a self, minified: &'a str) -> &'a str {
        let name = self.imports.get(minified).map_or(minified, String::as_str);
        name.trim_start_matches('_')
    }

    /// The name under which the module exports what C calls `name`.
    pub(crate) fn export_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.exports.get(name).map_or(name, String::as_str)
    }
}

struct Patterns {
    imports: Regex,
    import: Regex,
    export: Regex,
    lazy_export: Regex,
    constructors: Regex,
    heap_top: Regex,
    scratch: Regex,
    destructor: Regex,
}

static PATTERNS: LazyLock<Result<Patterns, regex::Error>> = LazyLock::new(|| {
    Ok(Patterns {
        // The word boundary matters: fastcomp also has an `asm2wasmImports`.
        imports: Regex::new(r#"(?s)\b(?:asmLibraryArg|wasmImports)\s*=\s*\{(".*?|\s.*?)\}"#)?,
        import: Regex::new(r#""?([\w$]+)"?\s*:\s*([\w$.]+)"#)?,
        export: Regex::new(r#"Module\["([\w$]+)"\]\s*=\s*asm\["([^"]+)"\]"#)?,
        // A function that asks for the export when it is first called.
        lazy_export: Regex::new(
            r#"(?s)Module\["([\w$]+)"\]\s*=\s*\(?function\(\)\s*\{\s*return\s*\(?.{0,120}?Module\["asm"\]\["([^"]+)"\]"#,
        )?,
        constructors: Regex::new(r#"addOnInit\(Module\["asm"\]\["([^"]+)"\]\)"#)?,
        heap_top: Regex::new(r"DYNAMIC_?BASE\s*=\s*(\d+),\s*DYNAMICTOP_PTR\s*=\s*(\d+)")?,
        scratch: Regex::new(r"var buffer\s*=\s*(\d+);\s*HEAP32\[buffer")?,
        destructor: Regex::new(r#"Module\["(dynCall_\w+)"\]\(info\.destructor"#)?,
    })
});

impl Patterns {
    /// The object literal handed to the module: `asmLibraryArg = { "a": _name, … }`.
    fn imports(&self, javascript: &str) -> HashMap<String, String> {
        let literal = first_group(&self.imports, javascript).unwrap_or_default();
        pairs(&self.import, literal).collect()
    }

    fn exports(&self, javascript: &str) -> HashMap<String, String> {
        let mut exports: HashMap<String, String> = pairs(&self.export, javascript).collect();
        for (name, minified) in pairs(&self.lazy_export, javascript) {
            exports.entry(name).or_insert(minified);
        }
        let constructors = first_group(&self.constructors, javascript)
            .map(str::to_owned)
            .or_else(|| exports.get("___wasm_call_ctors").cloned())
            .or_else(|| exports.get("globalCtors").cloned());
        if let Some(minified) = constructors {
            exports.insert(CONSTRUCTORS.to_owned(), minified);
        }
        exports
    }

    fn heap_top(&self, javascript: &str) -> Option<HeapTop> {
        let groups = self.heap_top.captures(javascript)?;
        Some(HeapTop {
            value: groups.get(1)?.as_str().parse().ok()?,
            address: groups.get(2)?.as_str().parse().ok()?,
        })
    }
}

fn first_group<'a>(pattern: &Regex, text: &'a str) -> Option<&'a str> {
    Some(pattern.captures(text)?.get(1)?.as_str())
}

fn pairs<'a>(pattern: &'a Regex, text: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    pattern.captures_iter(text).filter_map(|groups| {
        let (key, value) = (groups.get(1)?, groups.get(2)?);
        Some((key.as_str().to_owned(), value.as_str().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small sources in the manner of the two generations, written for this test.
    fn eager() -> String {
        let exports: String = NEEDED
            .iter()
            .skip(1)
            .enumerate()
            .map(|(k, name)| format!(r#"var f{k}=Module["{name}"]=asm["m{k}"];"#))
            .collect();
        format!(
            "var asm2wasmImports={{\"f64-rem\":1}};var asmLibraryArg={{\"a\":___cxa_throw,\"b\":_abort}};\
             {exports}Module[\"globalCtors\"]=asm[\"ctors\"];DYNAMIC_BASE=5000,DYNAMICTOP_PTR=800;\
             exception_infos;var buffer=1234;HEAP32[buffer>>2]=0;Module[\"dynCall_vi\"](info.destructor,p)"
        )
    }

    fn lazy() -> String {
        let exports: String = NEEDED
            .iter()
            .skip(1)
            .enumerate()
            .map(|(k, name)| {
                format!(
                    "var f{k} = Module[\"{name}\"] = function() {{\n return (f{k} = Module[\"{name}\"] \
                     = Module[\"asm\"][\"m{k}\"]).apply(null, arguments);\n}};\n"
                )
            })
            .collect();
        format!(
            "var asmLibraryArg = {{\n \"x\": ___cxa_throw\n}};\naddOnInit(Module[\"asm\"][\"ctors\"]);\n{exports}"
        )
    }

    #[test]
    fn old_glue_is_read() {
        let glue = Glue::read(&eager()).unwrap();
        assert_eq!(glue.import_name("a"), "cxa_throw");
        assert_eq!(glue.import_name("other"), "other");
        assert_eq!(glue.export_name("_solidity_compile"), "m0");
        assert_eq!(glue.export_name(CONSTRUCTORS), "ctors");
        assert_eq!(glue.exceptions, Model::Map { scratch: 1234 });
        assert_eq!(glue.destructor.as_deref(), Some("dynCall_vi"));
        let (value, address) = (5000, 800);
        assert_eq!(glue.heap_top, Some(HeapTop { value, address }));
    }

    #[test]
    fn new_glue_is_read() {
        let glue = Glue::read(&lazy()).unwrap();
        assert_eq!(glue.import_name("x"), "cxa_throw");
        assert_eq!(glue.export_name("___cxa_is_pointer_type"), "m8");
        assert_eq!(glue.exceptions, Model::Header);
        assert_eq!(glue.destructor, None);
        assert_eq!(glue.heap_top, None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Glue::read(&lazy().replace("_malloc", "_else")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the JavaScript does not say where _malloc is"
        );
        let error = Glue::read(&eager().replace("var buffer", "var other")).unwrap_err();
        assert!(matches!(error, GlueError::HalfAMap(_)), "{error}");
        assert!(Glue::read("").is_err());
    }
}
