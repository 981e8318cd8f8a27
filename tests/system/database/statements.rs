//! Every statement of `sql/queries` fits the schema, says what it is, and is used.

use std::fs;
use std::path::{Path, PathBuf};

use super::story::World;

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for (name, sql) in statements() {
        if let Err(refusal) = world.sql.prepare(&sql).await {
            wrong.push(format!("{name}: {refusal:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_statement_opens_with_its_name_and_what_it_gives() {
    for (name, sql) in statements() {
        let opening = sql.lines().next().unwrap();
        let gives = opening.strip_prefix(&format!("-- name: {name}: "));
        assert!(
            gives.is_some_and(|gives| gives.len() > 10),
            "{name}: {opening}"
        );
        assert!(!sql.contains("SELECT *"), "{name}");
    }
}

#[test]
fn every_statement_is_used() {
    let mut code = String::new();
    for file in files(&root().join("common/src"), "rs") {
        code += &fs::read_to_string(file).unwrap();
    }
    for (name, _) in statements() {
        let uses = [format!("\"{name}\""), format!("/{name}.sql\"")];
        assert!(uses.iter().any(|how| code.contains(how)), "{name}");
    }
}

pub(super) fn statements() -> Vec<(String, String)> {
    let queries = root().join("sql/queries");
    let found: Vec<_> = files(&queries, "sql")
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&queries).unwrap().with_extension("");
            let name = name.to_str().unwrap().to_owned();
            (name, fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(found.len() > 40, "only {} statements found", found.len());
    found
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|this| this == extension) {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
