//! Instances that come, go, freeze and die.

use std::time::{Duration, Instant};

use local_stack::cloud_run::{Phase, Revision};
use local_stack::process::Ended;

use crate::{Service, all, kernel_state, revision, statuses, until};

#[tokio::test]
async fn from_zero_a_request_waits_for_its_instance() {
    let delay = Duration::from_millis(300);
    let service = Service::start(Revision {
        start_delay: delay,
        ..revision()
    })
    .await;
    assert!(service.run.instances().is_empty());
    let started = Instant::now();
    assert_eq!(service.get().await.status, 201);
    assert!(started.elapsed() >= delay);
    let started = service.report().started;
    assert_eq!(service.get().await.status, 201);
    assert_eq!((started, service.report().started), (1, 1));
    assert!(service.file("instance-0.log").exists());
}

#[tokio::test]
async fn the_least_instances_are_there_from_the_start_and_the_most_are_not_exceeded() {
    let service = Service::start(Revision {
        min_instances: 2,
        max_instances: 3,
        ..revision()
    })
    .await;
    assert_eq!(service.run.instances().len(), 2);
    let calls: Vec<_> = (0..5).map(|_| service.begin("go")).collect();
    until("all have arrived", || service.report().in_flight == 5).await;
    until("three are worked on", || service.at_work() == 3).await;
    assert_eq!(service.run.instances().len(), 3);
    service.make("go");
    assert_eq!(statuses(&all(calls).await), [201; 5]);
    assert_eq!(service.report().started, 3);
}

#[tokio::test]
async fn idle_instances_are_stopped_down_to_the_least() {
    let service = Service::start(Revision {
        min_instances: 1,
        idle_limit: Duration::from_millis(300),
        ..revision()
    })
    .await;
    let calls = vec![service.begun("go").await, service.begun("go").await];
    service.make("go");
    assert_eq!(statuses(&all(calls).await), [201; 2]);
    until("one is stopped", || service.report().stopped == 1).await;
    until("it has ended", || service.run.instances().len() == 1).await;
    assert_eq!(service.get().await.status, 201);
    let report = service.report();
    assert_eq!((report.started, report.killed, report.crashed), (2, 0, 0));
}

#[tokio::test]
async fn an_instance_that_shuts_down_gets_no_new_request_and_ends_the_old() {
    let files = [("END_WITH", "end")];
    let service = Service::with(revision(), None, &files).await;
    let old = service.begun("go").await;
    let instance = service.only_instance();
    service.run.shut_down(&instance).unwrap();
    service.run.shut_down(&instance).unwrap_err();
    let new = service.get().await;
    assert_eq!(new.status, 201);
    assert_ne!(new.body["pid"], instance.process.pid());
    let phases: Vec<_> = service
        .run
        .instances()
        .iter()
        .map(|one| one.phase)
        .collect();
    assert_eq!(phases, [Phase::ShuttingDown, Phase::Serving]);
    service.make("go");
    let old = old.await.unwrap();
    assert_eq!(
        (old.status, &old.body["pid"]),
        (201, &instance.process.pid().into())
    );
    service.make("end");
    until("it has ended", || service.report().stopped == 1).await;
}

#[tokio::test]
async fn an_instance_that_does_not_end_is_killed() {
    let files = [("END_WITH", "never")];
    let service = Service::with(
        Revision {
            min_instances: 1,
            ..revision()
        },
        None,
        &files,
    )
    .await;
    let instance = service.only_instance();
    service.run.shut_down(&instance).unwrap();
    until("it is killed", || service.report().killed == 1).await;
    assert!(instance.process.has_ended().unwrap().is_some());
    until("another is there", || service.report().started == 2).await;
    assert_eq!(service.report().crashed, 0);
}

#[tokio::test]
async fn an_instance_that_dies_is_503_for_its_request_and_is_replaced() {
    let service = Service::start(Revision {
        min_instances: 1,
        max_instances: 1,
        ..revision()
    })
    .await;
    let crash = reqwest::get(format!("{}/crash", service.run.url())).await;
    assert_eq!(crash.unwrap().status(), 503);
    assert_eq!(
        service.get().await.status,
        201,
        "by the one that replaces it"
    );
    let call = service.begun("never").await;
    service.only_instance().process.kill();
    assert_eq!(call.await.unwrap().status, 503);
    until("the least are there", || service.report().started == 3).await;
    assert_eq!(service.report().crashed, 2);
    assert_eq!(service.run.processes().len(), 3);
}

#[tokio::test]
async fn an_instance_that_dies_at_rest_is_noticed() {
    let service = Service::start(Revision {
        min_instances: 1,
        ..revision()
    })
    .await;
    let before = service.only_instance().process;
    before.kill();
    until("another is there", || service.report().started == 2).await;
    assert_ne!(service.only_instance().process.pid(), before.pid());
}

#[tokio::test]
async fn without_an_instance_that_starts_a_request_is_500() {
    let files = [("REFUSE_WHILE", "refused")];
    let service = Service::with(revision(), None, &files).await;
    service.make("refused");
    assert_eq!(service.get().await.status, 500);
    assert_eq!(service.report().not_started, 1);
    std::fs::remove_file(service.file("refused")).unwrap();
    assert_eq!(service.get().await.status, 201);
}

#[tokio::test]
async fn with_cpu_idle_an_instance_runs_only_beside_its_requests() {
    let service = Service::start(Revision {
        min_instances: 1,
        max_instances: 1,
        cpu_idle: true,
        request_timeout: Duration::from_secs(2),
        ..revision()
    })
    .await;
    let instance = service.only_instance();
    let is_frozen = || kernel_state(&instance) == "T";
    until("it is frozen at rest", is_frozen).await;
    let call = service.begun("go").await;
    assert!(!is_frozen());
    // What goes on after the timeout does so with the next request.
    assert_eq!(call.await.unwrap().status, 504);
    until("it is frozen at work", is_frozen).await;
    service.make("go");
    assert_eq!(service.get().await.status, 201);
    until("it is frozen again", is_frozen).await;
    // While it is stopped it has processor time.
    let ended = service.run.stop().await.unwrap();
    assert!(
        matches!(ended.as_slice(), [(_, Ended::Itself { .. })]),
        "{ended:?}"
    );
}
