//! The scripts that deploy, in front of a stand-in for gcloud that writes down what it is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use local_stack::run::{Ran, run};

const LIMIT: Duration = Duration::from_secs(60);
const IMAGE: &str =
    "example.org/api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const UPDATE: &str = "run services update api --image=example.org/api@sha256:\
    0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef --no-traffic";
const TO_5: &str = "run services update-traffic api --to-revisions=api-2=5";
const TO_50: &str = "run services update-traffic api --to-revisions=api-2=50";
const TO_100: &str = "run services update-traffic api --to-revisions=api-2=100";
const TO_LATEST: &str = "run services update-traffic api --to-latest";
const BACK: &str = "run services update-traffic api --to-revisions=api-1=100";

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/deploy")
}

/// A project with one service, `api`, all of whose traffic goes to `api-1`.
struct Cloud {
    folder: tempfile::TempDir,
}

impl Cloud {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gcloud = Path::new(env!("CARGO_MANIFEST_DIR")).join("system/deployment/gcloud");
        fs::copy(gcloud, folder.path().join("gcloud")).unwrap();
        let cloud = Self { folder };
        cloud
            .with("traffic", "api-1,100\n")
            .with("newest", "api-1\n")
            .with("calls", "")
            .with("failures", "0\n0\n0\n")
            .with("requests", "10\n200\n400\n")
    }

    fn with(self, name: &str, contents: &str) -> Self {
        fs::write(self.folder.path().join(name), contents).unwrap();
        self
    }

    async fn deploy(&self, script: &str, arguments: &[&str]) -> Ran {
        // The stand-in before all others, and of those only what every Linux has.
        let path = format!("{}:/usr/bin:/bin", self.folder.path().display());
        let mut command = Command::new(scripts().join(script));
        command
            .args(arguments)
            .env("PATH", path)
            .env("WATCH_SECONDS", "0")
            .env("LOOK_EVERY", "0");
        run(command, LIMIT).await.unwrap()
    }

    async fn rollout(&self) -> Ran {
        self.deploy("rollout", &["api", IMAGE]).await
    }

    /// What would have changed something.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap();
        calls.lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_revision_without_failures_gets_all_traffic_in_steps() {
    let cloud = Cloud::new();
    cloud.rollout().await.succeeded().unwrap();
    assert_eq!(cloud.calls(), [UPDATE, TO_5, TO_50, TO_100, TO_LATEST]);
}

#[tokio::test]
async fn a_revision_that_fails_at_its_first_step_gives_the_traffic_back() {
    let cloud = Cloud::new().with("failures", "1\n");
    let ran = cloud.rollout().await;
    ran.refused().unwrap();
    ran.says("api-2 has failed: 1 entries of severity ERROR for 10 requests")
        .unwrap();
    assert_eq!(cloud.calls(), [UPDATE, TO_5, BACK]);
}

#[tokio::test]
async fn one_failure_among_a_hundred_requests_is_borne_and_two_are_not() {
    let cloud = Cloud::new().with("failures", "0\n2\n5\n");
    cloud.rollout().await.refused().unwrap();
    assert_eq!(cloud.calls(), [UPDATE, TO_5, TO_50, TO_100, BACK]);
}

#[tokio::test]
async fn a_service_without_requests_is_trusted_until_an_error() {
    let none = Cloud::new().with("requests", "0\n0\n0\n");
    none.rollout().await.succeeded().unwrap();
    let crash = none.with("failures", "0\n0\n1\n").with("calls", "");
    let crash = crash.with("newest", "api-1\n");
    crash.rollout().await.refused().unwrap();
    assert_eq!(crash.calls(), [UPDATE, TO_5, TO_50, TO_100, BACK]);
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_not_good() {
    let cloud = Cloud::new().with("failures", "0\n-\n");
    cloud.rollout().await.refused().unwrap();
    assert_eq!(cloud.calls(), [UPDATE, TO_5, TO_50, BACK]);
}

#[tokio::test]
async fn traffic_goes_back_to_where_it_was() {
    let cloud = Cloud::new()
        .with("traffic", "api-0,10\napi-1,90\napi-9,\n")
        .with("failures", "1\n");
    cloud.rollout().await.refused().unwrap();
    let back = cloud.calls().pop().unwrap();
    let (_, split) = back.split_once("--to-revisions=").unwrap();
    let mut split: Vec<_> = split.split(',').collect();
    split.sort_unstable();
    assert_eq!(split, ["api-0=10", "api-1=90"]);
}

#[tokio::test]
async fn traffic_that_cannot_be_moved_back_is_told_with_the_command() {
    let cloud = Cloud::new().with("failures", "1\n").with("broken", BACK);
    let ran = cloud.rollout().await;
    ran.refused().unwrap();
    ran.says(&format!("Please run: gcloud {BACK}")).unwrap();
}

#[tokio::test]
async fn a_revision_that_does_not_become_ready_gets_no_traffic() {
    let cloud = Cloud::new().with("broken", UPDATE);
    cloud.rollout().await.refused().unwrap();
    assert_eq!(cloud.calls(), [UPDATE]);
}

#[tokio::test]
async fn what_somebody_else_deploys_meanwhile_is_left_alone() {
    let cloud = Cloud::new().with("foreign", "example.org/api@sha256:ffff\n");
    let ran = cloud.rollout().await;
    ran.refused().unwrap();
    ran.says("somebody else").unwrap();
    assert_eq!(cloud.calls(), [UPDATE]);
}

#[tokio::test]
async fn an_image_that_runs_already_is_no_rollout() {
    let cloud = Cloud::new().with("traffic", "api-2,100\n");
    cloud.rollout().await.succeeded().unwrap();
    assert_eq!(cloud.calls(), [UPDATE]);
}

#[tokio::test]
async fn an_image_without_a_digest_changes_nothing() {
    let cloud = Cloud::new();
    let ran = cloud
        .deploy("rollout", &["api", "example.org/api:v1"])
        .await;
    ran.refused().unwrap();
    assert!(cloud.calls().is_empty(), "{:?}", cloud.calls());
}

#[tokio::test]
async fn a_job_gets_its_image_before_it_runs_and_its_failure_counts() {
    let cloud = Cloud::new();
    let arguments = ["migrate", IMAGE, "wait"];
    cloud
        .deploy("run-job", &arguments)
        .await
        .succeeded()
        .unwrap();
    let update = format!("run jobs update migrate --image={IMAGE}");
    let execute = "run jobs execute migrate --wait".to_owned();
    assert_eq!(cloud.calls(), [update, execute.clone()]);
    let cloud = cloud.with("broken", &execute);
    cloud.deploy("run-job", &arguments).await.refused().unwrap();
    let cloud = cloud.with("calls", "");
    let arguments = ["migrate", IMAGE, "perhaps"];
    cloud.deploy("run-job", &arguments).await.refused().unwrap();
    assert!(cloud.calls().is_empty());
}

#[tokio::test]
async fn an_image_is_named_by_what_was_pushed() {
    let digest = IMAGE.split_once('@').unwrap().1;
    let written = format!(
        "{{\n  \"buildx.build.ref\": \"x\",\n  \"containerimage.config.digest\": \"sha256:00\",\n  \
         \"containerimage.digest\": \"{digest}\",\n  \"image.name\": \"example.org/api:1\"\n}}\n"
    );
    let cloud = Cloud::new()
        .with("api.json", &written)
        .with("none.json", "{}");
    let image = async |file: &str| {
        let file = cloud.folder.path().join(file).display().to_string();
        cloud.deploy("image", &["example.org/api", &file]).await
    };
    assert_eq!(image("api.json").await.stdout, format!("{IMAGE}\n"));
    image("none.json").await.refused().unwrap();
}
