//! solc's own builds: whatever one of them does, it ends as what it was, reaches nothing, and disturbs
//! nobody. A stand-in does what a real one can only be driven to by a hole in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use compiler::engine::{Engines, InputTraits};
use compiler::{CompileError, Compilers, Config, Engine, Limits, Outcome, Release};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use verification::compiler::Compiler;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{
    INTAKE, LIMITS, command_line, compile, configuration, cpu_ticks, eventually, hello, output,
    prepared, processes_told,
};

const OLD: &str = "0.4.26+commit.4563c3fc";
const MIDDLE: &str = "0.7.6+commit.7338295f";
const NEW: &str = "0.8.28+commit.7893614a";
/// In the operator's list alone.
const OWN: &str = "0.8.999+commit.0badcafe";

/// On one file system with everything else here, so that files can be linked: one that was written by
/// this process could still be open in a child that is about to start.
const TEMPORARY: &str = env!("CARGO_TARGET_TMPDIR");

/// The stand-in, compiled once.
fn stand_in() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand-in/solc.rs");
        let built = Path::new(TEMPORARY).join("solc-stand-in");
        let own = built.with_extension(std::process::id().to_string());
        let status = Command::new("rustc")
            .args([
                "--edition",
                "2024",
                "-C",
                "target-feature=+crt-static",
                "-o",
            ])
            .args([&own, &source])
            .status()
            .unwrap();
        assert!(status.success());
        std::fs::rename(&own, &built).unwrap();
        built
    })
}

/// A repository of its own with an operator's list in it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(TEMPORARY).unwrap();
        let sha256 = hex::encode(Sha256::digest(std::fs::read(stand_in()).unwrap()));
        let builds = [OLD, MIDDLE, NEW, OWN].map(|long_version| {
            json!({
                "path": format!("solc-linux-amd64-v{long_version}"),
                "longVersion": long_version,
                "sha256": format!("0x{sha256}"),
            })
        });
        let place = Self { folder };
        std::fs::create_dir(place.executables()).unwrap();
        std::fs::write(place.list(), json!({ "builds": builds }).to_string()).unwrap();
        place
    }

    /// With all that the list names.
    fn filled() -> Self {
        let place = Self::new();
        for long_version in [OLD, MIDDLE, NEW, OWN] {
            std::fs::hard_link(stand_in(), place.executable(long_version)).unwrap();
        }
        place
    }

    fn executables(&self) -> PathBuf {
        self.folder.path().join("linux-amd64")
    }

    fn executable(&self, long_version: &str) -> PathBuf {
        self.executables()
            .join(format!("solc-linux-amd64-v{long_version}"))
    }

    fn list(&self) -> PathBuf {
        self.executables().join("list.json")
    }

    fn compilers(&self) -> Compilers {
        Compilers::open(Config {
            repository: self.folder.path().to_owned(),
            native_list: Some(self.list()),
            engines: Engines::new([Engine::Wasm, Engine::Native], []),
            fetch: false,
            ..configuration()
        })
        .unwrap()
    }

    /// Everything that was started from here, and whoever carries for it.
    fn processes(&self) -> Vec<u32> {
        processes_told(self.executables().to_str().unwrap())
    }

    /// Without those who carry.
    fn programs(&self) -> Vec<u32> {
        let mut ids = self.processes();
        ids.retain(|id| !command_line(*id).contains("--parent"));
        ids
    }
}

fn find(compilers: &Compilers, version: &str) -> Release {
    let version = version.parse().unwrap();
    compilers.find(Compiler::Solc, &version).unwrap()
}

fn wish(what: &str) -> Value {
    json!({ "sources": { "a.sol": { "content": format!("// do: {what}") } } })
}

async fn run(
    compilers: &Compilers,
    version: &str,
    input: &Value,
    limits: Limits,
) -> Result<Outcome, CompileError> {
    let release = find(compilers, version);
    let input = serde_json::to_vec(input).unwrap();
    let compilation = compilers
        .compile(&release, Engine::Native, &input, &limits)
        .await?;
    assert_eq!(compilation.sandbox, compiler::sandbox::probe());
    Ok(compilation.outcome)
}

async fn said(compilers: &Compilers, version: &str, input: &Value) -> String {
    let outcome = run(compilers, version, input, LIMITS).await.unwrap();
    let said = &output(outcome)["contracts"]["a.sol"]["A"]["said"];
    said.as_str().unwrap().to_owned()
}

/// While it does its worst, a small contract is compiled beside it; afterwards no process is left.
async fn ends(what: &str, time: Duration) -> Outcome {
    let place = Place::filled();
    let compilers = place.compilers();
    let (release, _) = prepared(&compilers, "0.8.28").await;
    let limits = Limits {
        time,
        memory_bytes: 300 << 20,
        output_bytes: 1 << 20,
    };
    let (input, small) = (wish(what), hello());
    let (bomb, beside) = tokio::join!(
        run(&compilers, NEW, &input, limits),
        compile(&compilers, &release, &small),
    );
    assert!(output(beside)["contracts"]["a.sol"]["A"].is_object());
    eventually("the end of all", || place.processes().is_empty()).await;
    bomb.unwrap()
}

const LONG: Duration = Duration::from_secs(60);

async fn crashes(what: &str, why: &str) {
    let outcome = ends(what, LONG).await;
    assert!(
        matches!(&outcome, Outcome::Crashed(words) if words.contains(why)),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_release_is_started_as_it_must_be() {
    let place = Place::filled();
    let compilers = place.compilers();
    let around = "0 variables | in empty | files [0, 1, 2]";
    let empty = configuration().cache.join("empty");
    let empty = empty.display();
    for (version, arguments) in [
        (OLD, "--standard-json".to_owned()),
        (MIDDLE, format!("--standard-json --base-path {empty}")),
        (NEW, "--standard-json --no-import-callback".to_owned()),
        (OWN, "--standard-json --no-import-callback".to_owned()),
    ] {
        let said = said(&compilers, version, &wish("surroundings")).await;
        assert_eq!(said, format!("{arguments} | {around}"), "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_list_has_its_own_releases() {
    let place = Place::filled();
    let compilers = place.compilers();
    let engines = |version| compilers.engines(&find(&compilers, version), InputTraits::default());
    assert_eq!(engines(OWN), [Engine::Native]);
    assert_eq!(engines(NEW), [Engine::Wasm, Engine::Native]);
    assert!(compilers.releases().contains(&find(&compilers, OWN)));
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_work_is_stopped_in_time() {
    let began = Instant::now();
    let outcome = ends("endless", Duration::from_millis(900)).await;
    assert_eq!(outcome, Outcome::TimedOut);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_its_streams_hides_nothing() {
    let outcome = ends("close-streams", Duration::from_millis(900)).await;
    assert_eq!(outcome, Outcome::TimedOut);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_without_end_is_refused() {
    assert_eq!(ends("allocate", LONG).await, Outcome::OutOfMemory);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_not_taken() {
    let limit_bytes = 1 << 20;
    let outcome = ends("print", LONG).await;
    assert_eq!(outcome, Outcome::OutputTooLong { limit_bytes });
}

#[tokio::test(flavor = "multi_thread")]
async fn each_crash_is_told_as_what_it_was() {
    crashes("abort", "signal: 6").await;
    crashes("segfault", "signal: 11").await;
    crashes("silent", "ended without an answer").await;
    crashes("fail", "exit status: 2 Exception in the optimizer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_supervisor_is_out_of_its_reach() {
    crashes("kill", "exit status: 3 still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reached_and_nothing_started() {
    let place = Place::filled();
    let compilers = place.compilers();
    let refused = |times| vec!["permission denied"; times].join(", ");
    for (what, answer) in [
        ("fork", refused(1)),
        ("start", refused(1)),
        ("become", refused(1)),
        ("leave", "stayed".to_owned()),
        ("connect", refused(4)),
        ("write", refused(1)),
        ("threads", "sum 140".to_owned()),
    ] {
        assert_eq!(said(&compilers, NEW, &wish(what)).await, answer, "{what}");
    }
    eventually("the end of all", || place.processes().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_an_input_names_are_not_read() {
    let place = Place::filled();
    let compilers = place.compilers();
    let secret = place.folder.path().join("secret.sol");
    std::fs::write(&secret, "contract Secret {}").unwrap();
    let secret = secret.to_str().unwrap();
    let input = json!({
        "sources": {
            "a.sol": { "content": format!("// do: read\nimport \"{secret}\"; import \"../../../etc/passwd\";") },
            "b.sol": { "urls": [secret, format!("file://{secret}"), "/etc/passwd"] },
        },
        "settings": { "remappings": ["all/=/", "up/=../"] },
    });
    for version in [OLD, MIDDLE, NEW] {
        let said = said(&compilers, version, &input).await;
        assert!(!said.contains("LEAKED"), "{version}: {said}");
        assert!(!said.contains("WENT THROUGH"), "{version}: {said}");
        let refused = format!("{secret}: permission denied");
        assert_eq!(said.matches(&refused).count(), 3, "{version}: {said}");
        assert!(said.contains("/: permission denied") || said.contains("/: is a directory"));
    }
}

/// An endless program, and what its caller gets after something was done to it.
async fn interrupted(place: &Place, interrupt: impl Fn()) -> Result<Outcome, CompileError> {
    let compilers = place.compilers();
    let (input, limits) = (wish("endless"), LIMITS);
    let job = run(&compilers, NEW, &input, limits);
    let interrupting = async {
        // It starts in no time; from then on it works on its input.
        let works = |id: &u32| cpu_ticks(*id) > 10;
        eventually("work on the input", || place.programs().iter().any(works)).await;
        interrupt();
    };
    let (ended, ()) = tokio::join!(job, interrupting);
    eventually("the end of all", || place.processes().is_empty()).await;
    ended
}

fn kill(ids: &[u32]) {
    for id in ids {
        let id = i32::try_from(*id).unwrap();
        #[expect(unsafe_code, reason = "std kills children only")]
        // SAFETY: takes numbers only.
        unsafe {
            libc::kill(id, libc::SIGKILL);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_killed_by_somebody_else_says_nothing_about_the_input() {
    let place = Place::filled();
    let ended = interrupted(&place, || kill(&place.programs())).await;
    assert!(
        matches!(ended, Err(CompileError::Killed { .. })),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_ends_with_its_supervisor() {
    let place = Place::filled();
    let supervisors = || {
        let programs = place.programs();
        let mut ids = place.processes();
        ids.retain(|id| !programs.contains(id));
        ids
    };
    let ended = interrupted(&place, || kill(&supervisors())).await;
    assert!(
        matches!(ended, Err(CompileError::Killed { .. })),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_ends_the_program_at_once() {
    let place = Place::filled();
    let compilers = place.compilers();
    let job = tokio::spawn(async move {
        let input = wish("endless");
        run(&compilers, NEW, &input, LIMITS).await.map(drop)
    });
    eventually("the start", || !place.programs().is_empty()).await;
    job.abort();
    eventually("the end of all", || place.processes().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_outlives_the_service() {
    let place = Place::filled();
    let input = place.folder.path().join("endless.json");
    std::fs::write(&input, wish("endless").to_string()).unwrap();
    // An example of this package compiles as the service does; cargo builds it for its tests.
    let programs = Path::new(env!("CARGO_BIN_EXE_compiler-host"))
        .parent()
        .unwrap();
    let mut service = Command::new(programs.join("examples/served"))
        .args([programs, Path::new(NEW), &input, Path::new("1")])
        .arg(place.folder.path())
        .spawn()
        .unwrap();
    eventually("the start", || !place.programs().is_empty()).await;
    service.kill().unwrap();
    service.wait().unwrap();
    eventually("the end of all", || place.processes().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_checked_is_what_is_run() {
    let place = Place::filled();
    let compilers = place.compilers();
    assert_eq!(said(&compilers, NEW, &wish("nothing")).await, "hello");
    let swapped = place.executable(NEW).with_extension("new");
    std::fs::write(&swapped, "something else").unwrap();
    std::fs::rename(&swapped, place.executable(NEW)).unwrap();
    assert_eq!(said(&compilers, NEW, &wish("nothing")).await, "hello");
    // The next process checks again.
    let error = run(&place.compilers(), NEW, &wish("nothing"), LIMITS)
        .await
        .unwrap_err();
    let CompileError::Refused { why, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(why.contains("not what was pinned"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_copy_is_made_executable() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let executable = place.executable(OLD);
    std::fs::copy(stand_in(), &executable).unwrap();
    std::fs::set_permissions(&executable, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        said(&place.compilers(), OLD, &wish("nothing")).await,
        "hello"
    );
}

fn intake(place: &Place, version: &str, more: &[&str]) -> std::process::Output {
    Command::new(INTAKE)
        .args(["--versions", version, "--engine", "native"])
        .arg("--native-list")
        .arg(place.list())
        .arg("--repository")
        .arg(place.folder.path().join("fetched"))
        .arg("--cache")
        .arg(&configuration().cache)
        .args(more)
        .output()
        .unwrap()
}

/// A host with one file in the folder of executables.
async fn host(executable: Vec<u8>) -> MockServer {
    let host = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(format!("/linux-amd64/solc-linux-amd64-v{OWN}")))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(executable))
        .expect(1)
        .mount(&host)
        .await;
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_executable_is_fetched_once() {
    let place = Place::new();
    let host = host(std::fs::read(stand_in()).unwrap()).await;
    let folder = format!("{}/emscripten-wasm32/", host.uri());
    let (place, folder) = (std::sync::Arc::new(place), folder);
    for said in ["made ready", "is ready"] {
        let (place, folder) = (place.clone(), folder.clone());
        let output =
            tokio::task::spawn_blocking(move || intake(&place, OWN, &["--official-host", &folder]));
        let output = output.await.unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && words.contains(said), "{words}");
    }
    let compilers = Compilers::open(Config {
        repository: place.folder.path().join("fetched"),
        native_list: Some(place.list()),
        fetch: false,
        engines: Engines::new([Engine::Native], []),
        ..configuration()
    });
    let said = said(&compilers.unwrap(), OWN, &wish("nothing")).await;
    assert_eq!(said, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executable_that_is_not_what_was_pinned_is_refused() {
    let place = Place::new();
    let host = host(b"something else".to_vec()).await;
    let fetched = place.folder.path().join("fetched");
    let uri = host.uri();
    let output = tokio::task::spawn_blocking(move || {
        let output = intake(&place, OWN, &["--official-host", &uri]);
        (output, place)
    });
    let (output, _place) = output.await.unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(words.contains("not what was pinned"), "{words}");
    assert!(!fetched.join("linux-amd64").exists());
}

#[test]
fn nothing_is_fetched_where_it_must_not_be() {
    let place = Place::new();
    let output = intake(&place, OWN, &["--offline"]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(words.contains("nothing may be fetched"), "{words}");
}
