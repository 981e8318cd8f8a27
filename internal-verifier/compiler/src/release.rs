//! The releases of solc and Vyper that we know, pinned: their versions and the SHA-256 of their files.
//!
//! The lists are part of the program, because a list that is fetched together with the files it
//! describes protects from nothing. `compilers pin` writes them. Whether a release is present on this
//! machine is another question, which the cache answers.

use std::fmt;
use std::sync::{Arc, LazyLock};

use verification::compiler::{Compiler, CompilerVersion, ReleaseNumber};

use crate::engine::Engine;

mod catalogue;
mod lists;
mod pin;
mod platform;

pub use catalogue::{Catalogue, CatalogueError};
pub use lists::NotAList;
pub use pin::{Origin, Pin, PinnedFile, PinnedPackage, VyperPin};
pub use platform::Platform;

/// Made once, from the lists beside the sources.
static KNOWN: LazyLock<Result<Vec<Release>, NotAList>> = LazyLock::new(lists::read_all);

/// A release of a compiler, and the files from which each engine can run it.
#[derive(Clone)]
pub struct Release(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    compiler: Compiler,
    version: CompilerVersion,
    builds: Builds,
}

/// One member per engine.
#[derive(Debug, Clone, Default)]
struct Builds {
    wasm: Option<Pin>,
    asmjs: Option<Pin>,
    native: Option<Pin>,
    vyper: Option<VyperPin>,
}

impl Release {
    /// Every known release: solc before Vyper, oldest first.
    ///
    /// # Errors
    ///
    /// When a list that is part of the program can't be read; a test keeps that from happening.
    pub fn known() -> Result<Vec<Self>, NotAList> {
        KNOWN.clone()
    }

    /// The release a client asks for, of those that we pinned.
    #[must_use]
    pub fn find(compiler: Compiler, version: &CompilerVersion) -> Option<Self> {
        Catalogue::open(None).ok()?.find(compiler, version)
    }

    /// The release of that number, of those that we pinned.
    #[must_use]
    pub fn find_number(compiler: Compiler, number: ReleaseNumber) -> Option<Self> {
        let ours = Catalogue::open(None).ok()?;
        ours.list_numbered(compiler, number).next().cloned()
    }

    #[must_use]
    pub fn compiler(&self) -> Compiler {
        self.0.compiler
    }

    #[must_use]
    pub fn version(&self) -> &CompilerVersion {
        &self.0.version
    }

    #[must_use]
    pub fn number(&self) -> ReleaseNumber {
        self.0.version.number()
    }

    /// `0.8.28+commit.7893614a`, as the compiler itself says it.
    #[must_use]
    pub fn long_version(&self) -> &str {
        self.0.version.as_str()
    }

    /// The engines that can run it, whether or not they are switched on.
    #[must_use]
    pub fn engines(&self) -> Vec<Engine> {
        let builds = &self.0.builds;
        let has = |engine: &Engine| match engine {
            Engine::Wasm => builds.wasm.is_some(),
            Engine::Node => builds.asmjs.is_some(),
            Engine::Native => builds.native.is_some(),
            Engine::Vyper => builds.vyper.is_some(),
        };
        Engine::ALL.into_iter().filter(has).collect()
    }

    /// What is pinned of solc for an engine.
    #[must_use]
    pub fn pin(&self, engine: Engine) -> Option<&Pin> {
        let builds = &self.0.builds;
        match engine {
            Engine::Wasm => builds.wasm.as_ref(),
            Engine::Node => builds.asmjs.as_ref(),
            Engine::Native => builds.native.as_ref(),
            Engine::Vyper => None,
        }
    }

    /// What is pinned of Vyper.
    #[must_use]
    pub fn vyper_pin(&self) -> Option<&VyperPin> {
        self.0.builds.vyper.as_ref()
    }

    /// The SHA-256 of every file from which an engine may run it.
    #[must_use]
    pub fn pinned_hashes(&self, engine: Engine) -> Vec<&str> {
        let files = self.pin(engine).into_iter().flat_map(|pin| &pin.files);
        let vyper = self.vyper_pin().filter(|_| engine == Engine::Vyper);
        let packages = vyper.into_iter().flat_map(|pin| &pin.packages);
        files
            .map(|file| file.sha256.as_str())
            .chain(packages.map(|package| package.sha256.as_str()))
            .collect()
    }

    /// Whether its output follows from its input. Vyper 0.3.4 to 0.3.7 puts internal functions in an order
    /// that follows from where objects lie in its memory (sourcify #2825).
    #[must_use]
    pub fn is_deterministic(&self) -> bool {
        let (first, last) = (ReleaseNumber(0, 3, 4), ReleaseNumber(0, 3, 7));
        self.compiler() != Compiler::Vyper || !(first..=last).contains(&self.number())
    }

    /// The same release with the executable that an operator pinned, or with none.
    fn with_native(&self, pin: Option<Pin>) -> Self {
        let builds = Builds {
            native: pin,
            ..self.0.builds.clone()
        };
        Self(Arc::new(Facts {
            compiler: self.0.compiler,
            version: self.0.version.clone(),
            builds,
        }))
    }

    /// Whether it was published with the commit that a client names.
    fn has_commit_of(&self, asked: &CompilerVersion) -> bool {
        let commits = self.version().commit().zip(asked.commit());
        commits.is_none_or(|(own, asked)| is_same_commit(own, asked))
    }

    /// Whether a client means this release. Some releases exist with two commits, and compilers before
    /// 0.3.6 (solc) and 0.3.5 (Vyper) print shortened ones.
    fn is(&self, asked: &CompilerVersion) -> bool {
        let own = self.version();
        let pre_release =
            |version: &CompilerVersion| version.pre_release().trim_start_matches('-').to_owned();
        if (own.number(), pre_release(own)) != (asked.number(), pre_release(asked)) {
            return false;
        }
        let Some(asked) = asked.commit() else {
            // Only Vyper's versions are asked for so, and only its oldest releases print none.
            return self.compiler() == Compiler::Vyper;
        };
        let Some(own) = own.commit() else { return true };
        let builds = [
            &self.0.builds.wasm,
            &self.0.builds.asmjs,
            &self.0.builds.native,
        ];
        let others = builds
            .into_iter()
            .flatten()
            .flat_map(|pin| &pin.other_commits);
        let mut commits = others.map(String::as_str).chain([own]);
        commits.any(|commit| is_same_commit(commit, asked))
    }
}

/// One is the other, or its beginning.
fn is_same_commit(known: &str, asked: &str) -> bool {
    const SHORTEST: usize = 7;
    asked.len() >= SHORTEST && (known.starts_with(asked) || asked.starts_with(known))
}

impl PartialEq for Release {
    fn eq(&self, other: &Self) -> bool {
        (self.compiler(), self.version()) == (other.compiler(), other.version())
    }
}

impl Eq for Release {}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Release({self})")
    }
}

/// `0.8.28+commit.7893614a`; the compiler's name is told where it isn't solc.
impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.compiler() {
            Compiler::Solc => f.write_str(self.long_version()),
            Compiler::Vyper => write!(f, "vyper-{}", self.long_version()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(version: &str) -> Option<Release> {
        Release::find(Compiler::Solc, &version.parse().unwrap())
    }

    #[test]
    fn a_release_is_found_by_number_and_commit() {
        let release = find("0.8.28+commit.7893614a").unwrap();
        assert_eq!(release.number(), ReleaseNumber(0, 8, 28));
        assert_eq!(release.long_version(), "0.8.28+commit.7893614a");
        let again = find("v0.8.28+commit.7893614a.Emscripten.clang");
        assert_eq!(again, Some(release.clone()));
        assert_eq!(find("0.8.28+commit.7893614"), Some(release));
    }

    #[test]
    fn old_releases_are_found_as_contracts_name_them() {
        for (asked, wanted) in [
            ("0.1.6+commit.d41f8b7c", "0.1.6+commit.d41f8b7c"),
            ("0.2.1+commit.91a6b35", "0.2.1+commit.91a6b35f"),
            (
                "0.3.1-nightly.2016.3.31+commit.c67926c",
                "0.3.1-nightly.2016.3.31+commit.c67926cf",
            ),
            ("0.3.2+commit.81ae2a7", "0.3.2+commit.81ae2a78"),
            ("0.3.5+commit.5f97274", "0.3.5+commit.5f97274a"),
            ("0.4.10+commit.9e8cc01b", "0.4.10+commit.f0d539ae"),
            ("0.5.9+commit.c68bc34e", "0.5.9+commit.e560f70d"),
            ("0.5.11+commit.22be8592", "0.5.11+commit.c082d0b4"),
        ] {
            let asked: CompilerVersion = asked.parse().unwrap();
            let ours = Catalogue::open(None).unwrap();
            let found = ours
                .list_fitting(Compiler::Solc, &asked)
                .find(|release| release.pin(Engine::Node).is_some());
            let found = found.map(Release::long_version);
            assert_eq!(found, Some(wanted), "{asked}");
        }
        // npm has nightlies of these only.
        for asked in ["0.3.1+commit.c492d9be", "0.2.2+commit.ef92f566"] {
            assert_eq!(find(asked), None, "{asked}");
        }
    }

    #[test]
    fn releases_of_vyper_are_found_by_what_is_known_of_them() {
        for (asked, wanted) in [
            ("0.3.4+commit.f31f0ec4", "0.3.4+commit.f31f0ec"),
            ("0.3.6+commit.4a2124d0", "0.3.6+commit.4a2124d"),
            ("0.3.7+commit.6020b8bb", "0.3.7+commit.6020b8b"),
            ("0.4.0-rc6+commit.33719560", "0.4.0rc6+commit.3371956"),
            ("0.4.0+commit.e9db8d9f", "0.4.0+commit.e9db8d9"),
            ("0.4.1b1+commit.039d3692", "0.4.1b1+commit.039d3692"),
            ("0.4.3", "0.4.3+commit.bff19ea2"),
        ] {
            let found = Release::find(Compiler::Vyper, &asked.parse().unwrap());
            let found = found.map(|release| release.long_version().to_owned());
            assert_eq!(found.as_deref(), Some(wanted), "{asked}");
        }
    }

    #[test]
    fn other_commits_and_nightlies_are_not_known() {
        for version in [
            "0.8.28+commit.00000000",
            "0.8.28+commit.7893",
            "0.8.28",
            "0.8.28-nightly.2024.9.1+commit.7893614a",
            "0.99.0+commit.7893614a",
        ] {
            assert_eq!(find(version), None, "{version}");
        }
        assert_eq!(
            Release::find(Compiler::Vyper, &"0.8.28+commit.7893614a".parse().unwrap()),
            None
        );
    }
}
