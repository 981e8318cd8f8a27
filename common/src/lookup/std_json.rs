//! The compiler's input and output, put together again from what is stored of them.

use serde_json::{Map, Value, json};

use super::document::Loaded;

/// `{language, sources, settings}`.
pub(super) fn input(loaded: &Loaded) -> Value {
    let compilation = &loaded.compilation;
    json!({
        "language": language_name(&compilation.language),
        "sources": sources(loaded),
        "settings": compilation.settings,
    })
}

/// What the compiler printed of the target, and nothing else of it.
pub(super) fn output(loaded: &Loaded) -> Value {
    let compilation = &loaded.compilation;
    let artifact = |name: &str| compilation.artifacts.get(name).cloned().unwrap_or_default();
    let contract = json!({
        "abi": artifact("abi"),
        "metadata": loaded.metadata.clone().unwrap_or_default(),
        "userdoc": artifact("userdoc"),
        "devdoc": artifact("devdoc"),
        "storageLayout": artifact("storageLayout"),
        "transientStorageLayout": artifact("transientStorageLayout"),
        "evm": {
            "bytecode": code(
                loaded.codes.recompiled_creation.as_deref(),
                &compilation.creation_code_artifacts,
                &["sourceMap", "linkReferences"],
            ),
            "deployedBytecode": code(
                loaded.codes.recompiled_runtime.as_deref(),
                &compilation.runtime_code_artifacts,
                &["sourceMap", "linkReferences", "immutableReferences"],
            ),
        },
    });
    let name = &compilation.name;
    let qualified = &compilation.fully_qualified_name;
    let path = qualified
        .rsplit_once(':')
        .map_or(qualified.as_str(), |(path, _)| path);
    json!({"sources": artifact("sources"), "contracts": {path: {name: contract}}})
}

pub(super) fn sources(loaded: &Loaded) -> Value {
    let files = loaded
        .sources
        .iter()
        .map(|file| (file.path.clone(), json!({"content": file.content})));
    Value::Object(files.collect())
}

/// As the API and standard JSON spell it; the table has lower case.
pub(super) fn language_name(stored: &str) -> String {
    let mut letters = stored.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Without `0x`, as compilers print it.
fn code(bytes: Option<&[u8]>, artifacts: &Value, members: &[&str]) -> Value {
    let mut code = Map::new();
    code.insert(
        "object".to_owned(),
        hex::encode(bytes.unwrap_or_default()).into(),
    );
    for member in members {
        code.insert(
            (*member).to_owned(),
            artifacts.get(member).cloned().unwrap_or_default(),
        );
    }
    code.into()
}
