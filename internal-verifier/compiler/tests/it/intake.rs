//! Compilers are taken in once, whole, and only if they are what was pinned.

use std::path::Path;
use std::process::{Command, Output};

use compiler::release::Platform;
use compiler::{CompileError, Compilers, Config, Engine};
use sha2::{Digest, Sha256};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{
    INTAKE, LIMITS, compile, compilers, configuration, hello, output, prepared, release,
};

/// The smallest release, which is compiled fastest.
const SMALL: &str = "0.6.2";

/// A configuration with folders of its own.
fn fresh(folder: &Path) -> Config {
    Config {
        repository: folder.join("compilers"),
        cache: folder.join("cache"),
        fetch: false,
        ..configuration()
    }
}

fn intake(config: &Config, arguments: &[&str]) -> Command {
    let mut command = Command::new(INTAKE);
    command
        .args(arguments)
        .arg("--repository")
        .arg(&config.repository);
    command.arg("--cache").arg(&config.cache);
    command
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_fetch_and_prepare_a_release_once() {
    let (small, soljson) = prepared(&compilers(), SMALL).await;
    let host = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(format!(
            "/builds/{}",
            Platform::EmscriptenWasm32.file_name(&small)
        )))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(std::fs::read(soljson).unwrap()))
        .expect(1)
        .mount(&host)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path());
    let url = format!("{}/builds/", host.uri());
    let both: Vec<_> = (0..2)
        .map(|_| {
            let mut command = intake(&config, &["--versions", SMALL, "--official-host", &url]);
            tokio::task::spawn_blocking(move || command.output().unwrap())
        })
        .collect();
    let mut said = Vec::new();
    for one in both {
        let output = one.await.unwrap();
        assert!(output.status.success(), "{}", words(&output));
        said.push(words(&output));
    }
    said.sort();
    assert!(said[0].contains("is ready"), "{said:?}");
    assert!(said[1].contains("made ready"), "{said:?}");

    let list = std::fs::read(config.repository.join("emscripten-wasm32/list.json")).unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
    assert_eq!(list["latestRelease"], SMALL);
    assert_eq!(list["builds"][0]["longVersion"], small.long_version());

    // And it works, though nothing may be fetched.
    let compilers = Compilers::open(config).unwrap();
    output(compile(&compilers, &small, &hello()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_was_pinned_is_refused() {
    let host = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("var Module = {};"))
        .mount(&host)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path());
    let url = host.uri();
    let mut command = intake(&config, &["--versions", SMALL, "--official-host", &url]);
    // No npm to fall back to.
    command.env("PATH", "");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert!(!output.status.success());
    let said = words(&output);
    assert!(said.contains("not what was pinned"), "{said}");
    assert!(said.contains("npm can't be started"), "{said}");
    assert!(!config.repository.join("emscripten-wasm32").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_in_the_repository_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path());
    let file = config
        .repository
        .join("emscripten-wasm32")
        .join(Platform::EmscriptenWasm32.file_name(&release(SMALL)));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "var Module = {};").unwrap();
    let output = intake(&config, &["--versions", SMALL]).output().unwrap();
    assert!(!output.status.success());
    assert!(
        words(&output).contains("not what was pinned"),
        "{}",
        words(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_may_not_be_made_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let compilers = Compilers::open(fresh(folder.path())).unwrap();
    for _ in 0..2 {
        let error = compilers
            .compile(&release(SMALL), Engine::Wasm, b"{}", &LIMITS)
            .await
            .unwrap_err();
        assert!(matches!(error, CompileError::NotReady { .. }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_byte_of_machine_code_is_refused() {
    prepared(&compilers(), SMALL).await;
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path());
    let from = folder_of_code(&configuration().cache);
    let to = config
        .cache
        .join(from.strip_prefix(configuration().cache).unwrap());
    std::fs::create_dir_all(&to).unwrap();
    for suffix in ["json", "cwasm"] {
        let name = format!("{}.{suffix}", release(SMALL).long_version());
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
    let compilers = Compilers::open(config.clone()).unwrap();
    output(compile(&compilers, &release(SMALL), &hello()).await);

    let code = to.join(format!("{}.cwasm", release(SMALL).long_version()));
    let mut bytes = std::fs::read(&code).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    // Under a new name, as the intake does; what is open stays as it was.
    std::fs::write(code.with_extension("new"), &bytes).unwrap();
    std::fs::rename(code.with_extension("new"), &code).unwrap();
    output(compile(&compilers, &release(SMALL), &hello()).await);

    let compilers = Compilers::open(config).unwrap();
    let error = compilers
        .compile(&release(SMALL), Engine::Wasm, b"{}", &LIMITS)
        .await
        .unwrap_err();
    let CompileError::Refused { why, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(why.contains("SHA-256"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_of_another_configuration_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path());
    prepared(&compilers(), SMALL).await;
    let from = folder_of_code(&configuration().cache);
    let to = config
        .cache
        .join(from.strip_prefix(configuration().cache).unwrap());
    std::fs::create_dir_all(&to).unwrap();
    let other = wasmtime::Engine::default()
        .precompile_module(b"\0asm\x01\0\0\0")
        .unwrap();
    let name = release(SMALL).long_version().to_owned();
    std::fs::write(to.join(format!("{name}.cwasm")), &other).unwrap();
    let record = std::fs::read(from.join(format!("{name}.json"))).unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    record["codeSha256"] = hex::encode(Sha256::digest(&other)).into();
    std::fs::write(to.join(format!("{name}.json")), record.to_string()).unwrap();

    let compilers = Compilers::open(config).unwrap();
    let error = compilers
        .compile(&release(SMALL), Engine::Wasm, b"{}", &LIMITS)
        .await
        .unwrap_err();
    let CompileError::EndedEarly { why } = &error else {
        panic!("{error:?}")
    };
    assert!(why.contains("machine code is refused"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_wait_for_a_release_together() {
    let folder = tempfile::tempdir().unwrap();
    prepared(&compilers(), SMALL).await;
    let shared = Config {
        cache: folder.path().join("cache"),
        fetch: true,
        ..configuration()
    };
    let compilers = Compilers::open(shared).unwrap();
    let small = release(SMALL);
    let (first, second) = tokio::join!(
        compilers.compile(&small, Engine::Wasm, b"{}", &LIMITS),
        compilers.compile(&small, Engine::Wasm, b"{}", &LIMITS),
    );
    // Both waited; the release was made by one.
    assert!(first.unwrap().prepare.as_millis() > 100);
    assert!(second.unwrap().prepare.as_millis() > 100);
    let third = compilers
        .compile(&small, Engine::Wasm, b"{}", &LIMITS)
        .await
        .unwrap();
    assert!(third.prepare.is_zero());
}

#[test]
fn what_is_not_known_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path());
    for version in ["0.4.0", "0.8.999", "0.8.28+commit.00000000", "x"] {
        let output = intake(&config, &["--versions", version]).output().unwrap();
        assert!(!output.status.success(), "{version}");
        assert!(words(&output).contains(version), "{}", words(&output));
    }
}

#[test]
fn every_release_in_the_repository_can_be_taken_in() {
    let small = intake(&configuration(), &["--versions", SMALL])
        .output()
        .unwrap();
    assert!(small.status.success(), "{}", words(&small));
    let output = intake(&configuration(), &["check"]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
}

fn folder_of_code(cache: &Path) -> std::path::PathBuf {
    let wasmtime = cache.join("wasmtime-48.0.8");
    let mut folders = std::fs::read_dir(wasmtime)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    folders
        .find(|folder| {
            folder
                .join(format!("{}.json", release(SMALL).long_version()))
                .exists()
        })
        .unwrap()
}
