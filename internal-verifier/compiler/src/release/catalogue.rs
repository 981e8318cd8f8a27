//! The releases that can be asked for: those we pinned, or, of native executables, those an operator
//! pinned in a list of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use verification::compiler::{Compiler, CompilerVersion, ReleaseNumber};

use crate::engine::Engine;

use super::{Builds, Facts, NotAList, Origin, Pin, PinnedFile, Platform, Release};

/// Oldest first, solc before Vyper.
#[derive(Debug, Clone)]
pub struct Catalogue(Vec<Release>);

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    #[error(transparent)]
    Ours(#[from] NotAList),
    #[error("the list of native executables `{}` can't be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` is no list.json", path.display())]
    Shape {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("the list of native executables has an entry that can't be used: {0}")]
    Entry(String),
}

/// The part of a `list.json` of the Solidity project that matters here.
#[derive(Debug, Deserialize)]
struct List {
    builds: Vec<Build>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Build {
    path: String,
    long_version: String,
    /// In hexadecimal, after `0x`.
    sha256: String,
}

impl Catalogue {
    /// Ours; native executables from the operator's list, if there is one.
    ///
    /// # Errors
    ///
    /// When a list can't be read, or the operator's has an entry that says nothing.
    pub fn open(native_list: Option<&Path>) -> Result<Self, CatalogueError> {
        let ours = Release::known()?;
        let Some(path) = native_list else {
            return Ok(Self(ours));
        };
        let path = path.to_owned();
        let json = match std::fs::read(&path) {
            Ok(json) => json,
            Err(source) => return Err(CatalogueError::Read { path, source }),
        };
        let list: List = match serde_json::from_slice(&json) {
            Ok(list) => list,
            Err(source) => return Err(CatalogueError::Shape { path, source }),
        };
        with_native(ours, list).map(Self)
    }

    #[must_use]
    pub fn releases(&self) -> &[Release] {
        &self.0
    }

    /// The release a client asks for: number, pre-release and commit must fit.
    #[must_use]
    pub fn find(&self, compiler: Compiler, version: &CompilerVersion) -> Option<Release> {
        self.list_fitting(compiler, version).next().cloned()
    }

    /// All that may be meant, the one of that very commit first: some releases were published with one
    /// commit for one engine and with another for the next, and any commit of a release is accepted.
    pub fn list_fitting(
        &self,
        compiler: Compiler,
        version: &CompilerVersion,
    ) -> impl Iterator<Item = &Release> {
        let fitting = |is_exact| {
            self.of(compiler).filter(move |release| {
                release.is(version) && release.has_commit_of(version) == is_exact
            })
        };
        fitting(true).chain(fitting(false))
    }

    /// The releases of that number, whatever their commits; no pre-releases.
    pub fn list_numbered(
        &self,
        compiler: Compiler,
        number: ReleaseNumber,
    ) -> impl Iterator<Item = &Release> {
        self.of(compiler).filter(move |release| {
            release.number() == number && release.version().pre_release().is_empty()
        })
    }

    fn of(&self, compiler: Compiler) -> impl Iterator<Item = &Release> {
        let releases = self.0.iter();
        releases.filter(move |release| release.compiler() == compiler)
    }
}

/// The operator's list stands in place of ours: what it doesn't name has no native executable.
fn with_native(ours: Vec<Release>, list: List) -> Result<Vec<Release>, CatalogueError> {
    let mut releases: Vec<Release> = ours
        .iter()
        .map(|release| release.with_native(None))
        .collect();
    for build in list.builds {
        let Some((version, mut pin)) = read(build)? else {
            continue;
        };
        let same = ours.iter().find(|release| release.0.version == version);
        if let Some(known) = same.and_then(|release| release.pin(Engine::Native)) {
            pin.other_commits.clone_from(&known.other_commits);
        }
        let is_it = |release: &&mut Release| {
            (release.compiler(), release.version()) == (Compiler::Solc, &version)
        };
        match releases.iter_mut().find(is_it) {
            Some(known) => *known = known.with_native(Some(pin)),
            None => releases.push(Release(Arc::new(Facts {
                compiler: Compiler::Solc,
                version,
                builds: Builds {
                    native: Some(pin),
                    ..Builds::default()
                },
            }))),
        }
    }
    releases.retain(|release| !release.engines().is_empty());
    releases.sort_by_key(|release| (release.compiler() == Compiler::Vyper, release.number()));
    Ok(releases)
}

/// `None` for what is no release: such lists name nightly builds too.
fn read(build: Build) -> Result<Option<(CompilerVersion, Pin)>, CatalogueError> {
    let wrong = |what: &str| CatalogueError::Entry(format!("{}: {what}", build.long_version));
    let version: CompilerVersion = build
        .long_version
        .parse()
        .map_err(|_nothing_more| wrong("it is no version"))?;
    if !version.pre_release().is_empty() {
        return Ok(None);
    }
    if !version.is_well_formed_solc() || version.as_str() != build.long_version {
        return Err(wrong("it is no release of solc"));
    }
    let sha256 = build.sha256.trim_start_matches("0x").to_lowercase();
    if hex::decode(&sha256).map_or(0, |hash| hash.len()) != 32 {
        return Err(wrong("its SHA-256 is none"));
    }
    // The name is how the file is found and fetched.
    if build.path != Platform::LinuxAmd64.file_name_of(&build.long_version) {
        return Err(wrong("its path is not the Solidity project's"));
    }
    let pin = Pin {
        version: version.number().to_string(),
        long_version: build.long_version,
        other_commits: Vec::new(),
        npm: None,
        npm_file: None,
        says: None,
        files: vec![PinnedFile {
            origin: Origin::SolcBin,
            sha256,
            keccak256: None,
            bytes: None,
        }],
    };
    Ok(Some((version, pin)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn build(long_version: &str) -> Value {
        json!({
            "path": format!("solc-linux-amd64-v{long_version}"),
            "version": "x",
            "longVersion": long_version,
            "sha256": format!("0x{}", "aB".repeat(32)),
        })
    }

    fn open(builds: &Value) -> Result<Catalogue, CatalogueError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), json!({ "builds": builds }).to_string()).unwrap();
        Catalogue::open(Some(file.path()))
    }

    fn find(catalogue: &Catalogue, version: &str) -> Option<Release> {
        catalogue.find(Compiler::Solc, &version.parse().unwrap())
    }

    #[test]
    fn an_operators_list_stands_in_place_of_ours() {
        let known = "0.8.28+commit.7893614a";
        let own = "0.8.999+commit.0badcafe";
        let nightly = "0.8.32-nightly.2025.11.1+commit.0badcafe";
        let catalogue = open(&json!([build(own), build(known), build(nightly)])).unwrap();
        let engines = |version| find(&catalogue, version).unwrap().engines();
        assert_eq!(engines(known), [Engine::Wasm, Engine::Native]);
        assert_eq!(engines(own), [Engine::Native]);
        assert_eq!(engines("0.8.27+commit.40a35a09"), [Engine::Wasm]);
        assert_eq!(find(&catalogue, nightly), None);
        let pin = find(&catalogue, known).unwrap();
        assert!(pin.pin(Engine::Native).unwrap().accepts(&"ab".repeat(32)));
        let number = ReleaseNumber(0, 8, 999);
        let numbered = catalogue.list_numbered(Compiler::Solc, number).next();
        assert_eq!(numbered.cloned(), find(&catalogue, own));
        let mut numbers: Vec<_> = catalogue.releases().iter().map(Release::number).collect();
        numbers.sort();
        assert_eq!(numbers.last(), Some(&number));
    }

    #[test]
    fn a_release_may_have_two_commits() {
        let catalogue = Catalogue::open(None).unwrap();
        for version in ["0.5.11+commit.22be8592", "0.5.11+commit.c082d0b4"] {
            let version = version.parse().unwrap();
            let fitting = catalogue.list_fitting(Compiler::Solc, &version);
            let engines: Vec<_> = fitting.flat_map(Release::engines).collect();
            assert!(engines.contains(&Engine::Native), "{version}");
            let found = catalogue.find(Compiler::Solc, &version).unwrap();
            assert_eq!(found.version(), &version, "the very commit comes first");
        }
    }

    #[test]
    fn an_operators_build_is_also_the_other_commit_of_its_release() {
        let catalogue = open(&json!([build("0.5.11+commit.22be8592")])).unwrap();
        let other = "0.5.11+commit.c082d0b4".parse().unwrap();
        let fitting = catalogue.list_fitting(Compiler::Solc, &other);
        let engines: Vec<_> = fitting.flat_map(Release::engines).collect();
        assert_eq!(engines, [Engine::Node, Engine::Native]);
    }

    #[test]
    fn without_a_list_ours_holds() {
        let catalogue = Catalogue::open(None).unwrap();
        assert_eq!(catalogue.releases(), Release::known().unwrap());
    }

    #[test]
    fn entries_that_say_nothing_are_told() {
        let known = "0.8.28+commit.7893614a";
        let with = |key: &str, value: &str| {
            let mut build = build(known);
            build[key] = json!(value);
            build
        };
        for (entry, why) in [
            (with("longVersion", "newest"), "no version"),
            (with("longVersion", "0.8.28"), "no release"),
            (with("sha256", "0x12"), "SHA-256"),
            (with("path", "../../bin/sh"), "path"),
        ] {
            let error = open(&json!([entry])).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let nowhere = Catalogue::open(Some(Path::new("/nowhere/list.json")));
        assert!(matches!(nowhere, Err(CatalogueError::Read { .. })));
        let shape = open(&json!("none"));
        assert!(matches!(shape, Err(CatalogueError::Shape { .. })));
    }
}
