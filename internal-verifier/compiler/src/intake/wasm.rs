//! Makes machine code of a release of solc that is WebAssembly, and tries it out.

use std::fs;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::extract;
use super::progress::Progress;
use super::repository::Repository;
use super::{Intake, IntakeError, remove, sources, trial, write, write_whole};
use crate::artefacts::{Paths, Record};
use crate::engine::Engine;
use crate::error_chain;
use crate::release::{Platform, Release};
use crate::wasm::glue::Glue;
use crate::wasm::{engine, merge};

pub(super) async fn make(
    intake: &Intake,
    release: &Release,
    progress: &Progress,
) -> Result<(), IntakeError> {
    progress.begin("making it ready, half a minute");
    let repository = Repository::new(&intake.repository, Platform::EmscriptenWasm32);
    let fetched = sources::fetch(intake, &repository, release, progress).await;
    let fetched = fetched.map_err(|error| IntakeError::Source {
        release: release.to_string(),
        why: error_chain(&error),
    })?;
    let mut record = Record::of(release);
    record.soljson_sha256 = hex::encode(Sha256::digest(&fetched.soljson));
    record.source = fetched.source;
    let paths = Paths::new(&intake.cache, release);
    prepare(&fetched.soljson, release, &paths, record, progress)
}

fn prepare(
    soljson: &[u8],
    release: &Release,
    paths: &Paths,
    mut record: Record,
    progress: &Progress,
) -> Result<(), IntakeError> {
    progress.step("taking it apart");
    let (merged, glue) = understand(soljson)?;

    progress.step("compiling ahead of time");
    let began = Instant::now();
    let code = compile(&merged, engine::for_compiling())?;
    record.compile_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    record.code_sha256 = hex::encode(Sha256::digest(&code));
    record.code_bytes = u64::try_from(code.len()).unwrap_or(u64::MAX);

    progress.step("asking it who it is");
    let temporary = paths
        .code
        .with_extension(format!("cwasm.{}", std::process::id()));
    write(&temporary, &code)?;
    let says = trial::try_out(&temporary).and_then(|says| expect(says, release));
    record.says = says.inspect_err(|_| remove(&temporary))?;
    fs::rename(&temporary, &paths.code)
        .map_err(|source| IntakeError::Write(paths.code.clone(), source))?;
    let json = |error: serde_json::Error| IntakeError::Write(paths.record.clone(), error.into());
    write_whole(&paths.map, &serde_json::to_vec_pretty(&glue).map_err(json)?)?;
    // Last: whoever finds the record finds the rest.
    write_whole(
        &paths.record,
        &serde_json::to_vec_pretty(&record).map_err(json)?,
    )
}

/// The module to compile, and what its JavaScript says.
pub(super) fn understand(soljson: &[u8]) -> Result<(Vec<u8>, Glue), IntakeError> {
    let extracted = extract::extract(soljson)?;
    let glue = Glue::read(&extracted.javascript)
        .map_err(|error| IntakeError::Glue(error_chain(&error)))?;
    let merged = merge::merge(&extracted.module, &glue)
        .map_err(|error| IntakeError::Module(error_chain(&error)))?;
    Ok((merged, glue))
}

pub(super) fn compile(
    merged: &[u8],
    engine: wasmtime::Result<wasmtime::Engine>,
) -> Result<Vec<u8>, IntakeError> {
    let code = engine.and_then(|engine| engine.precompile_module(merged));
    code.map_err(|error| IntakeError::Compile(format!("{error:#}")))
}

fn expect(says: String, release: &Release) -> Result<String, IntakeError> {
    let pin = release.pin(Engine::Wasm);
    if pin.is_some_and(|pin| pin.is_said_as(&says)) {
        Ok(says)
    } else {
        let wanted = release.long_version().to_owned();
        Err(IntakeError::WrongVersion { says, wanted })
    }
}
