//! Requests that wait, last or break.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use local_stack::cloud_run::{CloudRun, Revision, ServiceConfig, Source};

use crate::{Service, all, revision, statuses, until};

#[tokio::test]
async fn an_instance_has_one_request_and_the_next_waits_then_is_429() {
    let limit = Duration::from_millis(1500);
    let service = Service::start(Revision {
        max_instances: 2,
        pending_limit: Some(limit),
        ..revision()
    })
    .await;
    let calls = vec![service.begun("go").await, service.begun("go").await];
    let started = Instant::now();
    let third = service.get().await;
    assert_eq!(third.status, 429);
    assert!(started.elapsed() >= limit);
    let in_flight: Vec<_> = service
        .run
        .instances()
        .iter()
        .map(|one| one.in_flight)
        .collect();
    assert_eq!(in_flight, [1, 1]);
    service.make("go");
    assert_eq!(statuses(&all(calls).await), [201, 201]);
    let report = service.report();
    assert_eq!((report.peak_in_flight, report.started), (3, 2));
    until("all is over", || service.report().in_flight == 0).await;
}

#[tokio::test]
async fn waiting_requests_get_the_instance_that_becomes_free() {
    let service = Service::start(Revision {
        max_instances: 1,
        ..revision()
    })
    .await;
    let calls = vec![
        service.begin("go"),
        service.begin("go"),
        service.begin("go"),
    ];
    until("all have arrived", || service.report().in_flight == 3).await;
    until("one is worked on", || service.at_work() == 1).await;
    assert_eq!(service.only_instance().in_flight, 1);
    service.make("go");
    let got = all(calls).await;
    assert_eq!(statuses(&got), [201; 3]);
    let first = &got[0].body["pid"];
    assert!(got.iter().all(|got| got.body["pid"] == *first));
}

#[tokio::test]
async fn an_instance_takes_as_many_requests_as_its_concurrency() {
    let service = Service::start(Revision {
        concurrency: 3,
        ..revision()
    })
    .await;
    let calls = vec![
        service.begun("go").await,
        service.begun("go").await,
        service.begun("go").await,
    ];
    assert_eq!(service.only_instance().in_flight, 3);
    let fourth = service.begun("go").await;
    assert_eq!(service.run.instances().len(), 2);
    service.make("go");
    assert_eq!(statuses(&all(calls).await), [201; 3]);
    assert_eq!(fourth.await.unwrap().status, 201);
}

#[tokio::test]
async fn at_the_timeout_the_instance_runs_on_and_gets_the_next_request() {
    let service = Service::start(Revision {
        max_instances: 1,
        request_timeout: Duration::from_secs(3),
        ..revision()
    })
    .await;
    let late = service.begin("go");
    assert_eq!(late.await.unwrap().status, 504);
    let instance = service.only_instance();
    assert_eq!(instance.in_flight, 0);
    let beside = service.get().await;
    assert_eq!(beside.status, 201);
    assert_eq!(beside.body["pid"], instance.process.pid());
    service.make("go");
    let late_one = |line: &serde_json::Value| line["event"] == "answer" && line["path"] == "/work";
    let ended = instance.process.wait_for(Duration::from_secs(5), late_one);
    ended.await.unwrap();
    assert_eq!(service.report().crashed, 0);
}

#[tokio::test]
async fn an_instance_by_hand_that_is_gone_is_503_until_it_is_back() {
    let service = Service::start(revision()).await;
    assert_eq!(service.get().await.status, 201);
    let there = service.only_instance().process.address();
    let gone: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let by_hand = CloudRun::start(ServiceConfig {
        source: Source::ByHand(vec![gone]),
        revision: revision(),
        invoker: None,
    });
    let by_hand = by_hand.await.unwrap();
    let status = async || reqwest::get(by_hand.url()).await.unwrap().status();
    assert_eq!(status().await, 503);
    assert_eq!(status().await, 503);
    by_hand.move_instance(0, there);
    assert_eq!(status().await, 201);
    assert!(by_hand.instances().is_empty() && by_hand.processes().is_empty());
}
