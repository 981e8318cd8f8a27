//! Every limit is kept, says which one it was, and leaves nothing behind.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{
    LIMITS, compilers, cpu_ticks, endless, errors, eventually, hello, prepared, processes, wide,
};
use compiler::{CompileError, Compilers, Engine, Limits, Outcome, Release};
use serde_json::Value;

async fn start() -> (Compilers, Release) {
    let compilers = compilers();
    let (release, _) = prepared(&compilers, "0.8.28").await;
    (compilers, release)
}

async fn outcome(
    compilers: &Compilers,
    release: &Release,
    input: &Value,
    limits: Limits,
) -> Outcome {
    let input = serde_json::to_vec(input).unwrap();
    compilers
        .compile(release, Engine::Wasm, &input, &limits)
        .await
        .unwrap()
        .outcome
}

/// After whatever happened, the next small compilation works, and no process is left.
async fn all_is_well(compilers: &Compilers, release: &Release, time: Duration) {
    let limits = Limits {
        time: time + Duration::from_secs(100),
        ..LIMITS
    };
    let next = outcome(compilers, release, &hello(), limits).await;
    assert!(matches!(next, Outcome::Output(_)), "{next:?}");
    eventually("the end of the process", || processes(time).is_empty()).await;
    eventually("the end of the next", || processes(limits.time).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_work_is_stopped_in_time() {
    let (compilers, release) = start().await;
    let limits = Limits {
        time: Duration::from_millis(701),
        ..LIMITS
    };
    let began = Instant::now();
    let outcome = outcome(&compilers, &release, &endless(), limits).await;
    assert_eq!(outcome, Outcome::TimedOut);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    all_is_well(&compilers, &release, limits.time).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited() {
    let (compilers, release) = start().await;
    let time = Duration::from_millis(60_002);
    let limits = Limits {
        time,
        memory_bytes: 40 << 20,
        ..LIMITS
    };
    assert_eq!(
        outcome(&compilers, &release, &endless(), limits).await,
        Outcome::OutOfMemory
    );
    // Too little even to start.
    let limits = Limits {
        time,
        memory_bytes: 1 << 20,
        ..LIMITS
    };
    assert_eq!(
        outcome(&compilers, &release, &hello(), limits).await,
        Outcome::OutOfMemory
    );
    all_is_well(&compilers, &release, time).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_larger_than_the_memory_is_too_large() {
    let (compilers, release) = start().await;
    let limits = Limits {
        memory_bytes: 40 << 20,
        ..LIMITS
    };
    let input = vec![b' '; 64 << 20];
    let outcome = compilers
        .compile(&release, Engine::Wasm, &input, &limits)
        .await
        .unwrap()
        .outcome;
    assert_eq!(outcome, Outcome::OutOfMemory);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_is_not_taken() {
    let (compilers, release) = start().await;
    let time = Duration::from_millis(60_003);
    let limits = Limits {
        time,
        output_bytes: 100,
        ..LIMITS
    };
    let long = outcome(&compilers, &release, &hello(), limits).await;
    assert_eq!(long, Outcome::OutputTooLong { limit_bytes: 100 });

    // Exactly as long as allowed is allowed.
    let Outcome::Output(json) = outcome(&compilers, &release, &hello(), LIMITS).await else {
        panic!("no output");
    };
    let bytes = u64::try_from(json.len()).unwrap();
    let exactly = Limits {
        output_bytes: bytes,
        ..LIMITS
    };
    assert_eq!(
        outcome(&compilers, &release, &hello(), exactly).await,
        Outcome::Output(json)
    );
    let less = Limits {
        output_bytes: bytes - 1,
        ..LIMITS
    };
    let less = outcome(&compilers, &release, &hello(), less).await;
    assert_eq!(
        less,
        Outcome::OutputTooLong {
            limit_bytes: bytes - 1
        }
    );
    all_is_well(&compilers, &release, time).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_told() {
    let (compilers, release) = start().await;
    let limits = Limits {
        time: Duration::from_millis(60_004),
        ..LIMITS
    };
    let crash = outcome(&compilers, &release, &wide(1_000_000), limits).await;
    let Outcome::Crashed(why) = crash else {
        panic!("{crash:?}")
    };
    assert!(why.contains("stack"), "{why}");
    all_is_well(&compilers, &release, limits.time).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_ends_the_process_at_once() {
    let (compilers, release) = start().await;
    let time = Duration::from_millis(60_005);
    let input = serde_json::to_vec(&endless()).unwrap();
    let job = tokio::spawn({
        let (compilers, release) = (compilers.clone(), release.clone());
        async move {
            let limits = Limits { time, ..LIMITS };
            compilers
                .compile(&release, Engine::Wasm, &input, &limits)
                .await
                .map(drop)
        }
    });
    eventually("the start of the process", || !processes(time).is_empty()).await;
    job.abort();
    all_is_well(&compilers, &release, time).await;
}

async fn with_signal(time: Duration, signal: i32) -> Result<Outcome, CompileError> {
    let (compilers, release) = start().await;
    let input = serde_json::to_vec(&endless()).unwrap();
    let limits = Limits { time, ..LIMITS };
    let compilation = compilers.compile(&release, Engine::Wasm, &input, &limits);
    let signaller = async {
        // It starts with a tenth of this; from then on it works on its input.
        let works = |id: &u32| cpu_ticks(*id) > 10;
        eventually("work on the input", || processes(time).iter().any(works)).await;
        for id in processes(time) {
            std::process::Command::new("kill")
                .args([format!("-{signal}"), id.to_string()])
                .status()
                .unwrap();
        }
    };
    let (compilation, ()) = tokio::join!(compilation, signaller);
    all_is_well(&compilers, &release, time).await;
    compilation.map(|compilation| compilation.outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_of_its_input_has_crashed() {
    let crash = with_signal(Duration::from_millis(60_006), libc::SIGABRT)
        .await
        .unwrap();
    assert!(
        matches!(&crash, Outcome::Crashed(why) if why.contains("signal: 6")),
        "{crash:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_by_somebody_else_says_nothing_about_the_input() {
    for (millis, signal) in [(60_007, libc::SIGKILL), (60_009, libc::SIGTERM)] {
        let error = with_signal(Duration::from_millis(millis), signal)
            .await
            .unwrap_err();
        assert!(matches!(error, CompileError::Killed { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processor_time_used_up_is_a_time_limit() {
    let outcome = with_signal(Duration::from_millis(60_008), libc::SIGXCPU)
        .await
        .unwrap();
    assert_eq!(outcome, Outcome::TimedOut);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_took_is_told() {
    let (compilers, release) = start().await;
    let input = serde_json::to_vec(&errors()).unwrap();
    let compilation = compilers
        .compile(&release, Engine::Wasm, &input, &LIMITS)
        .await
        .unwrap();
    assert_eq!(compilation.prepare, Duration::ZERO);
    assert!(
        compilation.cpu > Duration::from_millis(1),
        "{compilation:?}"
    );
    assert!(compilation.peak_memory_bytes > 10 << 20, "{compilation:?}");
    assert_eq!(compilation.sandbox, compiler::sandbox::probe());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_outlives_the_service() {
    let (_, release) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("endless.json");
    std::fs::write(&input, serde_json::to_vec(&endless()).unwrap()).unwrap();
    // An example of this package compiles as the service does; cargo builds it for its tests.
    let programs = Path::new(env!("CARGO_BIN_EXE_compiler-host"))
        .parent()
        .unwrap();
    let mut service = std::process::Command::new(programs.join("examples/served"))
        .arg(programs)
        .arg(release.long_version())
        .arg(&input)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let time = Limits::default().time;
    eventually("the start of the process", || !processes(time).is_empty()).await;
    service.kill().unwrap();
    service.wait().unwrap();
    eventually("the end of the process", || processes(time).is_empty()).await;
}
