//! Releases that one machine made and others copy.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use compiler::engine::Engines;
use compiler::{CompileError, Compilers, Config, Engine, Release};
use serde_json::json;
use verification::compiler::Compiler;

use crate::support::{
    INTAKE, LIMITS, compile, compilers, configuration, hello, output, prepared, release,
};

/// The smallest.
const SMALL: &str = "0.6.2";
const VYPER: &str = "vyper-0.3.7";
const OLD: &str = "0.5.16";

/// A store, and a machine that has nothing and makes nothing.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("store")).unwrap();
        Self { folder }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn bare(&self) -> Config {
        Config {
            cache: self.folder.path().join("cache"),
            repository: self.folder.path().join("compilers"),
            store: Some(self.store()),
            fetch: false,
            engines: Engines::new([Engine::Wasm, Engine::Vyper, Engine::Node], []),
            ..configuration()
        }
    }

    /// By the machine that has everything.
    fn publish(&self, versions: &[&str]) -> Output {
        self.publish_with(&configuration(), versions)
    }

    fn publish_with(&self, config: &Config, versions: &[&str]) -> Output {
        let mut command = intake(config);
        command.args(["--publish", "--offline", "--versions"]);
        command.args(versions).arg("--store").arg(self.store());
        command.output().unwrap()
    }

    /// The largest file of the store: data.
    fn data(&self) -> PathBuf {
        let bytes = |path: &PathBuf| std::fs::metadata(path).unwrap().len();
        files(&self.store()).into_iter().max_by_key(bytes).unwrap()
    }
}

/// In a folder and all folders in it. Somebody else may delete some meanwhile.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files
}

/// Bears the id of the process that deletes it, behind the Python's version as in `-3.11`.
fn is_set_aside(release: &str) -> bool {
    let python = release.rsplit('-').next().unwrap_or_default();
    python.matches('.').count() > 1
}

/// The numbers of the releases that lie ready in a cache.
fn copies(cache: &Path) -> Vec<String> {
    let name = |path: PathBuf| {
        let path = path
            .strip_prefix(cache)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let in_vyper = |path: &str| {
            let (release, record) = path.strip_prefix("vyper/")?.split_once('/')?;
            (record == "record.json" && !is_set_aside(release)).then(|| release.to_owned())
        };
        let of_solc =
            |path: &str| Some(path.strip_suffix(".cwasm")?.rsplit('/').next()?.to_owned());
        let release = in_vyper(&path).or_else(|| of_solc(&path))?;
        Some(release.split('+').next()?.to_owned())
    };
    files(cache).into_iter().filter_map(name).collect()
}

fn intake(config: &Config) -> Command {
    let mut command = Command::new(INTAKE);
    command.arg("--cache").arg(&config.cache);
    command.arg("--repository").arg(&config.repository);
    command
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn vyper() -> Release {
    let version = "0.3.7+commit.6020b8b".parse().unwrap();
    Release::find(Compiler::Vyper, &version).unwrap()
}

async fn compile_vyper(compilers: &Compilers) -> Result<(), CompileError> {
    let input = json!({
        "language": "Vyper",
        "sources": { "a.vy": { "content": "x: public(uint256)\n" } },
        "settings": { "outputSelection": { "a.vy": { "*": ["evm.bytecode.object"] } } },
    });
    let input = input.to_string();
    let vyper = vyper();
    let compiled = compilers.compile(&vyper, Engine::Vyper, input.as_bytes(), &LIMITS);
    let answer = output(compiled.await?.outcome);
    assert!(answer["contracts"]["a.vy"]["a"].is_object(), "{answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_makes_nothing_uses_what_another_made() {
    prepared(&compilers(), SMALL).await;
    compilers().prepare(&vyper(), Engine::Vyper).await.unwrap();
    let with_node = Config {
        engines: Engines::new([Engine::Node], []),
        ..configuration()
    };
    let with_node = Compilers::open(with_node).unwrap();
    with_node
        .prepare(&release(OLD), Engine::Node)
        .await
        .unwrap();

    let place = Place::new();
    for said in ["published", "is ready"] {
        let published = place.publish(&[SMALL, VYPER, OLD]);
        assert!(published.status.success(), "{}", words(&published));
        assert_eq!(
            words(&published).matches(said).count(),
            3,
            "{}",
            words(&published)
        );
    }
    let bare = Compilers::open(place.bare()).unwrap();
    output(compile(&bare, &release(SMALL), &hello()).await);
    compile_vyper(&bare).await.unwrap();
    let old = bare
        .compile(&release(OLD), Engine::Node, b"{}", &LIMITS)
        .await;
    assert_eq!(
        output(old.unwrap().outcome)["errors"][0]["severity"],
        "error"
    );

    // From now on without the store.
    std::fs::remove_dir_all(place.store()).unwrap();
    let bare = Compilers::open(place.bare()).unwrap();
    output(compile(&bare, &release(SMALL), &hello()).await);
    compile_vyper(&bare).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_nobody_prepared_is_a_fault_until_somebody_does() {
    prepared(&compilers(), SMALL).await;
    let place = Place::new();
    let bare = Compilers::open(place.bare()).unwrap();
    for _ in 0..2 {
        let error = bare
            .prepare(&release(SMALL), Engine::Wasm)
            .await
            .unwrap_err();
        assert!(matches!(error, CompileError::NotReady { .. }), "{error}");
    }
    place.publish(&[SMALL]);
    output(compile(&bare, &release(SMALL), &hello()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_and_processes_copy_a_release_once() {
    prepared(&compilers(), SMALL).await;
    let place = Place::new();
    place.publish(&[SMALL]);
    let spawned: Vec<_> = (0..3)
        .map(|_| {
            let mut command = intake(&place.bare());
            command.args(["--only-ready", "--versions", SMALL]);
            command.arg("--store").arg(place.store());
            command
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut said: Vec<_> = spawned
        .into_iter()
        .map(|child| words(&child.wait_with_output().unwrap()))
        .collect();
    said.sort();
    assert!(said[0].contains("copied from the store"), "{said:?}");
    assert!(
        said[1].contains("is ready") && said[2].contains("is ready"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_in_the_store_is_not_used() {
    compilers().prepare(&vyper(), Engine::Vyper).await.unwrap();
    let place = Place::new();
    place.publish(&[VYPER]);
    let mut data = std::fs::read(place.data()).unwrap();
    let middle = data.len() / 2;
    data[middle] ^= 1;
    std::fs::write(place.data(), data).unwrap();
    let error = compile_vyper(&Compilers::open(place.bare()).unwrap()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    assert!(is_bare(&place.bare().cache), "something of it was kept");

    // Where it may be made, it is.
    let making = Config {
        repository: configuration().repository,
        fetch: true,
        ..place.bare()
    };
    compile_vyper(&Compilers::open(making).unwrap())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_a_fault() {
    let place = Place::new();
    std::fs::remove_dir(place.store()).unwrap();
    let bare = Compilers::open(place.bare()).unwrap();
    let error = bare
        .prepare(&release(SMALL), Engine::Wasm)
        .await
        .unwrap_err();
    // As one that nobody has filled yet: a job rests until somebody mends it.
    let CompileError::NotReady { why, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(why.contains("the store can't be used"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_give_way_to_others_and_come_again() {
    prepared(&compilers(), SMALL).await;
    compilers().prepare(&vyper(), Engine::Vyper).await.unwrap();
    let place = Place::new();
    place.publish(&[SMALL, VYPER]);
    let room_for_one = Config {
        own_bytes: 1,
        ..place.bare()
    };
    let bare = Compilers::open(room_for_one).unwrap();
    for _ in 0..2 {
        output(compile(&bare, &release(SMALL), &hello()).await);
        assert_eq!(copies(&place.bare().cache), ["0.6.2"]);
        compile_vyper(&bare).await.unwrap();
        assert_eq!(copies(&place.bare().cache), ["0.3.7"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_copy_leaves_nothing_for_long() {
    prepared(&compilers(), SMALL).await;
    let place = Place::new();
    place.publish(&[SMALL]);
    let bare = Compilers::open(place.bare()).unwrap();
    output(compile(&bare, &release(SMALL), &hello()).await);
    let code = files(&place.bare().cache)
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "cwasm"));
    let code = code.unwrap();
    let left = [
        code.with_extension("cwasm.4711"),
        code.with_extension("new-x7Yz"),
    ];
    std::fs::rename(code, &left[0]).unwrap();
    std::fs::create_dir(&left[1]).unwrap();
    let bare = Compilers::open(place.bare()).unwrap();
    output(compile(&bare, &release(SMALL), &hello()).await);
    assert!(left.iter().all(|left| !left.exists()), "{left:?}");
}

/// The job has a new disk each time, and it is memory.
#[test]
fn what_is_made_for_the_store_leaves_nothing_in_the_cache() {
    let place = Place::new();
    let config = Config {
        repository: configuration().repository,
        ..place.bare()
    };
    let published = place.publish_with(&config, &[VYPER]);
    assert!(
        words(&published).contains("published"),
        "{}",
        words(&published)
    );
    assert!(is_bare(&config.cache));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_does_not_keep_others_from_being_published() {
    prepared(&compilers(), SMALL).await;
    let place = Place::new();
    place.publish(&[SMALL]);
    let elsewhere = Place::new();
    // A machine that has one release and no files to make another of.
    let mut command = intake(&place.bare());
    command.args(["--only-ready", "--versions", SMALL]);
    command.arg("--store").arg(place.store());
    assert!(command.status().unwrap().success());
    let published = elsewhere.publish_with(&place.bare(), &["0.6.3", SMALL]);
    let said = words(&published);
    assert!(!published.status.success(), "{said}");
    assert!(
        said.contains("0.6.3: failed") && said.contains("0.6.2: published"),
        "{said}"
    );
    assert!(said.contains("not published: 0.6.3"), "{said}");
}

#[test]
fn the_list_shows_what_is_in_the_store() {
    let place = Place::new();
    let published = place.publish(&[VYPER]);
    assert!(published.status.success(), "{}", words(&published));
    let mut command = intake(&place.bare());
    command.args(["--list"]).arg("--store").arg(place.store());
    let list = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let lines: Vec<_> = list
        .lines()
        .filter(|line| line.contains("in the store"))
        .collect();
    assert_eq!(lines.len(), 1, "{list}");
    assert!(lines[0].contains("0.3.7"), "{list}");
}

/// Locks and empty folders don't count.
fn is_bare(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().all(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => is_bare(&path),
            false => path
                .extension()
                .is_some_and(|extension| extension == "lock"),
        }
    })
}
