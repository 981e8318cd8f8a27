//! House rules that the compiler cannot check: who may look at whom, and what files look like.
//!
//! The tables below are the plan of the house. A module that is in none of them is an error, so a
//! new room gets its place when it is built.

#[cfg(test)]
mod monitoring;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod runbook;
#[cfg(test)]
mod telemetry;

#[cfg(test)]
mod files {
    use std::fs;
    use std::path::{Path, PathBuf};

    const MAX_LINES: usize = 500;

    pub(crate) fn workspace() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    /// All files with this ending below a folder; none where there is no such folder.
    pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let Ok(entries) = fs::read_dir(folder) else {
            return found;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_foreign = name == "target" || name == "node_modules" || name.starts_with('.');
            if path.is_dir() && !is_foreign {
                found.extend(files(&path, ending));
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
        found.sort();
        found
    }

    #[test]
    fn no_file_holds_two_thoughts() {
        for file in files(workspace(), "rs") {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            let name = file.display();
            assert!(
                lines <= MAX_LINES,
                "{name} has {lines} lines, more than {MAX_LINES}"
            );
        }
    }

    #[test]
    fn a_new_list_of_compilers_has_a_new_date() {
        let folder = workspace().join("internal-verifier/compiler/releases");
        let mut lists = files(&folder, "json");
        lists.sort();
        let lists: Vec<u8> = lists
            .iter()
            .flat_map(|list| fs::read(list).unwrap())
            .collect();
        let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(lists));
        let known = "b58f53a878e6d0ad91fa21a493ce94a2d436ec3b9fcc2ee4d75c7f9e42854e29";
        let date = common::version::COMPILER_LIST_DATE;
        assert_eq!(
            (hash.as_str(), date),
            (known, "2026-11-21"),
            "a list is new: write its day into common/src/version.rs, and both here"
        );
    }

    #[test]
    fn every_statement_says_what_it_gives() {
        for file in files(&workspace().join("sql/queries"), "sql") {
            let text = fs::read_to_string(&file).unwrap();
            let first = text.lines().next().unwrap_or_default();
            let says = first.strip_prefix("-- name:").unwrap_or_default();
            let name = file.display();
            assert!(
                !says.trim().is_empty(),
                "{name} does not begin with `-- name: …`"
            );
        }
    }
}
