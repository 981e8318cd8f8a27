//! The pinned lists, read: one per platform, merged to releases.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use verification::compiler::{Compiler, CompilerVersion};

use super::pin::{Pin, VyperPin};
use super::{Builds, Facts, Release};

const WASM: &str = include_str!("../../releases/emscripten-wasm32.json");
const ASMJS: &str = include_str!("../../releases/emscripten-asmjs.json");
const NATIVE: &str = include_str!("../../releases/linux-amd64.json");
const VYPER: &str = include_str!("../../releases/vyper.json");

#[derive(Debug, Clone, thiserror::Error)]
#[error("the pinned list of compilers can't be read: {0}")]
pub struct NotAList(String);

pub(super) fn read_all() -> Result<Vec<Release>, NotAList> {
    let mut releases = Releases::default();
    for pin in parse::<Pin>(WASM)? {
        let builds = releases.builds_of(Compiler::Solc, &pin.long_version)?;
        builds.wasm = Some(pin);
    }
    for pin in parse::<Pin>(ASMJS)? {
        let builds = releases.builds_of(Compiler::Solc, &pin.long_version)?;
        builds.asmjs = Some(pin);
    }
    for pin in parse::<Pin>(NATIVE)? {
        let builds = releases.builds_of(Compiler::Solc, &pin.long_version)?;
        builds.native = Some(pin);
    }
    for pin in parse::<VyperPin>(VYPER)? {
        let builds = releases.builds_of(Compiler::Vyper, &pin.long_version)?;
        builds.vyper = Some(pin);
    }
    Ok(releases.in_order())
}

fn parse<T: DeserializeOwned>(json: &str) -> Result<Vec<T>, NotAList> {
    serde_json::from_str(json).map_err(|error| NotAList(error.to_string()))
}

#[derive(Default)]
struct Releases(Vec<(Compiler, CompilerVersion, Builds)>);

impl Releases {
    fn builds_of(&mut self, compiler: Compiler, version: &str) -> Result<&mut Builds, NotAList> {
        let not_a_release = || NotAList(format!("`{version}` is not a release"));
        let parsed: CompilerVersion = version.parse().map_err(|_nothing_more| not_a_release())?;
        let fits = match compiler {
            Compiler::Solc => parsed.is_well_formed_solc(),
            Compiler::Vyper => true,
        };
        if parsed.as_str() != version || !fits {
            return Err(not_a_release());
        }
        let is_it = |known: &(Compiler, CompilerVersion, Builds)| {
            (known.0, &known.1) == (compiler, &parsed)
        };
        let place = self.0.iter().position(is_it).unwrap_or(self.0.len());
        if place == self.0.len() {
            self.0.push((compiler, parsed, Builds::default()));
        }
        let known = self.0.get_mut(place).ok_or_else(not_a_release)?;
        Ok(&mut known.2)
    }

    fn in_order(self) -> Vec<Release> {
        let mut releases: Vec<Release> = self
            .0
            .into_iter()
            .map(|(compiler, version, builds)| {
                Release(Arc::new(Facts {
                    compiler,
                    version,
                    builds,
                }))
            })
            .collect();
        releases.sort_by_key(|release| (release.compiler() == Compiler::Vyper, release.number()));
        releases
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::release::Origin;
    use verification::compiler::ReleaseNumber;

    #[test]
    fn the_pinned_lists_are_whole() {
        let known = read_all().unwrap();
        let with_wasm = |release: &&Release| release.pin(Engine::Wasm).is_some();
        let first = known.iter().find(with_wasm).unwrap();
        assert_eq!(first.number(), ReleaseNumber(0, 6, 2));
        for release in &known {
            assert!(!release.engines().is_empty(), "{release}");
            for engine in release.engines() {
                if let Some(pin) = release.pin(engine) {
                    check(pin);
                }
            }
            let packages = release.vyper_pin().map(|pin| pin.packages.clone());
            for package in packages.unwrap_or_default() {
                assert_eq!(hex::decode(&package.sha256).unwrap().len(), 32, "{release}");
                assert!(package.file.ends_with(".whl"), "{release}");
            }
        }
    }

    fn check(pin: &Pin) {
        assert!(!pin.files.is_empty(), "{pin:?}");
        for file in &pin.files {
            assert_eq!(hex::decode(&file.sha256).unwrap().len(), 32, "{pin:?}");
            let keccak = file.keccak256.as_ref();
            let keccak = keccak.map(|hash| hex::decode(hash).unwrap().len());
            let seen = (file.origin == Origin::Npm).then_some(32);
            assert_eq!(
                (keccak, file.bytes.is_some()),
                (seen, seen.is_some()),
                "{pin:?}"
            );
        }
    }

    #[test]
    fn packages_that_hold_another_release_are_avoided() {
        let npm = |number| {
            let release = Release::find_number(Compiler::Solc, number).unwrap();
            release.pin(Engine::Wasm).unwrap().npm.clone()
        };
        assert_eq!(npm(ReleaseNumber(0, 8, 7)).as_deref(), Some("0.8.7-fixed"));
        // npm's 0.8.1 holds 0.8.0: there is no package of that release.
        assert_eq!(npm(ReleaseNumber(0, 8, 1)), None);
    }
}
