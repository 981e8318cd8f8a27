//! Compares the engine with Node: the same `soljson.js`, the same inputs, and answers that must be equal
//! byte for byte.
//!
//! The tests do so with a few releases, because each costs a clean machine half a minute; `compilers
//! corpus` does it with all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::compilers::Compilers;
use crate::engine::Engine;
use crate::error_chain;
use crate::outcome::{Limits, Outcome};
use crate::release::{Platform, Release};

pub mod inputs;

const REFERENCE: &str = include_str!("corpus/reference.js");

/// Debug builds need this long for a project.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(600),
    memory_bytes: 2 << 30,
    output_bytes: 256 << 20,
};

/// Where things are.
#[derive(Debug, Clone)]
pub struct Corpus {
    pub compilers: Compilers,
    pub repository: PathBuf,
    pub node: PathBuf,
    /// The npm package `@openzeppelin/contracts`, 5.1.
    pub openzeppelin: Option<PathBuf>,
}

/// What was seen with one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// All answers were equal; how many.
    Same(usize),
    /// For which inputs they were not.
    Differs(Vec<String>),
    /// There is nothing to compare, and why.
    NotHad(String),
}

#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    #[error("a temporary folder can't be used")]
    Folder(#[source] io::Error),
    #[error("`{0}` can't be started")]
    Start(PathBuf, #[source] io::Error),
    #[error("Node ends with {status}: {words}")]
    Node { status: String, words: String },
    #[error("`{0}` can't be read")]
    Sources(PathBuf, #[source] io::Error),
    #[error("the result can't be told")]
    Tell(#[source] io::Error),
}

impl Corpus {
    /// Compares releases one after the other and tells each result in a line. False if any differed.
    ///
    /// # Errors
    ///
    /// When Node does not work, or the inputs can't be read.
    pub async fn run(
        &self,
        releases: &[Release],
        out: &mut impl Write,
    ) -> Result<bool, CorpusError> {
        let (mut same, mut differ, mut not_had) = (0_usize, 0_usize, 0_usize);
        for release in releases {
            let began = Instant::now();
            let (count, words) = match self.compare(release).await? {
                Compared::Same(inputs) => (&mut same, format!("same, {inputs} inputs")),
                Compared::Differs(names) => (&mut differ, format!("DIFFERS: {}", names.join(", "))),
                Compared::NotHad(why) => (
                    &mut not_had,
                    format!("skipped: {}", why.replace('\n', "; ")),
                ),
            };
            *count = count.saturating_add(1);
            let (number, seconds) = (release.number().to_string(), began.elapsed().as_secs_f64());
            writeln!(out, "{number:<8} {words} ({seconds:.1} s)").map_err(CorpusError::Tell)?;
        }
        let all = releases.len();
        writeln!(
            out,
            "{all} releases: {same} the same as Node, {differ} different, {not_had} skipped"
        )
        .map_err(CorpusError::Tell)?;
        Ok(differ == 0)
    }

    async fn compare(&self, release: &Release) -> Result<Compared, CorpusError> {
        if let Err(error) = self.compilers.prepare(release, Engine::Wasm).await {
            return Ok(Compared::NotHad(error_chain(&error)));
        }
        let inputs = inputs::for_release(release.number(), self.openzeppelin.as_deref())?;
        let mut different = Vec::new();
        for (name, input) in &inputs {
            let theirs = node_answer(&self.node, &self.soljson(release), input)?;
            match self.answer(release, input).await {
                Ok(ours) if ours == theirs => {}
                Ok(_) => different.push((*name).to_owned()),
                Err(why) => different.push(format!("{name} ({why})")),
            }
        }
        if different.is_empty() {
            return Ok(Compared::Same(inputs.len()));
        }
        Ok(Compared::Differs(different))
    }

    fn soljson(&self, release: &Release) -> PathBuf {
        let platform = Platform::EmscriptenWasm32;
        let folder = self.repository.join(platform.name());
        folder.join(platform.file_name(release))
    }

    async fn answer(&self, release: &Release, input: &Value) -> Result<Vec<u8>, String> {
        let input = input.to_string();
        let compilation = self
            .compilers
            .compile(release, Engine::Wasm, input.as_bytes(), &LIMITS)
            .await;
        match compilation.map_err(|error| error_chain(&error))?.outcome {
            Outcome::Output(output) => Ok(output),
            other => Err(format!("{other:?}")),
        }
    }
}

/// What Node answers with a compiler from 0.6.0 on.
///
/// # Errors
///
/// When Node can't be started or fails.
pub fn node_answer(node: &Path, soljson: &Path, input: &Value) -> Result<Vec<u8>, CorpusError> {
    let folder = tempfile::tempdir().map_err(CorpusError::Folder)?;
    let place = |name: &str| folder.path().join(name);
    std::fs::write(place("reference.js"), REFERENCE).map_err(CorpusError::Folder)?;
    std::fs::write(place("input"), input.to_string()).map_err(CorpusError::Folder)?;
    let output = Command::new(node)
        .arg(place("reference.js"))
        .args([soljson, &place("input"), &place("output")])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| CorpusError::Start(node.to_owned(), error))?;
    if !output.status.success() {
        return Err(CorpusError::Node {
            status: output.status.to_string(),
            words: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    std::fs::read(place("output")).map_err(CorpusError::Folder)
}
